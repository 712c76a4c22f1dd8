//! A turn to try a plugin with: a persona, a context, an outcome and a reply. Whoever gives a part of
//! it gets the rest from the one that is part of the program.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::merge::{MergeError, fields, merged, read};
use domain::action::{UNKNOWN_MODULE, modules_used};
use domain::behavior::{TurnContext, TurnOutcome};
use domain::ids::PersonaId;
use domain::persona::{Cadence, ModuleWeight, Persona};
use domain::tool::module_of;

/// The sample as it is written.
static USUAL: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("sample.json");
    serde_json::from_str(text).expect("the sample is part of the program, and a test reads it")
});

/// The fields of a tool, and of an action.
const TOOL: [&str; 3] = ["name", "module", "description"];
const ACTION: [&str; 8] = ["index", "tool", "module", "input", "status", "error", "detail", "latencyMs"];

/// What a plugin is asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Who.
    pub persona: Persona,
    /// When, and with which tools.
    pub context: TurnContext,
    /// What came of the turn.
    pub outcome: TurnOutcome,
    /// What the model replies when it is asked for ratings.
    pub reply: String,
}

/// A persona as catalogs have it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    email: String,
    archetype: String,
    system_prompt: String,
    module_mix: Map<String, Value>,
    tick_cadence: Cadence,
}

impl Sample {
    /// Anna, on an April morning, with a tool that failed.
    #[must_use]
    pub fn usual() -> Self {
        const READ: &str = "a test reads the sample";
        Self {
            persona: persona("persona", &json!({})).expect(READ),
            context: context("context", &json!({})).expect(READ),
            outcome: outcome("outcome", &json!({})).expect(READ),
            reply: USUAL["reply"].as_str().expect(READ).to_owned(),
        }
    }

    /// The sample with what `given` has of persona, in the form of a catalog's entry.
    ///
    /// # Errors
    /// When it has something else, or something of another kind.
    pub fn with_persona(self, given: &Value) -> Result<Self, MergeError> {
        Ok(Self { persona: persona("persona", given)?, ..self })
    }

    /// The sample with what `given` has of a context.
    ///
    /// # Errors
    /// When it has something else, or something of another kind.
    pub fn with_context(self, given: &Value) -> Result<Self, MergeError> {
        Ok(Self { context: context("context", given)?, ..self })
    }

    /// The sample with what `given` has of an outcome.
    ///
    /// # Errors
    /// When it has something else, or something of another kind.
    pub fn with_outcome(self, given: &Value) -> Result<Self, MergeError> {
        Ok(Self { outcome: outcome("outcome", given)?, ..self })
    }

    /// The user id of a persona that has none, because it was never created.
    #[must_use]
    pub fn id_of(email: &str) -> PersonaId {
        PersonaId::new(format!("sample:{email}"))
    }
}

fn persona(place: &str, given: &Value) -> Result<Persona, MergeError> {
    let entry: Entry = read(place, merged(place, USUAL["persona"].clone(), given)?)?;
    let weight = |(module, weight): (String, Value)| match weight.as_f64() {
        Some(weight) if weight >= 0.0 => Ok(ModuleWeight { module, weight }),
        _ => Err(MergeError::new(format_args!("{place}.moduleMix.{module}"), "must be a number from 0 up")),
    };
    Ok(Persona {
        id: Sample::id_of(&entry.email),
        module_mix: entry.module_mix.into_iter().map(weight).collect::<Result<_, _>>()?,
        email: entry.email,
        archetype: entry.archetype,
        system_prompt: entry.system_prompt,
        cadence: entry.tick_cadence,
        last_active_at: None,
    })
}

fn context(place: &str, given: &Value) -> Result<TurnContext, MergeError> {
    let mut context = merged(place, USUAL["context"].clone(), given)?;
    for (index, tool) in list(&mut context, "tools") {
        complete_tool(&format!("{place}.tools[{index}]"), tool)?;
    }
    read(place, context)
}

/// A tool may be its name alone.
fn complete_tool(place: &str, tool: &mut Value) -> Result<(), MergeError> {
    if tool.is_string() {
        *tool = json!({ "name": tool });
    }
    let given = fields(place, tool, &TOOL)?;
    let name = given.get("name").and_then(Value::as_str).unwrap_or_default();
    let rest = json!({ "name": name, "module": module_of(name), "description": "" });
    *tool = merged(place, rest, tool)?;
    Ok(())
}

