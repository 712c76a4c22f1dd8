//! Closed choices of the file as an editor is told them: the words are those that serde takes.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;

use domain::plugin::{Fallback, ReplayPolicy, Signatures};

/// The words of a closed choice, which serde knows.
fn choice<T: DeserializeOwned>(what: &str) -> Schema {
    let words: Vec<String> = words::<T>();
    json_schema!({ "description": what, "type": "string", "enum": words })
}

pub(super) fn words<T: DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_value::<T>("".into()).err().map(|error| error.to_string());
    let listed = error.as_deref().and_then(|error| error.split_once("expected")).map(|(_, listed)| listed);
    listed.unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

pub(super) fn fallback(_: &mut SchemaGenerator) -> Schema {
    let own = choice::<Fallback>("\"previous\" is the last good build before, \"built-in\" is daily.");
    json_schema!({
        "description": "Who stands in while the plugin is quarantined, in this order; nobody with [].",
        "type": "array", "items": own,
    })
}

pub(super) fn replay(_: &mut SchemaGenerator) -> Schema {
    choice::<ReplayPolicy>("What happens to a build that does worse than the live one on turns of the past.")
}

pub(super) fn signatures(_: &mut SchemaGenerator) -> Schema {
    choice::<Signatures>("What is asked of signatures.")
}
