//! `personas schedule`: when each persona's slots are, by the host's own schedule.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::Cell;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::turns::open_or_say;
use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{FAINT, ODD, Output, styled, table};
use crate::cli::text::printable;
use crate::cli::{Failure, load};
use crate::config::Config;
use crate::mana::Mana;
use crate::outbound;
use domain::clock::Clock;
use domain::persona::Persona;
use schedule::{Moment, Plan, Rule, Rules, When};

/// A persona's slots.
struct Slots {
    persona: Persona,
    rule: Rule,
    latest: Option<Moment>,
    /// Whether the latest slot has a turn; nothing where there is no ledger.
    played: Option<bool>,
    next: Option<Moment>,
}

/// Shows the slots of everybody whom the ledger or mana-auth's list of who is due knows.
///
/// # Errors
/// When the configuration or the ledger cannot be used, or mana-auth refuses.
pub(super) async fn schedule(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let Some(rules) = config.schedule.clone() else {
        return output.print(&json!({ "mode": "since_last", "personas": [] }), || {
            "mana-auth decides who is due (schedule.mode = \"since_last\"): `personas list` shows who is\n".to_owned()
        });
    };
    let slots = slots(&config, rules, file, output).await?;
    let personas: Vec<Value> = slots.iter().map(Slots::document).collect();
    output.print(&json!({ "mode": "calendar", "personas": personas }), || text(&slots))
}

async fn slots(
    config: &Config,
    rules: Rules,
    file: Option<&Path>,
    output: Output,
) -> Result<Vec<Slots>, Failure> {
    let (mut plan, clock) = (Plan::new(rules.clone()), Clock::system());
    let ledger = open_or_say(file, output).await;
    if let Some(ledger) = &ledger {
        for resident in ledger.residents().await? {
            plan.know(resident.persona, Some(resident.served));
        }
    }
    if config.mana.service_key.expose_secret().is_empty() {
        let how = "MANA_SERVICE_KEY is not set, so nobody is shown who has not had a turn yet";
        output.say(&styled(FAINT, how));
    } else {
        let mana = Mana::new(outbound::client()?, clock.clone(), load::mana_options(config));
        for persona in mana.due().await?.personas {
            plan.know(persona, None);
        }
    }
    let unmatched = rules.unmatched(plan.personas());
    if !plan.is_empty() && !unmatched.is_empty() {
        let entries = printable(&unmatched.join(", "));
        output.say(&styled(ODD, format!("{entries}: fits nobody who is known")));
    }
    let (mut slots, now) = (Vec::new(), clock.now());
    for persona in plan.personas() {
        let rule = rules.rule_for(persona);
        let (latest, next) = rule.around(&persona.id, now);
        let played = match (&ledger, latest) {
            (Some(ledger), Some(latest)) => Some(ledger.record_of(&persona.id, latest).await?.begun),
            _ => None,
        };
        slots.push(Slots { persona: persona.clone(), rule, latest, played, next });
    }
    slots.sort_by(|a, b| {
        (a.next.map(|next| next.at), &a.persona.email).cmp(&(b.next.map(|next| next.at), &b.persona.email))
    });
    Ok(slots)
}

impl Slots {
    /// How often, and in which part of the day.
    fn when(&self) -> String {
        match self.rule.when {
            When::Daily | When::Weekdays => format!("{} {}", self.rule.when, self.rule.window),
            When::Every(_) | When::Cron(_) | When::Never => self.rule.when.to_string(),
        }
    }

    fn document(&self) -> Value {
        let utc = |moment: Option<Moment>| {
            moment.map(|moment| moment.at.to_rfc3339_opts(SecondsFormat::Secs, true))
        };
        json!({
            "persona": self.persona.email,
            "when": self.when(),
            "zone": self.rule.zone.name(),
            "catchUpSeconds": self.rule.catch_up.num_seconds(),
            "latest": utc(self.latest),
            "latestHasTurn": self.played,
            "next": utc(self.next),
        })
    }

    /// By the persona's own clocks.
    fn there(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.rule.zone).format("%a %Y-%m-%d %H:%M:%S").to_string()
    }
}

fn text(slots: &[Slots]) -> String {
    if slots.is_empty() {
        return "nobody is known yet: neither in the ledger nor in mana-auth's list of who is due\n"
            .to_owned();
    }
    let mut table = table([
        Whole("persona"),
        Flowing("when"),
        Whole("zone"),
        Whole("latest slot there"),
        Whole("turn"),
        Whole("next slot there"),
    ]);
    for own in slots {
        let there = |moment: Option<Moment>| moment.map_or("–".to_owned(), |moment| own.there(moment.at));
        table.add_row([
            Cell::new(printable(&own.persona.email)),
            Cell::new(own.when()),
            Cell::new(own.rule.zone.name()),
            Cell::new(there(own.latest)),
            Cell::new(own.played.map_or("–", |played| if played { "yes" } else { "no" })),
            Cell::new(there(own.next)),
        ]);
    }
    format!("{}\n", table.trim_fmt())
}