fn outcome(place: &str, given: &Value) -> Result<TurnOutcome, MergeError> {
    let mut outcome = merged(place, USUAL["outcome"].clone(), given)?;
    for (index, action) in list(&mut outcome, "actions") {
        complete_action(&format!("{place}.actions[{index}]"), index, action)?;
    }
    let mut outcome: TurnOutcome = read(place, outcome)?;
    if given.get("actions").is_some() && given.get("modulesUsed").is_none() {
        outcome.modules_used = modules_used(&outcome.actions);
    }
    Ok(outcome)
}

/// An action may be its tool's name alone. What plugins see as `detail`, the host records as `error`.
fn complete_action(place: &str, index: usize, action: &mut Value) -> Result<(), MergeError> {
    if action.is_string() {
        *action = json!({ "tool": action });
    }
    let given = fields(place, action, &ACTION)?;
    let tool = given.get("tool").and_then(Value::as_str).unwrap_or_default();
    let module = if tool.contains('.') { module_of(tool) } else { UNKNOWN_MODULE };
    let rest = json!({
        "index": index, "tool": tool, "module": module, "input": {}, "status": "ok",
        "error": given.get("detail"), "detail": null, "latencyMs": null,
    });
    *action = merged(place, rest, action)?;
    Ok(())
}

/// The entries of a list in a document; none where it is no list, which is found when it is read.
fn list<'v>(document: &'v mut Value, name: &str) -> impl Iterator<Item = (usize, &'v mut Value)> {
    let entries = document.get_mut(name).and_then(Value::as_array_mut);
    entries.into_iter().flatten().enumerate()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::action::ActionStatus;

    #[test]
    fn the_usual_sample_is_whole_and_fits_together() {
        let sample = Sample::usual();
        assert_eq!(sample.persona.email, "persona.anna@mana.test");
        assert_eq!(sample.outcome.modules_used, modules_used(&sample.outcome.actions));
        let names: Vec<&str> = sample.context.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert!(names.is_sorted() && names.len() == 10, "{names:?}");
        for action in &sample.outcome.actions {
            assert!(names.contains(&action.tool.as_str()), "{}", action.tool);
        }
    }

    #[test]
    fn annas_words_are_those_of_the_example() {
        let examples: Value =
            serde_json::from_str(include_str!("../../../examples/personas.json")).expect("JSON");
        assert_eq!(examples["personas"][0], USUAL["persona"]);
    }

    #[test]
    fn a_part_may_be_short() {
        let sample = Sample::usual()
            .with_persona(&json!({"moduleMix": {"notes": 1}}))
            .and_then(|sample| sample.with_context(&json!({"tools": ["notes.create"], "memory": {"day": 3}})))
            .and_then(|sample| {
                let failed = json!({"tool": "fly", "status": "error", "detail": "no wings"});
                sample.with_outcome(&json!({"actions": ["notes.create", failed]}))
            })
            .expect("it can be read");
        assert_eq!(sample.persona.module_mix[0].module, "notes");
        assert_eq!((sample.context.tools[0].module.as_str(), sample.context.seed), ("notes", 42));
        assert_eq!(sample.outcome.modules_used, ["notes"]);
        let fly = &sample.outcome.actions[1];
        assert_eq!((fly.index, fly.module.as_str(), fly.status), (1, "__unknown", ActionStatus::Error));
        assert_eq!(fly.error.as_deref(), Some("no wings"));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let usual = Sample::usual;
        for (result, says) in [
            (usual().with_persona(&json!({"systemprompt": ""})), "persona: unknown field \"systemprompt\""),
            (usual().with_persona(&json!({"moduleMix": {"a": -1}})), "persona.moduleMix.a: must be a number"),
            (usual().with_context(&json!({"nowMs": "now"})), "context: invalid type: string \"now\""),
            (
                usual().with_context(&json!({"tools": [{"nme": "a"}]})),
                "context.tools[0]: unknown field \"nme\"",
            ),
            (usual().with_context(&json!({"tools": 1})), "context: invalid type"),
            (usual().with_outcome(&json!({"actions": [7]})), "outcome.actions[0]: must be an object"),
            (
                usual().with_outcome(&json!({"actions": [{"tool": "a.b", "status": "fine"}]})),
                "outcome: unknown variant `fine`",
            ),
        ] {
            let error = result.expect_err("a mistake").to_string();
            assert!(error.starts_with(says), "{says:?} in {error:?}");
        }
    }
}
