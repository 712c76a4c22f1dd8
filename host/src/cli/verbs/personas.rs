//! `personas list` and `personas password`; `personas release` and `personas schedule` have files of their own.

use std::collections::BTreeMap;
use std::path::Path;

use comfy_table::{Cell, Color};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::kept_back::KeptBackList;
use super::plugin::running::running;
use super::release::release;
use super::seed;
use super::slots;
use super::turns::open_or_say;
use crate::cli::args::Personas;
use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{FAINT, ODD, Output, styled, table};
use crate::cli::text::printable;
use crate::cli::tick_view::scores;
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::mana::admin::{Admin, Listed};
use crate::mana::{Mana, password};
use crate::outbound;
use crate::runner::KeptBack;
use crate::store::{ForeignActivity, Ledger, Summary, TurnFilter};
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use domain::code::Code;

/// Looks at personas.
///
/// # Errors
/// When neither the ledger nor mana-auth can be asked, or there is no seed secret.
pub async fn look(verb: Personas, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Personas::Password { email } => show_password(&email, file, output),
        Personas::List { catalog } => list(catalog.as_deref(), file, output).await,
        Personas::Schedule => slots::schedule(file, output).await,
        Personas::Release { email, url } => release(&email, url.as_deref(), file, output).await,
    }
}

fn show_password(email: &str, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let password = password(&config.mana.seed_secret, email).map_err(|error| {
        Failure::new(Exit::Refused, Code::SeedSecretEmpty, error.to_string())
            .hint("set PERSONA_SEED_SECRET, or unset it to use the one for development")
    })?;
    let document = json!({ "email": email, "password": password.expose_secret() });
    output.print(&document, || format!("{}\n", password.expose_secret()))
}

/// A persona from wherever it is known.
#[derive(Default)]
struct Known {
    due: bool,
    last_active_at: Option<DateTime<Utc>>,
    last_turn: Option<Summary>,
    foreign: Option<ForeignActivity>,
}

/// Everybody who is known, by address.
#[derive(Default)]
struct Everybody {
    personas: BTreeMap<String, Known>,
    kept_back: KeptBackList,
    /// mana-auth said who is due.
    due_is_known: bool,
    /// mana-auth said when each was active last.
    activity_is_known: bool,
}

async fn list(catalog: Option<&Path>, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let mut everybody = Everybody::default();
    if let Some(catalog) = catalog {
        for entry in seed::read(catalog)?.personas {
            everybody.of(&entry.email);
        }
    }
    let ledger = open_or_say(file, output).await;
    if let Some(ledger) = &ledger {
        everybody.who_ran(ledger).await?;
    }
    everybody.due(&config, ledger.as_ref(), output).await?;
    everybody.seeded(&config, catalog.is_some(), output).await?;
    left_alone(file, output).await?;
    everybody.kept_by_the_daemon(file).await?;
    output.print(&everybody.document(), || everybody.text())
}

/// What the daemon holds back in memory, if one runs: no ledger knows it.
async fn left_alone(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let Ok(health) = running(None, file)?.health().await else { return Ok(()) };
    for kind in ["upstreams", "models"] {
        for (name, told) in health[kind].as_object().into_iter().flatten() {
            let of = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
            let until = told["until"].as_str().map_or(String::new(), |until| format!(" until {until}"));
            let line = format!(
                "{name} is {}{until}, and no turn is begun that needs it: {}",
                of("state"),
                of("why")
            );
            output.say(&styled(ODD, printable(&line)));
        }
    }
    for full in health["budget"]["full"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let line =
            format!("{full} has no room for another call, and who would need one waits for the next day");
        output.say(&styled(ODD, printable(&line)));
    }
    Ok(())
}

impl Everybody {
    fn of(&mut self, email: &str) -> &mut Known {
        self.personas.entry(email.to_owned()).or_default()
    }

    /// Who has run, who runs or waits, and whom somebody else moved.
    async fn who_ran(&mut self, ledger: &Ledger) -> Result<(), Failure> {
        let every = TurnFilter { limit: Some(10_000), ..TurnFilter::default() };
        for turn in ledger.list(&every).await? {
            let known = self.of(&turn.persona);
            if known.last_turn.is_none() {
                known.last_turn = Some(turn);
            }
        }
        for foreign in ledger.foreign_activities().await? {
            self.of(&foreign.persona).foreign = Some(foreign.clone());
        }
        self.kept_back = KeptBackList::read(ledger).await?;
        for email in self.kept_back.emails() {
            self.personas.entry(email.clone()).or_default();
        }
        Ok(())
    }

