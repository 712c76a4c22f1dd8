//! Where a plugin's component comes from.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::built_in;
use super::limits::MAX_COMPONENT;
use super::load::{LoadStage, Refusal};
use crate::domain::ids::PluginName;

/// The origin of a component that is part of the program.
const BUILT_IN_ORIGIN: &str = "built in";

/// The bytes of a component, and where they are from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The plugin that it is to be.
    pub plugin: PluginName,
    /// The file's path, or `built in`.
    pub origin: String,
    /// The component.
    pub bytes: Arc<[u8]>,
}

impl Source {
    /// The component of that name that is part of the program.
    #[must_use]
    pub fn built_in(plugin: &PluginName) -> Option<Self> {
        let bytes = built_in::component(plugin.as_str())?;
        Some(Self { plugin: plugin.clone(), origin: BUILT_IN_ORIGIN.to_owned(), bytes: bytes.into() })
    }

    /// Reads a component from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is larger than 32 MiB.
    pub fn read(plugin: &PluginName, path: &Path) -> Result<Self, Refusal> {
        let refusal = |message: String, hint: &str| Refusal {
            plugin: plugin.clone(),
            origin: path.display().to_string(),
            stage: LoadStage::Read,
            message,
            hint: hint.to_owned(),
        };
        let mut bytes = Vec::new();
        File::open(path)
            // One byte more than is allowed, so that a file that grows meanwhile is noticed too.
            .and_then(|file| file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes))
            .map_err(|error| {
                refusal(format!("the file cannot be read: {error}"), "check the path and its permissions")
            })?;
        if bytes.len() as u64 > MAX_COMPONENT {
            return Err(refusal(
                format!("the file is larger than {} MiB", MAX_COMPONENT >> 20),
                "build it optimized for size, and without debug sections",
            ));
        }
        Ok(Self { plugin: plugin.clone(), origin: path.display().to_string(), bytes: bytes.into() })
    }
}
