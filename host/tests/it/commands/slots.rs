//! `personas schedule`, and ticks by a calendar, as people call them.

use super::{Shell, catalog, stack};

/// Everybody has a slot each minute, but for Ben, who has none.
const CALENDAR: &str = r#"
[schedule]
mode = "calendar"
zone = "Asia/Tokyo"
[schedule.cadences]
daily = { every = "60s", catch_up = "1h" }
[schedule.personas]
"persona.ben@mana.test" = { cadence = "never" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_slots_of_everybody_can_be_looked_at_before_and_after_they_are_played() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    let none = shell.document("personas schedule", 0);
    assert_eq!(none["mode"], "since_last", "{none}");
    shell.write("persona-host.toml", CALENDAR);

    let of = |persona: &str| {
        let document = shell.document("personas schedule", 0);
        let personas = document["personas"].as_array().unwrap().clone();
        personas.into_iter().find(|own| own["persona"] == format!("persona.{persona}@mana.test")).unwrap()
    };
    let anna = of("anna");
    assert_eq!((&anna["when"], &anna["zone"]), (&"every 60 s".into(), &"Asia/Tokyo".into()), "{anna}");
    assert!(
        anna["latest"].is_string() && anna["next"].is_string() && anna["latestHasTurn"].is_null(),
        "{anna}"
    );
    assert!(of("ben")["next"].is_null());

    let tick = shell.document("tick", 0);
    assert_eq!((&tick["due"], &tick["ranSuccessfully"]), (&1.into(), &1.into()), "{tick}");
    let turns = shell.document("turns list", 0);
    assert_eq!(turns.as_array().map(Vec::len), Some(1), "{turns}");
    assert!(of("anna")["latestHasTurn"].is_boolean());
    let said = shell.call("personas schedule");
    assert!(said.stdout.contains("persona.anna@mana.test  every 60 s"), "{said:?}");
    let error = shell.error("tick --persona persona.ben@mana.test", 100);
    assert_eq!(
        error["message"],
        "nobody of the address persona.ben@mana.test is known: neither due now, nor in the ledger"
    );
    stack.stop().await;
}
