//! The closed list of the kinds of events: what each is called, when it comes, and whether it is kept in the ledger.

use super::event::Event;
use super::ids::TurnId;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// As the stream, the ledger and the commands name it.
    pub name: &'static str,
    /// When it comes.
    pub when: &'static str,
    /// Why none of it is kept, and none told in the stream. Nothing: it is.
    pub left_out: Option<&'static str>,
}

/// The name of what stands where events are missing. It is an event of the stream only.
pub const GAP: &str = "gap";

/// All of them, as a turn goes, and then the others.
pub const KINDS: [Kind; 35] = [
    kept("started", "persona-host runs from now on"),
    kept("stopping", "persona-host was told to end"),
    left_out("tick-started", "somebody asks who is due", "`tick-ended` or `tick-failed` says as much"),
    kept("tick-ended", "the turns of a tick are over; left out where nobody was due"),
    kept("tick-failed", "a tick did not come to its end: nobody says who is due, or nothing can be written"),
    left_out(
        "held",
        "somebody is due and kept back",
        "it comes at each tick again; `turn-ended` and `GET /api/personas` tell who is held",
    ),
    kept("slots-left-out", "slots of the calendar were left out"),
    kept("schedule-fits-nobody", "entries of the schedule fit nobody who is known"),
    kept("backlog", "who waits can no longer be served in time, or can again"),
    kept("foreign-activity", "somebody else delivered for a persona"),
    kept("sign-in-waits", "mana-auth takes no more sign-ins at once"),
    kept("sign-ins-stopped", "passwords are refused, and nobody signs in for a while"),
    kept("sign-ins-go-on", "a password is accepted again"),
    kept("entry-unreadable", "an entry of the list of who is due cannot be read"),
    kept("turn-started", "an attempt at a turn begins"),
    kept("turn-assigned", "it is fixed who plays a turn"),
    kept("stage-ended", "a stage of a turn is over"),
    kept("model-called", "Claude has answered"),
    kept("model-failed", "Claude did not answer, however often it was asked"),
    kept("tool-called", "a tool has answered"),
    left_out(
        "plugin-called",
        "a plugin has answered",
        "it comes several times a turn and says how dear a call was: metrics count that",
    ),
    kept("turn-ended", "an attempt at a turn is over"),
    kept("delivered", "mana-auth has taken a delivery, or has not"),
    kept("plugin-loaded", "a build of a plugin is let in"),
    kept("plugin-refused", "a build of a plugin is not let in"),
    kept("plugin-orphaned", "a plugin's file is gone, or there again"),
    kept("plugin-unused", "there is a plugin that no strategy uses"),
    kept("plugin-quarantined", "a generation broke down too often"),
    kept("plugin-recovered", "a generation serves again, or everybody after its trial"),
    left_out(
        "plugin-logged",
        "a plugin has written a log line",
        "a plugin may quote prompts and replies; `GET /api/plugins/{name}/logs` shows the last lines",
    ),
    kept("upstream-changed", "a neighbour is left alone for a while, tried, or asked again"),
    kept("model-changed", "a model is left alone for a while, or answers again"),
    kept("cooled-down", "Claude has asked for patience"),
    kept("model-repeated", "a call to Claude failed and is made again"),
    kept("paused", "everybody, or one persona, is paused or goes on"),
];

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|own| own.name == name)
    }
}

