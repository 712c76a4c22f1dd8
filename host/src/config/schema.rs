//! The JSON Schema of the configuration file, by which an editor completes and checks it.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::File;

/// The schema. Draft 7 is what editors of TOML know.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<File>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "The configuration of persona-host".into());
    }
    plain(&mut schema);
    schema
}

/// TOML has no null, and what a key is without a word `config show` tells: neither is of use to who writes.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("default").is_some_and(|default| !is_schema(default)) {
                members.remove("default");
            }
            if let Some(Value::Array(kinds)) = members.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [kind] = &kinds[..] {
                    let kind = kind.clone();
                    members.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(ways)) = members.get_mut("anyOf") {
                ways.retain(|way| way["type"] != "null");
                if let [way] = &ways[..] {
                    // What stands beside a reference counts for nothing in this draft.
                    let way = way.clone();
                    members.remove("anyOf");
                    members.insert("allOf".to_owned(), [way].into_iter().collect());
                }
            }
            members.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// `routing.default` is a key of the file, and no default of the schema.
fn is_schema(default: &Value) -> bool {
    default.get("type").is_some() || default.get("$ref").is_some() || default.get("description").is_some()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::resolve::json_of;

    const EXAMPLE: &str = include_str!("../../../examples/persona-host.toml");

    fn problems(text: &str) -> Vec<String> {
        let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
        let document = json_of(toml::Value::Table(text.parse().expect("it is TOML")));
        validator
            .iter_errors(&document)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect()
    }

    /// The example with everything that it only shows in a comment.
    fn with_all() -> String {
        let shown = |line: &str| {
            let key = line.strip_prefix("# ").and_then(|line| line.split_once(" = ")).map(|(key, _)| key);
            key.is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        };
        let lines = EXAMPLE.lines().map(|line| if shown(line) { &line[2..] } else { line });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_key_of_the_example_is_in_the_schema_and_every_key_of_the_schema_in_the_example() {
        assert!(EXAMPLE.starts_with("#:schema ../host/schema/persona-host.json\n"));
        assert_eq!(problems(EXAMPLE), [""; 0]);
        assert_eq!(problems(&with_all()), [""; 0]);
        File::parse(Path::new("all.toml"), &with_all()).expect("the program takes what the schema takes");
        let schema = schema();
        let objects = schema["definitions"].as_object().expect("sections").values().chain([&schema]);
        let keys: Vec<&String> =
            objects.filter_map(|own| own["properties"].as_object()).flat_map(|own| own.keys()).collect();
        assert!(keys.len() > 70, "{keys:?}");
        for key in keys {
            let is_told = [format!("{key} = "), format!("[{key}]"), format!("[{key}.")];
            assert!(
                is_told.iter().any(|form| EXAMPLE.contains(form.as_str())),
                "{key} is not in the example"
            );
        }
    }

    #[test]
    fn what_the_program_refuses_the_schema_refuses() {
        for text in [
            "[runner]\nconcurency = 4",
            "[http]\nport = 70000",
            "[http]\nbind = 7",
            "[runner]\npaused = \"no\"",
            "[runner]\ntick_interval = 60",
            "[runner]\ntick_interval = \"soon\"",
            "[plugins]\nwatch = \"often\"",
            "[plugins]\nreplay = \"never\"",
            "[plugins]\ncanary = { share = 0.2 }",
            "[schedule.cadences]\nmonthly = {}",
            "[strategies.own]\nsettings = {}",
            "[strategies.own]\nplugin = \"daily\"\nfallback = [\"prev\"]",
            "[strategies.own]\nplugin = \"daily\"\nlimits = { memory = \"1MB\" }",
        ] {
            File::parse(Path::new("bad.toml"), text).expect_err(text);
            assert!(!problems(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_committed_schema_is_that_of_the_program() {
        let committed: Value =
            serde_json::from_str(include_str!("../../schema/persona-host.json")).expect("it is JSON");
        assert_eq!(
            committed,
            schema(),
            "write it anew: persona-host config schema > host/schema/persona-host.json"
        );
    }
}
