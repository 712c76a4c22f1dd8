//! Tools that are described otherwise than before: a server that was taken over, or a careless one, reaches every
//! persona by the words of its tools. The ledger keeps what each of them was; what becomes of one that changes is the
//! operator's to say.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::config::ToolChanges;
use crate::store::{Ledger, LedgerError};
use domain::behavior::Problem;
use domain::ids::Sha256Hex;
use domain::tool::Tool;

/// What becomes of a tool that changes.
#[derive(Clone, Debug)]
pub struct ToolPolicy {
    /// Of any.
    pub changes: ToolChanges,
    /// Digests of definitions that are offered all the same.
    pub accepted: Vec<Sha256Hex>,
}

/// The tools as they were, read from the ledger once.
#[derive(Debug, Default)]
pub struct ToolPins(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    pins: Option<BTreeMap<String, Sha256Hex>>,
    /// Changes that are told already.
    told: BTreeSet<(String, Sha256Hex)>,
}

impl ToolPins {
    /// The tools that are offered, and what is to be told of the others and of changes.
    pub(super) async fn hold(
        &self,
        server: &str,
        tools: Vec<Tool>,
        policy: &ToolPolicy,
        ledger: &Ledger,
    ) -> Result<(Vec<Tool>, Vec<Problem>), LedgerError> {
        let mut known = self.0.lock().await;
        let Known { pins, told } = &mut *known;
        let pins = match pins {
            Some(pins) => pins,
            none => none.insert(ledger.tool_pins(server).await?),
        };
        let (mut offered, mut problems, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
        for tool in tools {
            let digest = digest(&tool);
            let Some(pinned) = pins.get(&tool.name).filter(|pinned| **pinned != digest) else {
                if !pins.contains_key(&tool.name) {
                    fresh.push((tool.name.clone(), digest));
                }
                offered.push(tool);
                continue;
            };
            let change = Change { tool: &tool.name, pinned, digest: &digest };
            let is_kept_out = change.is_kept_out(policy);
            if let Some(problem) = change.problem(policy, is_kept_out) {
                if told.insert((tool.name.clone(), digest.clone())) {
                    tracing::warn!(tool = tool.name, "{}", problem.message);
                }
                problems.push(problem);
            }
            if !is_kept_out {
                fresh.push((tool.name.clone(), digest));
                offered.push(tool);
            }
        }
        if !fresh.is_empty() {
            ledger.pin_tools(server, &fresh).await?;
            pins.extend(fresh);
        }
        Ok((offered, problems))
    }
}

/// A tool that is not what it was.
struct Change<'a> {
    tool: &'a str,
    pinned: &'a Sha256Hex,
    digest: &'a Sha256Hex,
}

impl Change<'_> {
    fn is_accepted(&self, policy: &ToolPolicy) -> bool {
        policy.accepted.contains(self.digest)
    }

    fn is_kept_out(&self, policy: &ToolPolicy) -> bool {
        policy.changes == ToolChanges::Quarantine && !self.is_accepted(policy)
    }

    fn problem(&self, policy: &ToolPolicy, is_kept_out: bool) -> Option<Problem> {
        let Self { tool, pinned, digest } = self;
        let changed =
            format!("the definition of {tool} has changed since it was pinned ({} then)", pinned.short());
        let message = match is_kept_out {
            true => format!(
                "{changed}; it is not offered until mana.accepted_tools has {digest}, or mana.tool_changes is another"
            ),
            false if policy.changes == ToolChanges::Accept || self.is_accepted(policy) => {
                return None;
            }
            false => format!(
                "{changed} and is {} now; mana.tool_changes says what becomes of such",
                digest.short()
            ),
        };
        Some(Problem::warning(Some((*tool).to_owned()), message))
    }
}

/// Everything of a tool that a model is told, or that decides how it is called.
fn digest(tool: &Tool) -> Sha256Hex {
    let Tool { name, description, input_schema, read_only, idempotent } = tool;
    let hints = format!("{read_only} {idempotent}");
    Sha256Hex::of(
        [name, description, &input_schema.to_string(), &hints].map(String::as_str).join("\0").as_bytes(),
    )
}
