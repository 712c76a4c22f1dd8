//! The ledger: whether it can be used, and what in it waits for somebody.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::timeout;

use super::finding::{Look, Mend};
use super::port::Daemon;
use super::sign_in::Known;
use crate::aside::{Aside, Silent};
use crate::cli::text::so_many;
use crate::cli::{Failure, load};
use crate::config::Config;
use crate::disk;
use crate::store::{Ledger, LedgerError, LedgerUrl, Open, OpenTurn, TurnFilter};
use crate::turn::Budget;
use domain::clock::Clock;
use domain::code::Code;
use domain::ids::TurnId;

const PATIENCE: Duration = Duration::from_secs(5);
/// A delivery that waits for longer than that waits for somebody.
const OLD: TimeDelta = TimeDelta::hours(1);
/// So many turns tell whom there is to try.
const RECENT: u32 = 200;
/// The sentences in which a turn says that it ended at mana-auth's door.
const AT_THE_DOOR: &str = "login-";

/// Looks at the ledger. Gives whom it knows.
pub(super) async fn look(config: &Config, daemon: Option<&Daemon>) -> (Look, Known) {
    let mut look = Look::at("ledger");
    // One that is no ledger's was told with the configuration.
    let Ok(url) = load::ledger(config) else { return (look, Known::default()) };
    let is_held = match on_disk(&mut look, &url).await {
        Ok(is_held) => is_held,
        Err(silent) => {
            no_answer(&mut look, &url, &format!("the disk of its file: {silent}"));
            return (look, Known::default());
        }
    };
    match is_held {
        Some(true) if daemon.is_some() => look.sound.push("the persona-host that runs has it".to_owned()),
        Some(true) => {
            look.failed(&Failure::from(LedgerError::InUse { ledger: url.clone() }));
            if let Some(found) = look.found.last_mut() {
                found.at = Some(url.to_string());
                found.cause =
                    "a persona-host that listens elsewhere has it, or a `tick` or an `experiment run`"
                        .to_owned();
                found.fix = "wait for that to end, or stop it; `fuser` or `lsof` of the .lock file beside it names it".to_owned();
            }
        }
        _ => {}
    }
    match timeout(PATIENCE, Ledger::open_to_read(&url, Clock::system())).await {
        Ok(Ok(ledger)) => match timeout(PATIENCE, within(&mut look, config, &url, &ledger)).await {
            Ok(Ok(known)) => {
                whole(&mut look, &url, &ledger).await;
                return (look, known);
            }
            Ok(Err(error)) => of_error(&mut look, &url, error),
            Err(_) => look.left_out.push(format!("what waits in {url}: it takes its time")),
        },
        Ok(Err(LedgerError::Missing { .. })) => {
            look.sound.push(format!("there is none yet at {url}; `persona-host run` makes it"));
        }
        Ok(Err(LedgerError::Older { .. })) => {
            look.sound.push(format!("{url} is of an older version; `persona-host run` brings it up to date"));
        }
        Ok(Err(error)) => of_error(&mut look, &url, error),
        Err(_) => no_answer(&mut look, &url, "its disk or its server says nothing for 5 s"),
    }
    (look, Known::default())
}

fn no_answer(look: &mut Look, url: &LedgerUrl, cause: &str) {
    look.wrong(
        format!("the ledger {url} does not answer"),
        Some("store.url (PERSONA_STORE_URL)".to_owned()),
        cause,
        "look whether the disk is mounted, or the server is up",
    );
}

/// Looks at the file where it lies, and whether anybody has it. A disk that hangs holds up nobody for long.
async fn on_disk(look: &mut Look, url: &LedgerUrl) -> Result<Option<bool>, Silent> {
    let asked = url.clone();
    let ask = move || {
        let mut own = Look::at("ledger");
        asked.file().into_iter().for_each(|path| of_file(&mut own, path));
        (own.found, Ledger::is_held(&asked).ok().flatten())
    };
    let (found, is_held) = Aside::new(PATIENCE).ask(ask).await?;
    look.found.extend(found);
    Ok(is_held)
}

