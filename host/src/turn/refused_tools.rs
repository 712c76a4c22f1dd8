//! Tools that Claude has refused: one of them would cost every request that offers it, so it is offered no more until
//! its server describes it otherwise, or the program begins anew.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::model::{Offer, ToolDefinition};
use domain::ids::Sha256Hex;

/// The definitions that were refused, by their digests.
#[derive(Debug, Default)]
pub struct RefusedTools(Mutex<BTreeSet<Sha256Hex>>);

impl RefusedTools {
    /// Notes one; false, if it was known.
    pub(super) fn note(&self, tool: &ToolDefinition) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest(tool))
    }

    /// These tools without those that were refused; nothing, if that is all of them.
    pub(super) fn without(&self, tools: &Offer) -> Option<Offer> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_empty() {
            return None;
        }
        let left: Vec<ToolDefinition> =
            tools.iter().filter(|tool| !refused.contains(&digest(tool))).cloned().collect();
        (left.len() < tools.len()).then(|| Offer::from(left))
    }
}

fn digest(tool: &ToolDefinition) -> Sha256Hex {
    let definition = [tool.name.as_str(), &tool.description, &tool.input_schema.to_string()];
    Sha256Hex::of(definition.join("\0").as_bytes())
}
