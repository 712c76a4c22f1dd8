//! A strategy (plugin and settings), and which persona is routed to which.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{PluginName, Sha256Hex, StrategyName};
use super::persona::Persona;
use super::plugin::Fallback;
use super::tool::is_meant;

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
    /// Which tools the model gets, whoever chooses among them.
    pub tools: ToolRules,
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
            tools: ToolRules::default(),
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

/// Which tools the model gets, and how often it may call them in a turn. What a tool's answer talks it into ends here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolRules {
    /// Names such as `todo.create`, or `todo.*` for a module; none: all that the server offers.
    pub allow: Option<Vec<String>>,
    /// The most calls in a turn, by the same names. Those of a module count together.
    pub cap: BTreeMap<String, u32>,
}

impl ToolRules {
    /// Whether the model may have the tool.
    #[must_use]
    pub fn allows(&self, tool: &str) -> bool {
        self.allow.as_ref().is_none_or(|allow| allow.iter().any(|entry| is_meant(entry, tool)))
    }

    /// The entry by which the tool may not be called again, if there is one, and how often it lets itself be called.
    /// `called` are the tools that were called in this turn.
    pub fn used_up<'a>(
        &self,
        tool: &str,
        called: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<(&str, u32)> {
        let is_used_up = |(entry, most): &(&String, &u32)| {
            let calls = called.clone().filter(|called| is_meant(entry, called)).count();
            is_meant(entry, tool) && calls >= usize::try_from(**most).unwrap_or(usize::MAX)
        };
        self.cap.iter().find(is_used_up).map(|(entry, most)| (entry.as_str(), *most))
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    fn rules_say_which_tools_there_are_and_how_often() {
        let rules = ToolRules {
            allow: Some(vec!["todo.*".to_owned(), "notes.list".to_owned()]),
            cap: [("todo.*".to_owned(), 3), ("todo.delete".to_owned(), 1), ("notes.list".to_owned(), 0)]
                .into(),
        };
        for (tool, allowed) in
            [("todo.create", true), ("notes.list", true), ("notes.create", false), ("delete_all", false)]
        {
            assert_eq!(rules.allows(tool), allowed, "{tool}");
            assert!(ToolRules::default().allows(tool), "{tool}");
        }
        for (tool, called, by) in [
            ("todo.create", &["todo.create", "todo.list"][..], None),
            ("todo.create", &["todo.create", "notes.list", "todo.list", "todo.list"], Some(("todo.*", 3))),
            ("todo.delete", &["todo.create"], None),
            ("todo.delete", &["todo.delete"], Some(("todo.delete", 1))),
            ("notes.list", &[], Some(("notes.list", 0))),
            ("me.show", &["me.show", "me.show"], None),
        ] {
            assert_eq!(rules.used_up(tool, called.iter().copied()), by, "{tool} after {called:?}");
        }
    }

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
