//! What is in the way of playing turns: the one list that `/health`, `/health/ready`, the page Now and `status` tell.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::brakes::Pause;
use super::parts::Runner;
use super::ticks::{LastTick, TickFigures};
use crate::breaker::Standing;
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use domain::upstream::Upstream;

/// Something in the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Obstacle {
    /// Keys are missing, and the loop is off.
    Keys(Vec<&'static str>),
    /// The ledger cannot be written.
    Ledger(String),
    /// Nobody signs in, because passwords are refused.
    SignIns(SignInsStopped),
    /// A neighbour is left alone.
    Upstream {
        /// Which.
        upstream: Upstream,
        /// `open` or `half-open`.
        state: &'static str,
        /// Until then, where that is known.
        until: Option<DateTime<Utc>>,
        /// What happened.
        why: String,
    },
    /// The last tick began no turn.
    Tick {
        /// When it failed.
        failed_at: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// Everybody who was due at the last tick failed, or is held because a turn failed before.
    Faults {
        /// How many.
        due: usize,
    },
    /// Nothing serves for a plugin that strategies use.
    NoPlugin(String),
    /// Nobody plays, because somebody wants it so.
    Pause(Pause),
    /// So many personas are paused by address.
    PausedAlone(usize),
    /// A limit of the budget has no room for another call; by its key.
    Budget(String),
    /// A model is asked nothing for now.
    Model(LeftAlone),
    /// A plugin is served by another build than the one that lies in its folder.
    Plugin {
        /// Its name.
        name: String,
        /// What is with it.
        how: &'static str,
    },
}

impl Obstacle {
    /// The word for its kind.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Keys(_) => "keys",
            Self::Ledger(_) => "ledger",
            Self::SignIns(_) => "signIns",
            Self::Upstream { upstream, .. } => upstream.name(),
            Self::Tick { .. } => "tick",
            Self::Faults { .. } => "turns",
            Self::NoPlugin(_) | Self::Plugin { .. } => "plugins",
            Self::Pause(_) => "pause",
            Self::PausedAlone(_) => "pausedPersonas",
            Self::Budget(_) => "budget",
            Self::Model(_) => "models",
        }
    }

    /// What happened, in a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Keys(keys) => format!("the loop is off without {}", keys.join(", ")),
            Self::Ledger(why) | Self::Upstream { why, .. } | Self::Tick { why, .. } => why.clone(),
            Self::SignIns(stopped) => stopped.to_string(),
            Self::Faults { due: 1 } => {
                "who was due at the last tick failed, or is held for a fault".to_owned()
            }
            Self::Faults { due } => {
                format!("all {due} who were due at the last tick failed, or are held for a fault")
            }
            Self::NoPlugin(name) => format!("nothing serves for the plugin {name}"),
            Self::Pause(pause) => pause.to_string(),
            Self::PausedAlone(1) => "1 persona is paused by address".to_owned(),
            Self::PausedAlone(count) => format!("{count} personas are paused by address"),
            Self::Budget(key) => format!("{key} has no room for another call"),
            Self::Model(alone) => alone.to_string(),
            Self::Plugin { name, how } => format!("{name}: {how}"),
        }
    }

    /// Until when, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Upstream { until, .. } => *until,
            Self::Model(alone) => alone.until,
            Self::SignIns(stopped) => Some(stopped.until),
            _ => None,
        }
    }

    /// What to do about it, where somebody can do something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Keys(_) => Some("set them and start again"),
            Self::SignIns(_) => Some(SignInsStopped::HINT),
            Self::Faults { .. } => Some(
                "`persona-host turns list --ever-faulted` says what failed and why, `persona-host personas list` until when \
                 they are held",
            ),
            Self::NoPlugin(_) | Self::Plugin { .. } => Some(
                "`persona-host plugin list` says why, and `persona-host plugin check` what a build lacks",
            ),
            Self::Pause(pause) => Some(pause.hint()),
            Self::PausedAlone(_) => Some(
                "`persona-host personas list` names them; `persona-host resume --persona EMAIL` lets one go on",
            ),
            _ => None,
        }
    }

    /// For programs.
    #[must_use]
    pub fn told(&self) -> Told {
        Told { what: self.what(), why: self.why(), until: self.until(), hint: self.hint() }
    }

    /// Whether turns cannot be begun and kept for it. What an operator wants so, such as a pause or a budget that is
    /// spent, keeps nobody from being ready.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        !matches!(
            self,
            Self::Faults { .. }
                | Self::Pause(_)
                | Self::PausedAlone(_)
                | Self::Budget(_)
                | Self::Model(_)
                | Self::Plugin { .. }
        )
    }

    /// Whether the program does less than it was set up for: all that blocks, but keys that were never set; turns of which
    /// all fail; and a model that is left alone, though turns that ask others are begun.
    #[must_use]
    pub fn degrades(&self) -> bool {
        match self {
            Self::Keys(_) => false,
            Self::Faults { .. } | Self::Model(_) => true,
            other => other.is_blocking(),
        }
    }
}

