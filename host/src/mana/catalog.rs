//! The file of personas that `seed` creates (contract 2). Reading it finds every mistake at once, each
//! with its place. It knows no network.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use domain::persona::{Cadence, ModuleWeight};

/// The fewest characters that describe a person.
const SHORTEST_PROMPT: usize = 20;
/// Addresses of personas end like this, so that no real person is ever taken for one.
const DOMAIN: &str = "@mana.test";

/// The personas of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    /// What the file says of itself.
    pub description: Option<String>,
    /// In the order of the file; at least one.
    pub personas: Vec<Entry>,
}

/// One persona of a catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Where it signs in.
    pub email: String,
    /// The kind of person.
    pub archetype: String,
    /// Who it is, in the second person.
    pub system_prompt: String,
    /// What it is inclined to use, in the order of the file.
    pub module_mix: Vec<ModuleWeight>,
    /// How often it acts.
    pub cadence: Cadence,
}

/// A text that is no catalog: everything that is wrong with it, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct CatalogError {
    /// Such as `personas[3].email: must end in @mana.test`.
    pub problems: Vec<String>,
}

impl Catalog {
    /// Reads a catalog.
    ///
    /// # Errors
    /// When the text is not JSON, or breaks the format anywhere; the error lists all such places.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| CatalogError { problems: vec![format!("not JSON: {error}")] })?;
        let mut reader = Reader::default();
        let catalog = reader.catalog(&document);
        match catalog {
            Some(catalog) if reader.problems.is_empty() => Ok(catalog),
            _ => Err(CatalogError { problems: reader.problems }),
        }
    }
}