    /// Whom the daemon keeps back for what no ledger knows, if one runs.
    async fn kept_by_the_daemon(&mut self, file: Option<&Path>) -> Result<(), Failure> {
        let Ok(told) = running(None, file)?.personas().await else { return Ok(()) };
        for own in told["personas"].as_array().into_iter().flatten() {
            let is = match own["heldBy"].as_str() {
                Some("budget") => "budget",
                Some("sign-ins") => "sign-ins",
                Some("upstream") => "upstream",
                _ => continue,
            };
            let text = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
            let email = text("persona");
            self.of(&email);
            self.kept_back.kept(&email, KeptBack { is, until: None, why: text("why") });
        }
        Ok(())
    }

    /// Who is due, if there is a key to ask with and mana-auth answers.
    async fn due(&mut self, config: &Config, ledger: Option<&Ledger>, output: Output) -> Result<(), Failure> {
        if config.mana.service_key.expose_secret().is_empty() {
            output.say(&styled(FAINT, "MANA_SERVICE_KEY is not set, so mana-auth is not asked who is due"));
            return Ok(());
        }
        // By a calendar no tick looks at what mana-auth's list stands for.
        let ledger = match ledger.filter(|_| config.schedule.is_none()) {
            Some(ledger) => Some((ledger, ledger.acknowledged().await?)),
            None => None,
        };
        let options = load::mana_options(config);
        let list = match Mana::new(outbound::client()?, Clock::system(), options).due().await {
            Ok(list) => list,
            // What is known without it is worth showing.
            Err(error) => {
                output.say(&styled(ODD, format!("who is due is not known: {error}; {}", error.hint())));
                return Ok(());
            }
        };
        for persona in list.personas {
            if let Some((ledger, acknowledged)) = ledger {
                self.kept_back.due(&persona, ledger, acknowledged).await?;
            }
            let known = self.of(&persona.email);
            (known.due, known.last_active_at) = (true, persona.last_active_at);
        }
        self.due_is_known = true;
        Ok(())
    }

    /// Everybody whom mana-auth has, if there is an administrator's token. Its service key shows only who is due.
    async fn seeded(&mut self, config: &Config, has_catalog: bool, output: Output) -> Result<(), Failure> {
        let token = load::variable("MANA_ADMIN_JWT").filter(|token| !token.is_empty());
        let Some(token) = token else {
            if !has_catalog {
                let how =
                    "only who has run or is due: set MANA_ADMIN_JWT or name a --catalog to see everybody";
                output.say(&styled(FAINT, how));
            }
            return Ok(());
        };
        let admin = Admin::new(outbound::client()?, seed::admin_url(config), token.into());
        match admin.list().await {
            Ok(all) => {
                for Listed { email, last_active_at } in all {
                    self.of(&email).last_active_at = last_active_at;
                }
                self.activity_is_known = true;
            }
            // What is known without it is worth showing.
            Err(error) => output.say(&styled(ODD, format!("{error}; {}", error.hint()))),
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let persona = |(email, known): (&String, &Known)| {
            json!({
                "persona": email,
                "due": self.due_is_known.then_some(known.due),
                "lastActiveAt": known.last_active_at,
                "lastTurn": known.last_turn,
                "now": self.kept_back.of(email),
                "pausedSince": self.kept_back.paused_since(email),
                "foreignActivity": known.foreign,
            })
        };
        self.personas.iter().map(persona).collect()
    }

    fn text(&self) -> String {
        if self.personas.is_empty() {
            return "no persona has run, and none is known to be due\n".to_owned();
        }
        let mut table = table([
            Whole("persona"),
            Whole("due"),
            Whole("active last"),
            Whole("last turn"),
            Whole("state"),
            Whole("strategy"),
            Flowing("rated"),
        ]);
        for (email, known) in &self.personas {
            let turn = known.last_turn.as_ref();
            let cell = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "–".to_owned()));
            let never = || self.activity_is_known.then(|| "never".to_owned());
            table.add_row([
                Cell::new(printable(email)),
                if known.due {
                    Cell::new("due").fg(Color::Green)
                } else {
                    cell(self.due_is_known.then(|| "no".to_owned()))
                },
                cell(known.last_active_at.map(minute).or_else(never)),
                cell(turn.map(|turn| minute(turn.started_at))),
                self.kept_back.cell(email).unwrap_or_else(|| cell(turn.map(|turn| turn.state.clone()))),
                cell(turn.and_then(|turn| turn.strategy.clone())),
                cell(turn.map(|turn| printable(&scores(&turn.ratings)))),
            ]);
        }
        let kept_back = self.kept_back.text(Clock::system().now());
        format!("{}\n{kept_back}{}", table.trim_fmt(), self.foreign())
    }

    /// Whom somebody else moved, a line each.
    fn foreign(&self) -> String {
        let lines = self.personas.values().filter_map(|known| known.foreign.as_ref()).map(|foreign| {
            let (email, at) = (printable(&foreign.persona), minute(foreign.last_active_at));
            let whose = styled(ODD, "by another runner, or another ledger");
            format!("{email} was active on {at} {whose}\n")
        });
        lines.collect()
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
