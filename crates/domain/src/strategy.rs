//! A strategy (plugin and settings), and which persona is routed to which.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{PluginName, Sha256Hex, StrategyName};
use super::persona::Persona;
use super::plugin::Fallback;

/// One way to ask: a plugin with settings and limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// Its name.
    pub name: StrategyName,
    /// The plugin that it uses.
    pub plugin: PluginName,
    /// The settings document that the plugin is given.
    pub settings: Value,
    /// The model to use instead of the configured one.
    pub model: Option<String>,
    /// What one call of the plugin may use.
    pub limits: Limits,
    /// Who serves while the plugin is quarantined, the first that can; nobody: the turn is left out.
    pub fallback: Vec<Fallback>,
}

impl Strategy {
    /// Who stands in for a quarantined plugin unless the configuration says otherwise.
    pub const USUAL_FALLBACK: [Fallback; 2] = [Fallback::Previous, Fallback::BuiltIn];

    /// A plugin as it is: no settings, the usual limits and fallback.
    #[must_use]
    pub fn plain(name: StrategyName, plugin: PluginName) -> Self {
        Self {
            name,
            plugin,
            settings: Value::Object(Map::new()),
            model: None,
            limits: Limits::default(),
            fallback: Self::USUAL_FALLBACK.to_vec(),
        }
    }

    /// The same with other settings, key by key.
    #[must_use]
    pub fn with_settings(&self, settings: &Map<String, Value>) -> Self {
        let mut own = self.settings.as_object().cloned().unwrap_or_default();
        own.extend(settings.clone());
        Self { settings: Value::Object(own), ..self.clone() }
    }

    /// The digest of the settings, by which turns under different settings are told apart.
    #[must_use]
    pub fn settings_hash(&self) -> Sha256Hex {
        Sha256Hex::of(self.settings.to_string().as_bytes())
    }
}

/// What one plugin call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wasm instructions, roughly.
    pub fuel: u64,
    /// Wall time.
    pub time: Duration,
    /// Bytes of all memories and tables together.
    pub memory: usize,
    /// Bytes handed from the plugin to the host, results included.
    pub transfer: usize,
    /// Log lines; more are counted and dropped.
    pub log_lines: usize,
}

impl Default for Limits {
    /// An order of magnitude above what was measured for Rust, JavaScript and Python guests.
    fn default() -> Self {
        Self {
            fuel: 500_000_000,
            time: Duration::from_secs(1),
            memory: 128 << 20,
            transfer: 4 << 20,
            log_lines: 200,
        }
    }
}

/// Who gets which strategy. The persona's own entry comes first, then its archetype's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// For everybody else.
    pub default: StrategyName,
    /// By archetype.
    pub archetypes: BTreeMap<String, StrategyName>,
    /// By email address.
    pub personas: BTreeMap<String, StrategyName>,
}

impl Routing {
    /// The strategy for `persona`.
    #[must_use]
    pub fn strategy_for(&self, persona: &Persona) -> &StrategyName {
        self.personas
            .get(&persona.email)
            .or_else(|| self.archetypes.get(&persona.archetype))
            .unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PersonaId;
    use crate::persona::Cadence;

    #[test]
    fn a_persona_goes_before_its_archetype_and_that_before_the_default() {
        let routing = Routing {
            default: StrategyName::new("daily"),
            archetypes: [("ceo-busy".to_owned(), StrategyName::new("brief"))].into(),
            personas: [("anna@mana.test".to_owned(), StrategyName::new("own"))].into(),
        };
        let persona = |email: &str, archetype: &str| Persona {
            id: PersonaId::new("id"),
            email: email.to_owned(),
            archetype: archetype.to_owned(),
            system_prompt: String::new(),
            module_mix: vec![],
            cadence: Cadence::Daily,
            last_active_at: None,
        };
        for (email, archetype, expected) in [
            ("anna@mana.test", "ceo-busy", "own"),
            ("ben@mana.test", "ceo-busy", "brief"),
            ("ben@mana.test", "solo-dev", "daily"),
        ] {
            assert_eq!(routing.strategy_for(&persona(email, archetype)).as_str(), expected);
        }
    }
}
