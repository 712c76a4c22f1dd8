//! Every key of the configuration file: its type, its default, its variable, and what it means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::commands::cell;
use crate::config::{File, Origin, Shown, VARIABLES, resolve, schema};

/// What a variable may say that is tried to find out which key it stands for.
const TRIED: [&str; 4] = ["1", "http://localhost:1", "sqlite:x.db", "production"];

/// The page.
#[must_use]
pub fn configuration() -> String {
    let schema = schema();
    let keys = Keys { defaults: defaults(), variables: variables(), root: &schema };
    let mut page = "# Configuration\n\n\
         Written by `persona-host man --form markdown docs/reference`, from the schema by which editors complete the file\n\
         (`persona-host config schema`). `persona-host config show` tells what counts and where it comes from: a variable goes\n\
         before the file, and the file before the default. `persona-host init` writes a file with all of it, commented out; a\n\
         path is relative to where persona-host starts. [commands.md](commands.md) lists the variables.\n\n"
        .to_owned();
    for (section, own) in members(keys.root) {
        let _ = write!(page, "## {section}\n\n{}\n\n", keys.about(own));
        let mut rows = String::new();
        keys.rows(section, own, &mut rows);
        if !rows.is_empty() {
            let _ = write!(
                page,
                "| key | type | default | variable | |\n| --- | --- | --- | --- | --- |\n{rows}\n"
            );
        }
    }
    page
}

/// What is known of keys beside the schema.
struct Keys<'a> {
    defaults: BTreeMap<String, String>,
    variables: BTreeMap<String, &'static str>,
    root: &'a Value,
}

impl Keys<'_> {
    /// The keys below `path`, a row each; a group of keys gives its own rows.
    fn rows(&self, path: &str, schema: &Value, rows: &mut String) {
        let schema = self.meant(schema);
        for (name, own) in members(schema) {
            let key = format!("{path}.{name}");
            if members(self.meant(own)).next().is_some() {
                self.rows(&key, own, rows);
                continue;
            }
            self.row(&key, own, rows);
            if self.meant(own)["additionalProperties"].is_object() {
                self.rows(&key, own, rows);
            }
        }
        // A table whose keys the user names.
        let named = schema["additionalProperties"].as_object().map(|_| &schema["additionalProperties"]);
        for own in
            schema["patternProperties"].as_object().into_iter().flatten().map(|(_, own)| own).chain(named)
        {
            let key = format!("{path}.NAME");
            if members(self.meant(own)).next().is_some() {
                self.rows(&key, own, rows);
            } else {
                self.row(&key, own, rows);
            }
        }
    }

    fn row(&self, key: &str, own: &Value, rows: &mut String) {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) };
        let default = self.defaults.get(key).map(String::as_str).unwrap_or_default();
        let variable = self.variables.get(key).copied().unwrap_or_default();
        let kind = self.kind(own);
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "| `{key}` | {} | {} | {} | {} |",
            cell(&kind),
            code(default),
            code(variable),
            cell(&self.about(own))
        );
    }

    fn about(&self, own: &Value) -> String {
        let told = own["description"].as_str().or_else(|| self.meant(own)["description"].as_str());
        told.unwrap_or_default().to_owned()
    }

    fn kind(&self, own: &Value) -> String {
        let own = self.meant(own);
        if let Some(choices) = own["enum"].as_array() {
            let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            return choices.join(", ");
        }
        if let Some(ways) = own["anyOf"].as_array().or_else(|| own["oneOf"].as_array()) {
            let ways: Vec<String> = ways.iter().map(|way| self.kind(way)).collect();
            return ways.join(", or ");
        }
        if let Some(one) = own.get("const") {
            return format!("`{one}`");
        }
        match &own["type"] {
            Value::String(kind) if kind == "array" => format!("list of {}", self.kind(&own["items"])),
            Value::String(kind) if kind == "object" => "table".to_owned(),
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            _ => String::new(),
        }
    }

    /// What a reference leads to.
    fn meant<'b>(&'b self, own: &'b Value) -> &'b Value {
        let reference = own["$ref"].as_str().or_else(|| own["allOf"][0]["$ref"].as_str());
        let place = reference.and_then(|reference| reference.strip_prefix('#'));
        place.and_then(|place| self.root.pointer(place)).map_or(own, |meant| self.meant(meant))
    }
}

fn members(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// What holds where nobody has said anything.
fn defaults() -> BTreeMap<String, String> {
    shown(&|_| None).into_iter().map(|own| (own.key, own.value)).collect()
}

/// The variable of each key that has one.
fn variables() -> BTreeMap<String, &'static str> {
    let of = |name: &'static str| {
        let mut tried =
            TRIED.into_iter().map(move |says| shown(&|asked| (asked == name).then(|| says.to_owned())));
        let is_its = move |own: &Shown| matches!(&own.origin, Origin::Environment(origin) if origin == name);
        let found = tried.find_map(|all| {
            Some(all.into_iter().filter(is_its).collect::<Vec<_>>()).filter(|own| !own.is_empty())
        });
        found.into_iter().flatten().map(move |own| (own.key, name))
    };
    VARIABLES.iter().flat_map(|own| of(own.name)).collect()
}

/// Every value with its origin; none where the environment cannot be meant.
fn shown(environment: &dyn Fn(&str) -> Option<String>) -> Vec<Shown> {
    resolve(File::default(), environment).map(|config| config.shown).unwrap_or_default()
}
