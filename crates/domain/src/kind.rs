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
pub const KINDS: [Kind; 32] = [
    kept("started", "persona-host runs from now on"),
    kept("stopping", "persona-host was told to end"),
    left_out("tick-started", "somebody asks who is due", "`tick-ended` says as much, and comes once as well"),
    kept("tick-ended", "the turns of a tick are over; left out where nobody was due"),
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
    kept("stage-ended", "a stage of a turn is over"),
    kept("model-called", "Claude has answered"),
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
            Self::StageEnded { .. } => "stage-ended",
            Self::ModelCalled { .. } => "model-called",
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
            | Self::StageEnded { turn, .. }
            | Self::ModelCalled { turn, .. }
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