impl Event {
    /// What kind it is of, by its name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopping { .. } => "stopping",
            Self::TickStarted { .. } => "tick-started",
            Self::TickEnded { .. } => "tick-ended",
            Self::TickFailed { .. } => "tick-failed",
            Self::Held { .. } => "held",
            Self::SlotsLeftOut { .. } => "slots-left-out",
            Self::ScheduleFitsNobody { .. } => "schedule-fits-nobody",
            Self::Backlog { .. } => "backlog",
            Self::ForeignActivity { .. } => "foreign-activity",
            Self::SignInWaits { .. } => "sign-in-waits",
            Self::SignInsStopped { .. } => "sign-ins-stopped",
            Self::SignInsGoOn => "sign-ins-go-on",
            Self::EntryUnreadable { .. } => "entry-unreadable",
            Self::TurnStarted { .. } => "turn-started",
            Self::TurnAssigned { .. } => "turn-assigned",
            Self::StageEnded { .. } => "stage-ended",
            Self::ModelCalled { .. } => "model-called",
            Self::ModelFailed { .. } => "model-failed",
            Self::ToolCalled { .. } => "tool-called",
            Self::PluginCalled { .. } => "plugin-called",
            Self::TurnEnded { .. } => "turn-ended",
            Self::Delivered { .. } => "delivered",
            Self::PluginLoaded { .. } => "plugin-loaded",
            Self::PluginRefused { .. } => "plugin-refused",
            Self::PluginOrphaned { .. } => "plugin-orphaned",
            Self::PluginUnused { .. } => "plugin-unused",
            Self::PluginQuarantined { .. } => "plugin-quarantined",
            Self::PluginRecovered { .. } => "plugin-recovered",
            Self::PluginLogged { .. } => "plugin-logged",
            Self::UpstreamChanged { .. } => "upstream-changed",
            Self::ModelChanged { .. } => "model-changed",
            Self::CooledDown { .. } => "cooled-down",
            Self::ModelRepeated { .. } => "model-repeated",
            Self::Paused { .. } => "paused",
        }
    }

    /// Whether it is kept in the ledger, and told in the stream.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        match self {
            Self::TickEnded { due, .. } => *due > 0,
            Self::Backlog { news, .. } => *news,
            other => Kind::named(other.kind()).is_some_and(|kind| kind.left_out.is_none()),
        }
    }

    /// The turn that it is about.
    #[must_use]
    pub fn turn(&self) -> Option<TurnId> {
        match self {
            Self::TurnStarted { turn, .. }
            | Self::TurnAssigned { turn, .. }
            | Self::StageEnded { turn, .. }
            | Self::ModelCalled { turn, .. }
            | Self::ModelFailed { turn, .. }
            | Self::ToolCalled { turn, .. }
            | Self::PluginCalled { turn, .. }
            | Self::TurnEnded { turn, .. } => Some(*turn),
            _ => None,
        }
    }

    /// The address of the persona that it is about, where it says so itself.
    #[must_use]
    pub fn persona(&self) -> Option<&str> {
        match self {
            Self::Held { email, .. }
            | Self::ForeignActivity { email, .. }
            | Self::SignInWaits { email, .. }
            | Self::TurnStarted { email, .. }
            | Self::StageEnded { email, .. }
            | Self::ToolCalled { email, .. }
            | Self::TurnEnded { email, .. }
            | Self::Paused { email: Some(email), .. } => Some(email),
            _ => None,
        }
    }
}

const fn kept(name: &'static str, when: &'static str) -> Kind {
    Kind { name, when, left_out: None }
}

