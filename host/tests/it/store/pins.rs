//! What a tool was, by server.

use std::collections::BTreeMap;

use domain::ids::Sha256Hex;

use super::{Home, Shelf, on_both_databases};

on_both_databases! {
    a_tool_is_pinned_for_its_server_until_it_is_pinned_anew
}

async fn a_tool_is_pinned_for_its_server_until_it_is_pinned_anew(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let digest = |text: &str| Sha256Hex::of(text.as_bytes());
    let pin = |tool: &str, text: &str| (tool.to_owned(), digest(text));
    assert_eq!(ledger.tool_pins("here").await.unwrap(), BTreeMap::new());
    ledger.pin_tools("here", &[pin("a", "1"), pin("b", "1")]).await.unwrap();
    ledger.pin_tools("there", &[pin("a", "2")]).await.unwrap();
    ledger.pin_tools("here", &[pin("b", "3")]).await.unwrap();
    let pins = BTreeMap::from([pin("a", "1"), pin("b", "3")]);
    assert_eq!(ledger.tool_pins("here").await.unwrap(), pins);
    ledger.close().await;
}
