//! Which generation of each plugin is current.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::built_in::BUILT_IN;
use super::engine::Engine;
use super::generation::Generation;
use super::load::{LoadStage, Refusal};
use super::source::Source;
use crate::domain::ids::{GenerationNumber, PluginName};

/// The current generation of each plugin. A turn takes an `Arc` out of it and keeps that, so replacing
/// an entry never touches a turn that is under way.
#[derive(Debug, Default)]
pub struct Registry {
    current: BTreeMap<PluginName, Arc<Generation>>,
}

impl Registry {
    /// Loads each of `plugins`, from `dir` if it has a file `<name>.wasm` and else from the program
    /// itself, and says which could not be loaded.
    pub async fn load(
        engine: &Engine,
        dir: Option<&Path>,
        plugins: impl IntoIterator<Item = PluginName>,
    ) -> (Self, Vec<Refusal>) {
        let mut registry = Self::default();
        let mut refusals = Vec::new();
        let plugins: BTreeSet<PluginName> = plugins.into_iter().collect();
        for plugin in plugins {
            let loaded = match find(dir, &plugin) {
                Ok(source) => engine.load(source, GenerationNumber(1)).await,
                Err(refusal) => Err(refusal),
            };
            match loaded {
                Ok(generation) => {
                    registry.current.insert(plugin, Arc::new(generation));
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        (registry, refusals)
    }

    /// The generation that a new turn uses.
    #[must_use]
    pub fn current(&self, plugin: &PluginName) -> Option<Arc<Generation>> {
        self.current.get(plugin).map(Arc::clone)
    }

    /// All current generations, by the plugin's name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Generation>> {
        self.current.values().map(Arc::clone).collect()
    }
}

fn find(dir: Option<&Path>, plugin: &PluginName) -> Result<Source, Refusal> {
    let refusal = |message: String, hint: String| Refusal {
        plugin: plugin.clone(),
        origin: dir.map_or_else(|| "built in".to_owned(), |dir| dir.display().to_string()),
        stage: LoadStage::Read,
        message,
        hint,
    };
    if !is_plain(plugin.as_str()) {
        return Err(refusal(
            "a plugin's name consists of letters, digits, `-` and `_`".to_owned(),
            "rename it in the configuration; its file is found by its name".to_owned(),
        ));
    }
    let file = dir.map(|dir| dir.join(format!("{plugin}.wasm")));
    if let Some(file) = file.as_deref().filter(|file| file.exists()) {
        return Source::read(plugin, file);
    }
    Source::built_in(plugin).ok_or_else(|| {
        let built_in = BUILT_IN.join(", ");
        match file {
            Some(file) => refusal(
                format!("there is no file {} and no built-in plugin of that name", file.display()),
                format!("put the component there, or use a built-in one ({built_in})"),
            ),
            None => refusal(
                "there is no built-in plugin of that name, and no folder for plugins is configured"
                    .to_owned(),
                format!("set the folder for plugins, or use a built-in one ({built_in})"),
            ),
        }
    })
}

/// Whether a name is a file name everywhere, and nothing more than that.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_found_in_the_folder_before_it_is_found_in_the_program() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = Some(folder.path());
        let origin = |name: &str| find(dir, &PluginName::new(name)).map(|source| source.origin);
        assert_eq!(origin("daily").expect("it is built in"), "built in");

        let file = folder.path().join("daily.wasm");
        std::fs::write(&file, b"anything").expect("it can be written");
        assert_eq!(origin("daily").expect("there is a file"), file.display().to_string());

        let missing = origin("weekly").expect_err("there is none");
        assert!(missing.message.contains("weekly.wasm"), "{missing}");
        assert!(missing.hint.contains("daily, brief"), "{missing}");
    }

    #[test]
    fn a_name_is_no_path() {
        for name in ["", "../daily", "a/b", "a.b", "c:\\x", "\u{e4}"] {
            let refusal = find(None, &PluginName::new(name)).expect_err("not a plain name");
            assert!(refusal.message.contains("letters, digits"), "{name}: {refusal}");
        }
    }
}