fn of_error(look: &mut Look, url: &LedgerUrl, error: LedgerError) {
    look.failed(&Failure::from(error));
    if let Some(found) = look.found.last_mut() {
        found.at = Some(format!("store.url (PERSONA_STORE_URL): {url}"));
    }
}

/// The folder, and whether this user may write there.
fn of_file(look: &mut Look, path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = Some(format!("store.url (PERSONA_STORE_URL): {}", path.display()));
    if !folder.exists() {
        let found = look.wrong(
            format!("the folder {} of the ledger does not exist", folder.display()),
            at,
            "it was never made, is not mounted, or store.url has a slip; `run` would make it and begin a new ledger there",
            format!("if the place is meant: mkdir -p -m 700 {} (or `persona-host doctor --fix`); if not, correct store.url", folder.display()),
        );
        found.mend = Some(Mend::Folder(folder.to_owned()));
        return;
    }
    let closed = [folder, path]
        .into_iter()
        .filter(|own| own.exists())
        .find_map(|own| Some((own, disk::may_write(own).err()?)));
    let no_folder =
        (!folder.is_dir()).then(|| (folder, std::io::Error::from(std::io::ErrorKind::NotADirectory)));
    if let Some((own, cause)) = no_folder.or(closed) {
        look.wrong(
            format!("the ledger cannot be written: {}", own.display()),
            at,
            format!("{cause}: this user may not write there, or it is no folder"),
            format!("let the user that runs persona-host own it: chown -R \"$USER\" {}", folder.display()),
        );
    }
}

/// What is in it that waits for somebody.
async fn within(
    look: &mut Look,
    config: &Config,
    url: &LedgerUrl,
    ledger: &Ledger,
) -> Result<Known, LedgerError> {
    let at = || Some(url.to_string());
    let undelivered = ledger.undelivered().await?;
    if let Some(oldest) = undelivered.oldest.filter(|oldest| Clock::system().now() - *oldest > OLD) {
        let since = oldest.format("%Y-%m-%d %H:%M UTC");
        let wait = so_many(
            usize::try_from(undelivered.waiting).unwrap_or(usize::MAX),
            "delivery to mana-auth waits",
            "deliveries to mana-auth wait",
        );
        look.wrong(
            format!("{wait}, the oldest of a turn that began {since}"),
            at(),
            undelivered.last_error.unwrap_or_else(|| "no persona-host has run since, or mana-auth was away".to_owned()),
            "nothing is lost: mend what mana-auth complains of, and let `persona-host run` (or a `tick`) send them",
        );
    }
    if let Some((turn, said)) = ledger.latest_refused().await? {
        refused_for_good(look, undelivered.refused, turn, said, at());
    }
    let open = ledger.open_turns().await?;
    parked(look, &open, at());
    let held = open.iter().filter(|own| matches!(own.open, Open::Held { .. })).count();
    if held > 0 {
        let held = so_many(held, "turn is held", "turns are held");
        look.notes.push(format!("{held}; `persona-host personas list` tells until when and why"));
    }
    paused(look, config, ledger, at()).await?;
    full(look, config, ledger).await?;
    let recent = ledger.list(&TurnFilter { limit: Some(RECENT), ..TurnFilter::default() }).await?;
    let turned_away = recent
        .iter()
        .filter(|turn| turn.fault_code.as_deref().is_some_and(|code| code.starts_with(AT_THE_DOOR)));
    let turned_away = turned_away.map(|turn| (turn.persona.clone(), turn.begun_at)).collect();
    let mut emails: Vec<String> = recent.into_iter().map(|turn| turn.persona).collect();
    emails.sort();
    emails.dedup();
    look.sound.push(format!("{url} can be read"));
    Ok(Known { emails, turned_away })
}

