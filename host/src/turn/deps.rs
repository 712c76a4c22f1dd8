//! What every turn is run with: the neighbours, the plugins, and what the configuration says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::experiments::Experiments;
use super::refused_tools::RefusedTools;
use super::tool_pins::{ToolPins, ToolPolicy};
use crate::behavior::Registry;
use crate::breaker::Fuses;
use crate::mana::Mana;
use crate::mcp::{Mcp, McpError};
use crate::model::Claude;
use crate::outbound::Way;
use crate::store::Ledger;
use crate::telemetry::Events;
use domain::clock::Clock;
use domain::ids::StrategyName;
use domain::persona::Persona;
use domain::strategy::{Routing, Strategy};
use domain::tool::{Tool, is_meant};
use domain::upstream::Upstream;
use schedule::Rules;

/// What every turn is run with.
#[derive(Debug)]
pub struct Deps {
    /// The time of day.
    pub clock: Clock,
    /// Which way requests go: to the neighbours, or to a recording of them.
    pub way: Way,
    /// The one way out.
    pub events: Events,
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// mana-auth.
    pub mana: Mana,
    /// mana-mcp.
    pub mcp: Mcp,
    /// Claude.
    pub claude: Claude,
    /// What may be spent on it.
    pub budget: Budget,
    /// Tools that Claude does not take.
    pub refused_tools: RefusedTools,
    /// What the MCP server's tools were before.
    pub tool_pins: ToolPins,
    /// Whether it is worth asking these three.
    pub fuses: Fuses,
    /// The plugins that are loaded.
    pub registry: Arc<Registry>,
    /// The strategies by name.
    pub strategies: BTreeMap<StrategyName, Arc<Strategy>>,
    /// Who gets which outside of experiments.
    pub routing: Routing,
    /// The experiments that assign turns.
    pub experiments: Experiments,
    /// Numbers and names from the configuration.
    pub settings: Settings,
    /// Says that no further step is to be begun.
    pub stop: CancellationToken,
    /// Says that the time for steps that were begun is over, too.
    pub cut: CancellationToken,
}

/// Numbers and names from the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The model, unless the strategy names another.
    pub model: String,
    /// The most tokens of one reply.
    pub max_tokens: u32,
    /// Hold the reply with the ratings to the schema that the plugin gives.
    pub structured_ratings: bool,
    /// The most rounds of a main phase, whatever the plugin asks for.
    pub max_rounds: u32,
    /// The longest a turn may take.
    pub turn_deadline: Duration,
    /// What the personas' calendar day is, unless the schedule says otherwise.
    pub time_zone: Tz,
    /// The host's own schedule, if there is one: it knows each persona's zone.
    pub schedule: Option<Rules>,
    /// What becomes of a tool whose definition changes.
    pub tool_policy: ToolPolicy,
    /// Tools that may be called twice: `todo.list`, or `todo.*` for a whole module.
    pub idempotent_tools: Vec<String>,
}

impl Deps {
    /// Lets mana-mcp's breaker hear what came of a call.
    pub(super) fn heard<T>(&self, answered: Result<T, McpError>) -> Result<T, McpError> {
        let fuse = self.fuses.of(Upstream::ManaMcp);
        match &answered {
            Err(error) if error.is_outage() => fuse.hear(Some(&error.to_string())),
            // It has answered, if only with a refusal.
            _ => fuse.hear(None),
        }
        answered
    }
}

impl Settings {
    /// By whose clocks a persona lives.
    pub(super) fn zone_of(&self, persona: &Persona) -> Tz {
        self.schedule.as_ref().map_or(self.time_zone, |rules| rules.rule_for(persona).zone)
    }

    /// Whether a call that may have been carried out may be made again: where the operator or the server says so.
    pub(super) fn may_repeat(&self, tool: &Tool) -> bool {
        let is_meant = self.idempotent_tools.iter().any(|entry| is_meant(entry, &tool.name));
        tool.read_only || tool.idempotent || is_meant
    }
}