/// Collects what is wrong. Its methods return `None` exactly when they have noted why.
#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn note<T>(&mut self, place: impl fmt::Display, problem: impl fmt::Display) -> Option<T> {
        self.problems.push(format!("{place}: {problem}"));
        None
    }

    fn catalog(&mut self, document: &Value) -> Option<Catalog> {
        let Some(fields) = document.as_object() else {
            return self.note("the catalog", "must be an object with a list `personas`");
        };
        self.refuse_unknown("", fields, &["$schema", "description", "personas"]);
        let description = match fields.get("description") {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => self.note("description", "must be a string"),
        };
        let Some(list) = fields.get("personas").and_then(Value::as_array) else {
            return self.note("personas", "must be a list of personas");
        };
        if list.is_empty() {
            return self.note("personas", "must hold at least one persona");
        }
        let personas: Vec<Entry> =
            list.iter().enumerate().filter_map(|(index, entry)| self.entry(index, entry)).collect();
        self.refuse_doubles(list);
        Some(Catalog { description, personas })
    }

    fn entry(&mut self, index: usize, entry: &Value) -> Option<Entry> {
        let place = format!("personas[{index}]");
        let Some(fields) = entry.as_object() else { return self.note(place, "must be an object") };
        let known = ["name", "email", "archetype", "systemPrompt", "moduleMix", "tickCadence"];
        self.refuse_unknown(&place, fields, &known);
        let name = self.text(&place, fields, "name");
        let email = self.text(&place, fields, "email").and_then(|email| self.email(&place, email));
        let archetype = self.text(&place, fields, "archetype");
        let system_prompt = self.text(&place, fields, "systemPrompt");
        let system_prompt = system_prompt.and_then(|prompt| self.prompt(&place, prompt));
        let module_mix = self.module_mix(&place, fields);
        let cadence = self.cadence(&place, fields);
        Some(Entry {
            name: name?,
            email: email?,
            archetype: archetype?,
            system_prompt: system_prompt?,
            module_mix: module_mix?,
            cadence: cadence?,
        })
    }

    fn text(&mut self, place: &str, fields: &Map<String, Value>, name: &str) -> Option<String> {
        match fields.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
            Some(_) => self.note(format_args!("{place}.{name}"), "must be a string that is not empty"),
            None => self.note(format_args!("{place}.{name}"), "is missing"),
        }
    }

    fn email(&mut self, place: &str, email: String) -> Option<String> {
        let place = format_args!("{place}.email");
        let Some(local) = email.strip_suffix(DOMAIN) else {
            return self.note(place, format_args!("must end in {DOMAIN}"));
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if local.is_empty() || dots || !local.chars().all(allowed) {
            return self.note(place, "is not a valid email address");
        }
        Some(email)
    }

    fn prompt(&mut self, place: &str, prompt: String) -> Option<String> {
        if prompt.chars().count() < SHORTEST_PROMPT {
            let problem = format_args!("must have at least {SHORTEST_PROMPT} characters");
            return self.note(format_args!("{place}.systemPrompt"), problem);
        }
        Some(prompt)
    }

    fn module_mix(&mut self, place: &str, fields: &Map<String, Value>) -> Option<Vec<ModuleWeight>> {
        let place = format!("{place}.moduleMix");
        let Some(value) = fields.get("moduleMix") else { return self.note(place, "is missing") };
        let Some(mix) = value.as_object() else {
            return self.note(place, "must be an object from module to weight");
        };
        let mut weights = Vec::with_capacity(mix.len());
        for (module, weight) in mix {
            match weight.as_f64() {
                Some(weight) if weight >= 0.0 => {
                    weights.push(ModuleWeight { module: module.clone(), weight })
                }
                _ => return self.note(format_args!("{place}.{module}"), "must be a number from 0 up"),
            }
        }
        Some(weights)
    }

    fn cadence(&mut self, place: &str, fields: &Map<String, Value>) -> Option<Cadence> {
        let Some(value) = fields.get("tickCadence") else { return Some(Cadence::Daily) };
        match value.as_str() {
            Some("daily") => Some(Cadence::Daily),
            Some("weekdays") => Some(Cadence::Weekdays),
            Some("hourly") => Some(Cadence::Hourly),
            _ => self.note(format_args!("{place}.tickCadence"), "must be one of daily, weekdays, hourly"),
        }
    }

    fn refuse_unknown(&mut self, place: &str, fields: &Map<String, Value>, known: &[&str]) {
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let dot = if place.is_empty() { "" } else { "." };
            let problem = format_args!("unknown field; known are {}", known.join(", "));
            self.note::<()>(format_args!("{place}{dot}{name}"), problem);
        }
    }

    /// Two personas of one address would be one user with the second one's description.
    fn refuse_doubles(&mut self, list: &[Value]) {
        let mut seen = BTreeSet::new();
        for (index, entry) in list.iter().enumerate() {
            let Some(email) = entry["email"].as_str() else { continue };
            if !seen.insert(email.to_ascii_lowercase()) {
                self.note::<()>(
                    format_args!("personas[{index}].email"),
                    format_args!("{email} is there twice"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn anna() -> Value {
        json!({"name": "Anna", "email": "persona.anna@mana.test", "archetype": "adhd-student",
               "systemPrompt": "Du bist Anna und vergisst gern etwas.", "moduleMix": {"todo": 0.6, "mood": 0},
               "tickCadence": "weekdays"})
    }

    /// Anna with `field` set to `value`, or without it.
    fn anna_with(field: &str, value: Option<Value>) -> Value {
        let mut anna = anna();
        let fields = anna.as_object_mut().expect("an object");
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.shift_remove(field),
        };
        json!({"personas": [anna]})
    }

    fn check(document: &Value, problems: &[&str]) {
        match Catalog::parse(&document.to_string()) {
            Ok(_) => assert!(problems.is_empty(), "{document} was accepted"),
            Err(error) => assert_eq!(error.problems, problems, "{document}"),
        }
    }

    #[test]
    fn a_good_catalog_keeps_its_order_and_its_weights() {
        let document = json!({"$schema": "x", "description": "two", "personas": [anna()]});
        let catalog = Catalog::parse(&document.to_string()).expect("a good catalog");
        let entry = &catalog.personas[0];
        assert_eq!((entry.name.as_str(), entry.cadence), ("Anna", Cadence::Weekdays));
        let mix: Vec<_> = entry.module_mix.iter().map(|part| (part.module.as_str(), part.weight)).collect();
        assert_eq!(mix, [("todo", 0.6), ("mood", 0.0)]);
        assert_eq!(catalog.description.as_deref(), Some("two"));
    }

    #[test]
    fn a_persona_without_a_cadence_is_daily() {
        let catalog = Catalog::parse(&anna_with("tickCadence", None).to_string()).expect("a good catalog");
        assert_eq!(catalog.personas[0].cadence, Cadence::Daily);
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        for (field, value, problem) in [
            ("name", None, "personas[0].name: is missing"),
            ("name", Some(json!(" ")), "personas[0].name: must be a string that is not empty"),
            ("archetype", Some(json!(1)), "personas[0].archetype: must be a string that is not empty"),
            ("email", Some(json!("anna@example.org")), "personas[0].email: must end in @mana.test"),
            ("email", Some(json!("@mana.test")), "personas[0].email: is not a valid email address"),
            ("email", Some(json!("an na@mana.test")), "personas[0].email: is not a valid email address"),
            ("email", Some(json!("a@b@mana.test")), "personas[0].email: is not a valid email address"),
            (
                "systemPrompt",
                Some(json!("Du bist Anna.")),
                "personas[0].systemPrompt: must have at least 20 characters",
            ),
            (
                "moduleMix",
                Some(json!(["todo"])),
                "personas[0].moduleMix: must be an object from module to weight",
            ),
            (
                "moduleMix",
                Some(json!({"todo": -1})),
                "personas[0].moduleMix.todo: must be a number from 0 up",
            ),
            (
                "moduleMix",
                Some(json!({"todo": "1"})),
                "personas[0].moduleMix.todo: must be a number from 0 up",
            ),
            (
                "tickCadence",
                Some(json!("weekly")),
                "personas[0].tickCadence: must be one of daily, weekdays, hourly",
            ),
            (
                "moduleMx",
                Some(json!({})),
                "personas[0].moduleMx: unknown field; known are name, email, archetype, systemPrompt, moduleMix, tickCadence",
            ),
        ] {
            check(&anna_with(field, value), &[problem]);
        }
    }

    #[test]
    fn the_frame_of_the_catalog_is_checked_too() {
        check(&json!([anna()]), &["the catalog: must be an object with a list `personas`"]);
        check(&json!({}), &["personas: must be a list of personas"]);
        check(&json!({"personas": []}), &["personas: must hold at least one persona"]);
        check(&json!({"personas": [7]}), &["personas[0]: must be an object"]);
        check(
            &json!({"persona": [], "personas": [anna()]}),
            &["persona: unknown field; known are $schema, description, personas"],
        );
        check(&json!({"personas": [anna()], "description": 1}), &["description: must be a string"]);
        check(
            &json!({"personas": [anna(), anna()]}),
            &["personas[1].email: persona.anna@mana.test is there twice"],
        );
        let error = Catalog::parse("{\"personas\": [").expect_err("cut off");
        assert_eq!(error.to_string(), "not JSON: EOF while parsing a list at line 1 column 14");
    }

    #[test]
    fn all_mistakes_are_found_in_one_pass() {
        let document = json!({"personas": [anna(), {"name": "Ben", "email": "ben@mana.test"}, {"x": 1}]});
        let error = Catalog::parse(&document.to_string()).expect_err("two bad entries");
        assert_eq!(error.problems.len(), 3 + 6, "{error}");
    }

    #[test]
    fn the_example_has_the_ten_personas_of_the_contract() {
        let text = include_str!("../../../examples/personas.json");
        let catalog = Catalog::parse(text).expect("the example is a good catalog");
        let emails: Vec<_> = catalog.personas.iter().map(|entry| entry.email.as_str()).collect();
        let names = ["anna", "ben", "marcus", "lena", "sofia", "tom", "kai", "julia", "paul", "maya"];
        assert_eq!(emails, names.map(|name| format!("persona.{name}@mana.test")));
        for entry in &catalog.personas {
            let sum: f64 = entry.module_mix.iter().map(|part| part.weight).sum();
            assert!((sum - 1.0).abs() < 1e-9, "the weights of {} sum to {sum}", entry.name);
        }
        let weekdays = catalog.personas.iter().filter(|entry| entry.cadence == Cadence::Weekdays).count();
        assert_eq!(weekdays, 4);
    }
}