const fn left_out(name: &'static str, when: &'static str, why: &'static str) -> Kind {
    Kind { name, when, left_out: Some(why) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::code::Code;
    use crate::fault::{Fault, Stage};
    use crate::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, Slot, StrategyName};
    use crate::playing::Playing;
    use crate::plugin::ServedAs;
    use crate::rating::{Rating, Score};
    use crate::step::StepKey;
    use crate::transcript::Phase;
    use crate::turn_end::TurnEnd;
    use crate::upstream::Upstream;
    use crate::usage::{NanoUsd, Usage};

    const REFERENCE: &str = include_str!("../../../docs/reference/events.md");

    /// One of each kind, in the order of the list.
    fn samples() -> Vec<Event> {
        let turn = TurnId::of(&PersonaId::new("anna"), &Slot::after(None));
        let (email, took) = ("persona.anna@mana.test".to_owned(), Duration::from_millis(1_250));
        let (until, plugin) = (chrono::DateTime::UNIX_EPOCH, PluginName::new("daily"));
        let (generation, why) = (GenerationNumber(2), "it does not answer".to_owned());
        let fault = Fault::new(Stage::Parse, Code::PluginTrap, "it broke down").hint("mend it");
        let notes = Some("what the persona adds".to_owned());
        let step = StepKey::model(Phase::Main, 1);
        let playing = Playing {
            strategy: StrategyName::new("daily"),
            arm: None,
            plugin: plugin.clone(),
            generation,
            sha256: Sha256Hex::of(b"build"),
            served_as: ServedAs::Live,
            model: "claude-somebody".to_owned(),
        };
        vec![
            Event::Started { version: "0.1.0" },
            Event::Stopping { running: 1 },
            Event::TickStarted { lag: took },
            Event::TickEnded { due: 1, completed: 1, faults: 0, held: 0, took },
            Event::TickFailed { code: "mana-unreachable", why: why.clone(), took },
            Event::Held { email: email.clone(), reason: why.clone() },
            Event::SlotsLeftOut { late: 1, busy: 0 },
            Event::ScheduleFitsNobody { entries: vec!["daily".to_owned()], known: 3 },
            Event::Backlog { waiting: 3, utilisation: 1.5, news: true },
            Event::ForeignActivity { email: email.clone(), last_active_at: until, ours: until },
            Event::SignInWaits { email: email.clone(), until },
            Event::SignInsStopped { refused: vec![email.clone()], until, hint: "mend it" },
            Event::SignInsGoOn,
            Event::EntryUnreadable { who: email.clone(), reason: why.clone() },
            Event::TurnStarted { turn, email: email.clone(), attempt: 1 },
            Event::TurnAssigned { turn, playing: Box::new(playing) },
            Event::StageEnded {
                turn,
                email: email.clone(),
                stage: Stage::Compose,
                took,
                ok: true,
                code: None,
            },
            Event::ModelCalled {
                turn,
                phase: Phase::Main,
                step: step.clone(),
                asked: "claude-somebody".to_owned(),
                reply: "msg_1".to_owned(),
                stop_reason: "end_turn".to_owned(),
                attempts: 1,
                said: None,
                model: "claude-somebody".to_owned(),
                usage: Usage::default(),
                cost: Some(NanoUsd(1_500_000)),
                cache_miss: None,
                took,
            },
            Event::ModelFailed {
                turn,
                phase: Phase::Main,
                step: step.clone(),
                asked: "claude-somebody".to_owned(),
                code: "claude-overloaded",
                took,
            },
            Event::ToolCalled {
                turn,
                email: email.clone(),
                step,
                call: "toolu_1".to_owned(),
                said: None,
                tool: "todo.list".to_owned(),
                ok: true,
                took,
            },
            Event::PluginCalled {
                turn,
                stage: Stage::Compose,
                plugin: plugin.clone(),
                generation,
                function: "compose-turn",
                outcome: "ok",
                fuel: 1,
                memory: 1,
                took,
            },
            Event::TurnEnded {
                turn,
                email: email.clone(),
                outcome: TurnEnd::Faulted(fault),
                actions: 1,
                ratings: vec![Rating { module: "todo".to_owned(), score: Score::MIDDLE, notes }],
                took,
            },
            Event::Delivered { kind: "actions", ok: true, waiting: 0 },
            Event::PluginLoaded {
                plugin: plugin.clone(),
                generation,
                version: "0.1.0".to_owned(),
                sha256: Sha256Hex::of(b"build"),
                on_trial: false,
                warnings: Vec::new(),
                took,
            },
            Event::PluginRefused {
                plugin: plugin.clone(),
                stage: "contract",
                cause: why.clone(),
                hint: "mend it".to_owned(),
                still_serving: None,
            },
            Event::PluginOrphaned { plugin: plugin.clone(), orphaned: true },
            Event::PluginUnused { plugin: plugin.clone() },
            Event::PluginQuarantined {
                plugin: plugin.clone(),
                generation,
                function: "compose-turn",
                cause: why.clone(),
                until,
            },
            Event::PluginRecovered { plugin: plugin.clone(), generation, after_trial: false },
            Event::PluginLogged {
                strategy: StrategyName::new("daily"),
                plugin,
                level: "info",
                message: "a prompt".to_owned(),
            },
            Event::UpstreamChanged {
                upstream: Upstream::Claude,
                state: "open",
                until: Some(until),
                why: why.clone(),
            },
            Event::ModelChanged {
                model: "claude-x".to_owned(),
                state: "refused",
                until: None,
                why: why.clone(),
            },
            Event::CooledDown { family: "haiku".to_owned(), cause: "rate-limit", wait: took, window: 1 },
            Event::ModelRepeated {
                family: "haiku".to_owned(),
                cause: "claude-overloaded",
                attempts: 1,
                wait: took,
                why,
                maybe_paid: false,
            },
            Event::Paused { email: None, paused: true, stopped: 0 },
        ]
    }

    #[test]
    fn the_list_has_every_kind_once_under_the_name_that_its_events_have() {
        let samples = samples();
        let told: Vec<Value> = samples.iter().map(|event| json!(event)["kind"].clone()).collect();
        let listed: Vec<Value> = KINDS.iter().map(|kind| json!(kind.name)).collect();
        assert_eq!(told, listed);
        assert_eq!(listed, samples.iter().map(|event| json!(event.kind())).collect::<Vec<_>>());
        for (event, kind) in samples.iter().zip(KINDS) {
            assert_eq!(event.is_kept(), kind.left_out.is_none(), "{}", kind.name);
        }
    }

    #[test]
    fn what_comes_all_the_time_and_says_nothing_is_not_kept() {
        let took = Duration::ZERO;
        assert!(!Event::TickEnded { due: 0, completed: 0, faults: 0, held: 0, took }.is_kept());
        assert!(!Event::Backlog { waiting: 1, utilisation: 0.1, news: false }.is_kept());
    }

    #[test]
    fn an_event_tells_how_its_turn_ended_and_not_what_persona_or_plugin_said() {
        let ended = samples().into_iter().find(|event| event.kind() == "turn-ended").expect("there is one");
        let told = json!(ended);
        assert_eq!(
            told["outcome"],
            json!({
                "state": "faulted", "stage": "parse", "code": "plugin-trap", "message": "its plugin says why: `persona-host turns show` has its words", "hint": "mend it",
            })
        );
        assert_eq!(
            (&told["ratings"], &told["tookMs"]),
            (&json!([{ "module": "todo", "score": 3 }]), &json!(1_250))
        );
    }

    #[test]
    fn the_reference_tells_every_kind_and_every_field() {
        let mut missing = Vec::new();
        let mut expect = |line: String| {
            if !REFERENCE.contains(&line) {
                missing.push(line);
            }
        };
        let mut fields = BTreeSet::new();
        for (kind, event) in KINDS.iter().zip(samples()) {
            let Kind { name, when, left_out } = *kind;
            if let Some(why) = left_out {
                expect(format!("| `{name}` | {when} | {why} |\n"));
                continue;
            }
            let told = json!(event);
            let own = told.as_object().into_iter().flatten().map(|(field, _)| field.clone());
            let own: Vec<String> = own.filter(|field| field != "kind").collect();
            let shown: Vec<String> = own.iter().map(|field| format!("`{field}`")).collect();
            expect(format!("| `{name}` | {when} | {} |\n", shown.join(", ")));
            fields.extend(own);
        }
        fields.iter().for_each(|field| expect(format!("\n| `{field}` | ")));
        assert!(missing.is_empty(), "docs/reference/events.md lacks\n{}", missing.concat());
    }
}
