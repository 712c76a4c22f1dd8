//! Whether the seed secret is the one that the personas were seeded with. A wrong one is refused for each of them, and
//! five refusals lock an account: so sign-ins stop for all when two personas in a row are refused, and one is let through
//! now and then to see.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// So many personas in a row are not all wrong by themselves.
const IN_A_ROW: usize = 2;
/// Until one is let through to see; doubled each time. No account is refused five times in a quarter of an hour by that
/// (contract 3.1).
const FIRST_PROBE: TimeDelta = TimeDelta::minutes(5);
const LONGEST_PROBE: TimeDelta = TimeDelta::minutes(30);

/// Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts(Arc<Mutex<Doubt>>);

/// Sign-ins are stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sign-ins are stopped, because mana-auth refused the passwords of {} in a row; one is tried again at {}",
    named(refused),
    until.format("%Y-%m-%d %H:%M:%S UTC")
)]
pub struct SignInsStopped {
    /// Whose passwords were refused, since somebody came in.
    pub refused: Vec<String>,
    /// When one is tried again.
    pub until: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Doubt {
    /// Whose passwords were refused since somebody came in.
    refused: BTreeSet<String>,
    /// Whose passwords were refused while those of others were not: it is not the secret.
    own: BTreeSet<String>,
    /// Somebody has come in, and nobody was refused since but those.
    is_proven: bool,
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Stopped {
    until: DateTime<Utc>,
    probes: u32,
    /// Who is let through to see.
    probe: Option<String>,
}

/// What has changed by an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Sign-ins are stopped from now on, or go on being so.
    Stopped(SignInsStopped),
    /// Somebody came in: they are stopped no longer.
    Over,
}

/// The first two, and how many more.
fn named(refused: &[String]) -> String {
    match refused {
        [one, other, more @ ..] if !more.is_empty() => format!("{one}, {other} and {} more", more.len()),
        few => few.join(" and "),
    }
}

impl SignInsStopped {
    /// What to do about it.
    pub const HINT: &str = "PERSONA_SEED_SECRET is most likely not the one that the personas were seeded with: set the \
                            right one and start again. More failures would lock the accounts.";
}

impl Doubts {
    /// Whether the secret is known to be right; otherwise sign-ins go one at a time.
    pub(super) fn is_proven(&self) -> bool {
        self.doubt().is_proven
    }

    /// What keeps this persona from signing in, if anything does. Whoever is let through to see is told nothing.
    pub(super) fn against(&self, email: &str, now: DateTime<Utc>) -> Option<SignInsStopped> {
        self.doubt().against(email, now)
    }

    /// That sign-ins are stopped, if they are.
    pub(super) fn stopped(&self) -> Option<SignInsStopped> {
        self.doubt().told()
    }

    /// mana-auth knows this persona and its password.
    pub(super) fn came_in(&self, email: &str) -> Option<Change> {
        self.doubt().came_in(email)
    }

    /// mana-auth has refused this persona's password.
    pub(super) fn refused(&self, email: &str, now: DateTime<Utc>) -> Option<Change> {
        self.doubt().refused(email, now)
    }

    fn doubt(&self) -> MutexGuard<'_, Doubt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doubt {
    fn against(&mut self, email: &str, now: DateTime<Utc>) -> Option<SignInsStopped> {
        let stopped = self.stopped.as_mut()?;
        if stopped.probe.as_deref() == Some(email) {
            return None;
        }
        // Also when the clock was set back by more than that.
        if stopped.until <= now || stopped.until - now > LONGEST_PROBE {
            stopped.probe = Some(email.to_owned());
            stopped.until = now + probe_after(stopped.probes);
            stopped.probes += 1;
            return None;
        }
        self.told()
    }

    fn told(&self) -> Option<SignInsStopped> {
        let until = self.stopped.as_ref()?.until;
        Some(SignInsStopped { refused: self.refused.iter().cloned().collect(), until })
    }

    fn came_in(&mut self, email: &str) -> Option<Change> {
        self.own.append(&mut self.refused);
        self.own.remove(email);
        self.is_proven = true;
        self.stopped.take().map(|_| Change::Over)
    }

    fn refused(&mut self, email: &str, now: DateTime<Utc>) -> Option<Change> {
        if let Some(stopped) = &mut self.stopped {
            // The one that was let through to see.
            stopped.probe = None;
            self.refused.insert(email.to_owned());
            return self.told().map(Change::Stopped);
        }
        if self.own.contains(email) {
            return None;
        }
        self.refused.insert(email.to_owned());
        self.is_proven = false;
        if self.refused.len() < IN_A_ROW {
            return None;
        }
        self.stopped = Some(Stopped { until: now + probe_after(0), probes: 1, probe: None });
        self.told().map(Change::Stopped)
    }
}

fn probe_after(probes: u32) -> TimeDelta {
    (FIRST_PROBE * (1 << probes.min(3))).min(LONGEST_PROBE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens, as `anna+` (came in), `anna-` (refused) and `anna` (wants to); `5` are minutes. Gives what was said
    /// to whoever wanted to.
    fn play(course: &str) -> String {
        let (mut doubt, mut now, mut said) = (Doubt::default(), DateTime::UNIX_EPOCH, Vec::new());
        for word in course.split_whitespace() {
            if let Ok(minutes) = word.parse() {
                now += TimeDelta::minutes(minutes);
            } else if let Some(email) = word.strip_suffix('+') {
                doubt.came_in(email);
            } else if let Some(email) = word.strip_suffix('-') {
                doubt.refused(email, now);
            } else {
                said.push(match doubt.against(word, now) {
                    None => "yes".to_owned(),
                    Some(SignInsStopped { refused, until }) => {
                        format!("{} {}", refused.join(","), (until - now).num_minutes())
                    }
                });
            }
        }
        said.join(" | ")
    }

    #[test]
    fn two_in_a_row_stop_all_until_one_comes_in() {
        for (name, course, said) in [
            ("nobody was refused", "anna", "yes"),
            ("one, however often", "anna- anna- anna- ben", "yes"),
            ("two in a row", "anna- ben- cem", "anna,ben 5"),
            ("somebody came in between", "anna- cem+ ben- anna", "yes"),
            ("after many came in", "cem+ dan+ eva+ anna- ben- cem", "anna,ben 5"),
            ("one is let through", "anna- ben- 5 cem dan", "yes | anna,ben 10"),
            ("the same one, until it is known", "anna- ben- 5 cem cem dan", "yes | yes | anna,ben 10"),
            ("it was refused", "anna- ben- 5 cem cem- dan 10 dan", "yes | anna,ben,cem 10 | yes"),
            ("it came in", "anna- ben- 5 cem cem+ dan anna", "yes | yes | yes"),
            ("it never knocked", "anna- ben- 5 cem 10 dan eva", "yes | yes | anna,ben 20"),
            ("the clock was set back", "anna- ben- -60 cem dan", "yes | anna,ben 10"),
            ("theirs are wrong, and not the secret", "anna- ben- 5 cem+ anna- ben- dan", "yes"),
            ("unless others are refused too", "anna- cem+ anna- dan- eva- cem", "dan,eva 5"),
        ] {
            assert_eq!(play(course), said, "{name}: {course}");
        }
    }

    #[test]
    fn one_that_is_let_through_now_and_then_is_not_locked() {
        let minutes: Vec<i64> = (0..6).map(|probes| probe_after(probes).num_minutes()).collect();
        assert_eq!(minutes, [5, 10, 20, 30, 30, 30]);
    }
}
