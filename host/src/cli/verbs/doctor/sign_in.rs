//! One sign-in of one persona: it shows whether the seed secret is right. Five failures lock an account, so it is one, of
//! somebody else each time if there are several.

use chrono::{DateTime, TimeDelta, Utc};

use super::finding::Look;
use super::port::Daemon;
use crate::cli::Failure;
use crate::mana::{Mana, SignedIn};
use domain::clock::Clock;
use domain::code::Code;

/// Who could be tried.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By address: of the ledger, or due.
    pub(super) emails: Vec<String>,
    /// Whose last turns ended at mana-auth's door, and when; one more failure could lock them.
    pub(super) turned_away: Vec<(String, DateTime<Utc>)>,
}

/// So long mana-auth remembers failures, and a lock lasts.
const REMEMBERED: TimeDelta = TimeDelta::minutes(30);

/// Signs one persona in, unless that could do harm.
pub(super) async fn look(
    look: &mut Look,
    mana: &Mana,
    known: &Known,
    daemon: Option<&Daemon>,
    named: Option<&str>,
) -> Option<SignedIn> {
    if let Some(stopped) = daemon.and_then(|daemon| daemon.stopped.as_ref()) {
        look.left_out.push(format!("a sign-in: {stopped}"));
        return None;
    }
    let email = match named {
        Some(email) => email.to_owned(),
        None => match chosen(known, Clock::system().now()) {
            Ok(email) => email,
            Err(why) => {
                look.left_out.push(format!("a sign-in: {why}"));
                return None;
            }
        },
    };
    match mana.sign_in(&email).await {
        Ok(signed_in) => {
            look.sound
                .push(format!("{email} can sign in, so the seed secret is right (one persona was tried)"));
            Some(signed_in)
        }
        Err(error) => {
            let code = error.fault_code();
            look.failed(&Failure::from(error));
            if let Some(found) = look.found.last_mut() {
                found.at = Some(format!("PERSONA_SEED_SECRET, {email}"));
                if code == Code::LoginRefused {
                    found.what += ". One sign-in of one persona was tried, which counts as one of the five failures that lock an account";
                }
            }
            None
        }
    }
}

/// Somebody who was not turned away of late, and another one than a moment ago.
fn chosen(known: &Known, now: DateTime<Utc>) -> Result<String, String> {
    let is_spared =
        |email: &String| known.turned_away.iter().any(|(own, at)| own == email && now - *at < REMEMBERED);
    let candidates: Vec<&String> = known.emails.iter().filter(|email| !is_spared(email)).collect();
    let place = usize::try_from(now.timestamp_millis()).unwrap_or_default();
    match candidates.len() {
        0 if known.emails.is_empty() => Err("nobody is due and the ledger knows nobody; --persona EMAIL names one".to_owned()),
        0 => Err("whoever is known was refused in the last half hour, and five failures lock an account; --persona EMAIL \
                  tries one all the same"
            .to_owned()),
        count => Ok(candidates[place % count].clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_refused_of_late_is_spared() {
        let now = Clock::system().now();
        let known = |refused: &[(&str, i64)]| Known {
            emails: vec!["anna".to_owned(), "ben".to_owned()],
            turned_away: refused
                .iter()
                .map(|(email, ago)| ((*email).to_owned(), now - TimeDelta::minutes(*ago)))
                .collect(),
        };
        let both: std::collections::BTreeSet<_> =
            (0..2).map(|ms| chosen(&known(&[]), now + TimeDelta::milliseconds(ms))).collect();
        assert_eq!(both.len(), 2, "another one each time");
        assert_eq!(chosen(&known(&[("anna", 5)]), now).as_deref(), Ok("ben"));
        assert!(chosen(&known(&[("anna", 5), ("ben", 29)]), now).is_err());
        assert_eq!(chosen(&known(&[("anna", 5), ("ben", 31)]), now).as_deref(), Ok("ben"));
        assert!(chosen(&Known::default(), now).expect_err("nobody").contains("--persona EMAIL"));
    }
}
