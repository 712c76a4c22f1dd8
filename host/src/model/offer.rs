//! The tools on offer in a conversation. They are the same in each of its requests, so their JSON is written once.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Tools, in the order in which Claude is told of them. Clones share them.
#[derive(Clone, Default)]
pub struct Offer(Arc<Tools>);

/// A tool as Claude is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// A name of `^[a-zA-Z0-9_-]{1,128}$`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of the arguments; an object schema.
    pub input_schema: Value,
}

#[derive(Default)]
struct Tools {
    definitions: Vec<ToolDefinition>,
    /// As JSON: without a mark for the cache, and with one.
    json: [OnceLock<Box<RawValue>>; 2],
    digest: OnceLock<u64>,
}

impl Offer {
    /// Their JSON, which `write` gives the first time.
    pub(super) fn json(
        &self,
        marked: bool,
        write: impl FnOnce(&[ToolDefinition]) -> Box<RawValue>,
    ) -> &RawValue {
        self.0.json[usize::from(marked)].get_or_init(|| write(&self.0.definitions))
    }

    /// A digest of them, which `compute` gives the first time.
    pub(super) fn digest(&self, compute: impl FnOnce(&[ToolDefinition]) -> u64) -> u64 {
        *self.0.digest.get_or_init(|| compute(&self.0.definitions))
    }
}

impl From<Vec<ToolDefinition>> for Offer {
    fn from(definitions: Vec<ToolDefinition>) -> Self {
        Self(Arc::new(Tools { definitions, ..Tools::default() }))
    }
}

impl Deref for Offer {
    type Target = [ToolDefinition];

    fn deref(&self) -> &Self::Target {
        &self.0.definitions
    }
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
