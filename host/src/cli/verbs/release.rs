//! `personas release`: lifts what keeps a persona back, in the ledger or through the daemon that has it.

use std::path::Path;

use serde_json::{Value, json};

use super::plugin::running::running;
use crate::cli::output::{GOOD, Output, styled};
use crate::cli::text::printable;
use crate::cli::{Exit, Failure, load};
use crate::store::{Ledger, LedgerError, LedgerUrl};
use domain::clock::Clock;
use domain::code::Code;

/// Releases a persona. A daemon that runs holds the ledger, and is asked.
///
/// # Errors
/// When the ledger has no turn of the persona, or can neither be written nor asked for.
pub(super) async fn release(
    email: &str,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = match url {
        Some(_) => running(url, file)?.release(email).await?,
        None => {
            let config = load::config(file)?;
            match in_ledger(email, &load::ledger(&config)?).await {
                Err(LedgerError::InUse { .. }) => running(None, file)?.release(email).await?,
                released => said(email, released?)?,
            }
        }
    };
    output.print(&document, || {
        let email = printable(email);
        if document["released"] == 0 {
            return format!("no turn of {email} is held: it plays at the next tick at which it is due\n");
        }
        format!(
            "{} it plays at the next tick at which it is due\n",
            styled(GOOD, format!("{email} is released:"))
        )
    })?;
    if url.is_none() {
        output.next(&["turns", "list", "--persona", email]);
    }
    Ok(())
}

async fn in_ledger(email: &str, url: &LedgerUrl) -> Result<Option<u64>, LedgerError> {
    let ledger = Ledger::open_existing(url, Clock::system()).await?;
    let released = ledger.release(email).await;
    ledger.close().await;
    released
}

fn said(email: &str, released: Option<u64>) -> Result<Value, Failure> {
    let released = released.ok_or_else(|| {
        let message = format!("the ledger has no turn of {email}, so nothing keeps it back");
        Failure::new(Exit::No, Code::NoSuchPersona, message)
            .hint("`persona-host personas list` shows who has run, and who is due")
    })?;
    Ok(json!({ "persona": email, "released": released }))
}