fn refused_for_good(look: &mut Look, refused: u64, turn: TurnId, said: Option<String>, at: Option<String>) {
    let refused = usize::try_from(refused).unwrap_or(usize::MAX);
    let found = look.wrong(
        so_many(
            refused,
            "delivery was refused by mana-auth for good",
            "deliveries were refused by mana-auth for good",
        ),
        at,
        said.unwrap_or_else(|| "mana-auth does not accept what is in it".to_owned()),
        format!(
            "persona-host turns show {turn} tells what mana-auth never got of the latest; it stays in the ledger, and is told here \
             as long as it does (store.keep)"
        ),
    );
    found.code = Some(Code::DeliveryRefused.word().to_owned());
}

fn parked(look: &mut Look, open: &[OpenTurn], at: Option<String>) {
    let parked: Vec<_> = open
        .iter()
        .filter_map(|own| match &own.open {
            Open::Parked { why, .. } => Some((own, why)),
            _ => None,
        })
        .collect();
    if let Some((first, why)) = parked.first() {
        look.wrong(
            format!(
                "{} for somebody; one is of {}",
                so_many(parked.len(), "turn is parked, and waits", "turns are parked, and wait"),
                first.persona
            ),
            at,
            (*why).clone(),
            format!("mend the cause, then persona-host turns resume {}; `persona-host turns list --state parked` lists all", first.turn),
        );
    }
}

async fn paused(
    look: &mut Look,
    config: &Config,
    ledger: &Ledger,
    at: Option<String>,
) -> Result<(), LedgerError> {
    if config.runner.paused {
        look.wrong(
            "personas are paused from the start",
            Some("RUNNER_PAUSED, `paused` in [runner]".to_owned()),
            "the configuration says so",
            "unset RUNNER_PAUSED or write paused = false; until then `persona-host resume` goes on",
        );
    }
    let pauses = ledger.pauses().await?;
    if let Some(paused) = &pauses.everybody {
        look.wrong("nobody plays", at.clone(), format!("all personas are {paused}"), "persona-host resume");
    }
    if let Some((email, paused)) = pauses.personas.iter().next() {
        look.wrong(
            format!(
                "{}, paused by address",
                so_many(pauses.personas.len(), "persona does not play", "personas do not play")
            ),
            at,
            format!("{email} is {paused}"),
            format!("persona-host resume --persona {email}; `persona-host personas list` names all"),
        );
    }
    Ok(())
}

async fn full(look: &mut Look, config: &Config, ledger: &Ledger) -> Result<(), LedgerError> {
    let (limits, zone) = (config.budget.clone(), config.runner.time_zone);
    let budget = Budget::of_ledger(limits, Clock::system(), zone, ledger, config.model.max_tokens).await?;
    for part in budget.of_today().into_iter().filter(|part| part.is_full || part.taken >= part.limit) {
        look.wrong(
            format!("today's budget is spent: {}", part.account.named()),
            Some("[budget]".to_owned()),
            format!("{} of {} are spent or promised to calls under way", part.taken, part.limit),
            "wait for the next day, or raise the limit in [budget] and send `run` a SIGHUP, or start it; `persona-host costs --by persona --since 1d` \
             tells what it went for",
        );
    }
    Ok(())
}

/// Whether the file is whole, as far as that is known soon.
async fn whole(look: &mut Look, url: &LedgerUrl, ledger: &Ledger) {
    match timeout(PATIENCE, ledger.damage()).await {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(said))) => {
            look.wrong(
                format!("the ledger {url} is damaged"),
                Some(url.to_string()),
                format!("SQLite says: {said}"),
                "stop the program, keep a copy of the file as it is, and put back the last good copy (docs/operating.md, \"Back up and restore\")",
            );
        }
        Ok(Err(error)) => of_error(look, url, error),
        Err(_) => look.left_out.push(format!(
            "whether all of {url} is whole: it is large. `sqlite3 FILE 'PRAGMA quick_check'` takes its time for it"
        )),
    }
}