/// The same for programs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Told {
    /// Of what: `keys`, `ledger`, `signIns`, a neighbour, `tick`, `turns`, `plugins`, `pause`, `pausedPersonas`, `budget`, `models`.
    pub what: &'static str,
    /// What happened, in a sentence.
    pub why: String,
    /// Until when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What to do about it, where somebody can do something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

impl Runner {
    /// What is in the way now, what blocks first. `missing` are the keys without which the loop is off.
    #[must_use]
    pub fn obstacles(&self, missing: &[&'static str]) -> Vec<Obstacle> {
        let mut all = self.blocking(missing);
        all.extend(self.wanted());
        all
    }

    fn blocking(&self, missing: &[&'static str]) -> Vec<Obstacle> {
        let deps = &self.deps;
        let mut all = Vec::new();
        if !missing.is_empty() {
            all.push(Obstacle::Keys(missing.to_vec()));
        }
        all.extend(deps.ledger.trouble().map(Obstacle::Ledger));
        all.extend(deps.mana.sign_ins_stopped().map(Obstacle::SignIns));
        for (upstream, standing) in deps.fuses.standings() {
            let state = standing.name();
            match standing {
                Standing::Closed => {}
                Standing::Open { until, why } => {
                    all.push(Obstacle::Upstream { upstream, state, until: Some(until), why });
                }
                Standing::HalfOpen { why, .. } => {
                    all.push(Obstacle::Upstream { upstream, state, until: None, why });
                }
            }
        }
        if let Some(LastTick { outcome: Err(why), ended_at: failed_at }) = self.last_tick() {
            all.push(Obstacle::Tick { failed_at, why });
        }
        let records = self.plugins();
        let without = records.iter().filter(|own| own.serving.is_none() && !own.strategies.is_empty());
        all.extend(without.map(|own| Obstacle::NoPlugin(own.name.to_string())));
        all
    }

    /// What somebody wants so, what others are the better for, and turns of which each says itself why it failed.
    fn wanted(&self) -> Vec<Obstacle> {
        let deps = &self.deps;
        let faults = self.last_tick().and_then(|last| last.outcome.ok());
        let faults = faults.filter(TickFigures::is_nothing_but_faults);
        let mut all: Vec<Obstacle> =
            faults.map(|TickFigures { due, .. }| Obstacle::Faults { due }).into_iter().collect();
        all.extend(self.pause_of_all().map(Obstacle::Pause));
        let alone = self.pauses().personas.len();
        if alone > 0 {
            all.push(Obstacle::PausedAlone(alone));
        }
        // Once for each limit, however many personas have spent theirs; who they are is nobody's business here.
        let full = deps.budget.of_today().into_iter().filter(|part| part.is_full);
        let full: BTreeSet<String> = full.map(|part| part.account.key()).collect();
        all.extend(full.into_iter().map(Obstacle::Budget));
        all.extend(deps.claude.left_alone().into_iter().map(Obstacle::Model));
        for own in self.plugins().into_iter().filter(|own| own.refused || own.quarantine.is_some()) {
            let how = if own.refused { "what lies in the folder was refused" } else { "it is in quarantine" };
            all.push(Obstacle::Plugin { name: own.name.to_string(), how });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wants_so_blocks_nobody_and_is_told_all_the_same() {
        let alone = LeftAlone {
            name: "haiku".to_owned(),
            state: LeftAlone::COOLING,
            until: None,
            why: "429".to_owned(),
        };
        for (obstacle, what, blocks, degrades) in [
            (Obstacle::Keys(vec!["ANTHROPIC_API_KEY"]), "keys", true, false),
            (Obstacle::Ledger("disk full".to_owned()), "ledger", true, true),
            (Obstacle::NoPlugin("own".to_owned()), "plugins", true, true),
            (Obstacle::Faults { due: 10 }, "turns", false, true),
            (Obstacle::Pause(Pause::Configured), "pause", false, false),
            (Obstacle::PausedAlone(2), "pausedPersonas", false, false),
            (Obstacle::Budget("budget.day".to_owned()), "budget", false, false),
            (Obstacle::Model(alone), "models", false, true),
            (
                Obstacle::Plugin { name: "own".to_owned(), how: "it is in quarantine" },
                "plugins",
                false,
                false,
            ),
        ] {
            let told = obstacle.told();
            assert_eq!((told.what, obstacle.is_blocking(), obstacle.degrades()), (what, blocks, degrades));
            assert!(!told.why.is_empty(), "{told:?}");
        }
    }
}
