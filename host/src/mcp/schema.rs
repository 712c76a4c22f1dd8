//! Schemas of arguments as Claude takes them. Its API refuses a whole request for one schema with a choice or a
//! reference at the top, with a keyword of another draft, or with a name that it does not like; so those are rewritten,
//! never narrower than the original. What Claude then asks for is held against the original ([`misfit`]).

use std::collections::BTreeMap;

use jsonschema::PatternOptions;
use serde_json::{Map, Value, json};

/// The largest schema that is shown, in bytes; every turn pays for it.
const LARGEST: usize = 64 << 10;
/// The most parts that references are followed into, and the deepest.
const MOST_PARTS: usize = 4096;
const DEEPEST: usize = 24;
/// What a pattern may take when it is compiled, in bytes.
const LARGEST_PATTERN: usize = 256 << 10;
/// The longest name of an argument.
const LONGEST_NAME: usize = 64;
/// So many complaints about arguments are told, each of so many characters.
const TOLD: usize = 3;
const LONGEST_COMPLAINT: usize = 300;

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords whose values are no schemas, whatever they look like.
const VALUES: [&str; 4] = ["enum", "const", "default", "examples"];
const CHOICES: [&str; 2] = ["anyOf", "oneOf"];

type Fields = Map<String, Value>;

/// The schema as Claude is shown it; the same, if Claude takes it as it is.
#[must_use]
pub fn for_model(original: &Value) -> Value {
    let rewritten = rewritten(original);
    if rewritten == *original {
        return rewritten;
    }
    let is_fine = is_short(&rewritten) && jsonschema::draft202012::meta::is_valid(&rewritten);
    if is_fine { rewritten } else { any_object() }
}

/// Why these arguments are not what the original wants, where Claude was shown another one. Otherwise the server knows
/// better.
#[must_use]
pub fn misfit(original: &Value, arguments: &Value) -> Option<String> {
    if for_model(original) == *original {
        return None;
    }
    // A schema that cannot be used here, such as one that points elsewhere, is left to the server.
    let patterns = PatternOptions::regex().size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN);
    let validator = jsonschema::options().with_pattern_options(patterns).build(original).ok()?;
    let nothing = any_arguments();
    let arguments = if arguments.is_null() { &nothing } else { arguments };
    let complaint = |error: jsonschema::ValidationError<'_>| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        format!("{place}{error}").chars().take(LONGEST_COMPLAINT).collect::<String>()
    };
    let complaints: Vec<String> = validator.iter_errors(arguments).take(TOLD).map(complaint).collect();
    (!complaints.is_empty()).then(|| complaints.join("; "))
}

fn any_object() -> Value {
    json!({"type": "object"})
}

fn any_arguments() -> Value {
    json!({})
}

fn is_short(schema: &Value) -> bool {
    serde_json::to_vec(schema).is_ok_and(|text| text.len() <= LARGEST)
}

fn rewritten(original: &Value) -> Value {
    if !is_short(original) {
        return any_object();
    }
    let whole = if points_elsewhere(original) { inlined(original) } else { original.clone() };
    let Value::Object(fields) = tidied(whole, DEEPEST) else { return any_object() };
    let mut fields = flattened(fields, DEEPEST);
    fields.insert("type".to_owned(), Value::from("object"));
    name_plainly(&mut fields);
    Value::Object(fields)
}

/// Leaves out arguments whose names Claude does not take.
fn name_plainly(fields: &mut Fields) {
    let is_plain = |name: &str| {
        let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'.' | b'-');
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
    };
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.retain(|name, _| is_plain(name));
    }
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.retain(|name| name.as_str().is_some_and(is_plain));
    }
}

// References.

fn points_elsewhere(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(keyword, value)| {
            REFERENCES.contains(&keyword.as_str()) && value.is_string()
                || !VALUES.contains(&keyword.as_str()) && points_elsewhere(value)
        }),
        Value::Array(items) => items.iter().any(points_elsewhere),
        _ => false,
    }
}

/// The same schema with what it points to in place of the references. Where one leads back to itself, or nowhere,
/// anything goes.
fn inlined(root: &Value) -> Value {
    let mut whole = Inlining { root, left: MOST_PARTS }.part(root, &mut vec!["#".to_owned()]);
    for definitions in ["$defs", "definitions"] {
        whole.as_object_mut().into_iter().for_each(|fields| drop(fields.shift_remove(definitions)));
    }
    whole
}

struct Inlining<'a> {
    root: &'a Value,
    /// So many parts may still be made.
    left: usize,
}

impl Inlining<'_> {
    fn part(&mut self, schema: &Value, open: &mut Vec<String>) -> Value {
        match schema {
            Value::Object(fields) => self.object(fields, open),
            Value::Array(items) => items.iter().map(|item| self.part(item, open)).collect(),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Fields, open: &mut Vec<String>) -> Value {
        let Some(left) = self.left.checked_sub(1) else { return json!({}) };
        self.left = left;
        let is_reference = |keyword: &str| REFERENCES.contains(&keyword) && fields[keyword].is_string();
        let mut part = Fields::new();
        for (keyword, value) in fields.iter().filter(|(keyword, _)| !is_reference(keyword)) {
            let value =
                if VALUES.contains(&keyword.as_str()) { value.clone() } else { self.part(value, open) };
            part.insert(keyword.clone(), value);
        }
        for reference in REFERENCES.iter().filter_map(|keyword| fields.get(*keyword)?.as_str()) {
            if let Some(Value::Object(target)) = self.target(reference, open) {
                for (keyword, value) in target {
                    part.entry(keyword).or_insert(value);
                }
            }
        }
        Value::Object(part)
    }

    fn target(&mut self, reference: &str, open: &mut Vec<String>) -> Option<Value> {
        if open.len() > DEEPEST || open.iter().any(|known| known == reference) {
            return None;
        }
        let pointer =
            reference.strip_prefix('#')?.replace("%24", "$").replace("%7E", "~").replace("%20", " ");
        let target = self.root.pointer(&pointer)?;
        open.push(reference.to_owned());
        let part = self.part(target, open);
        open.pop();
        Some(part)
    }
}

// Keywords.

/// The same schema with nothing in it that the draft 2020-12 does not know in this form. What older drafts wrote
/// otherwise is written anew, and what makes no sense is left out.
fn tidied(schema: Value, depth: usize) -> Value {
    let Value::Object(fields) = schema else { return if schema.is_boolean() { schema } else { json!({}) } };
    let Some(depth) = depth.checked_sub(1) else { return json!({}) };
    let old = Old::of(&fields);
    let mut tidy = Fields::new();
    for (keyword, value) in fields {
        let (keyword, value) = match (keyword.as_str(), value) {
            ("items", value @ Value::Array(_)) => ("prefixItems".to_owned(), value),
            ("additionalItems", value) if old.has_places => ("items".to_owned(), value),
            ("additionalItems", _) => continue,
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => continue,
            ("minimum", value) if old.above => ("exclusiveMinimum".to_owned(), value),
            ("maximum", value) if old.below => ("exclusiveMaximum".to_owned(), value),
            (_, value) => (keyword, value),
        };
        if let Some(value) = tidy_keyword(&keyword, value, depth) {
            tidy.insert(keyword, value);
        }
    }
    Value::Object(tidy)
}

/// How older drafts wrote some things.
struct Old {
    /// A schema for each place of a list.
    has_places: bool,
    /// The limits themselves are not allowed.
    above: bool,
    below: bool,
}

impl Old {
    fn of(fields: &Fields) -> Self {
        let is_true = |keyword: &str| fields.get(keyword).is_some_and(|value| *value == true);
        Self {
            has_places: fields.get("items").is_some_and(Value::is_array),
            above: is_true("exclusiveMinimum"),
            below: is_true("exclusiveMaximum"),
        }
    }
}

fn tidy_keyword(keyword: &str, value: Value, depth: usize) -> Option<Value> {
    match keyword {
        "type" => is_type(&value).then_some(value),
        "required" => names(value),
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()).then_some(value),
        "examples" => value.is_array().then_some(value),
        "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0).then_some(value),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number().then_some(value),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minContains" | "maxContains" => value.is_u64().then_some(value),
        "title" | "description" | "format" | "$comment" | "$schema" | "contentEncoding"
        | "contentMediaType" | "pattern" => value.is_string().then_some(value),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean().then_some(value),
        // Of use to references only.
        "$id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "$vocabulary" => None,
        "$ref" | "$dynamicRef" | "$recursiveRef" => None,
        "dependencies" | "dependentRequired" => value.is_object().then_some(value),
        "items"
        | "additionalProperties"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => (value.is_object() || value.is_boolean()).then(|| tidied(value, depth)),
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => match value {
            Value::Object(parts) => {
                Some(parts.into_iter().map(|(name, part)| (name, tidied(part, depth))).collect())
            }
            _ => None,
        },
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => match value {
            Value::Array(parts) if !parts.is_empty() => {
                Some(parts.into_iter().map(|part| tidied(part, depth)).collect())
            }
            _ => None,
        },
        _ => Some(value),
    }
}

fn is_type(value: &Value) -> bool {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let is_one = |value: &Value| value.as_str().is_some_and(|word| TYPES.contains(&word));
    match value {
        Value::Array(words) => {
            let twice = words.iter().enumerate().any(|(at, word)| words[..at].contains(word));
            !words.is_empty() && !twice && words.iter().all(is_one)
        }
        word => is_one(word),
    }
}

fn names(value: Value) -> Option<Value> {
    let Value::Array(values) = value else { return None };
    let mut names: Vec<Value> = Vec::new();
    for name in values {
        if name.is_string() && !names.contains(&name) {
            names.push(name);
        }
    }
    Some(Value::Array(names))
}

// Choices.

/// An object's schema without a choice at its top: what any of the branches allows is allowed, and what all of them
/// demand is demanded.
fn flattened(mut fields: Fields, depth: usize) -> Fields {
    let mut take = |keyword: &str| match fields.shift_remove(keyword) {
        Some(Value::Array(branches)) => branches,
        _ => Vec::new(),
    };
    let all = take("allOf");
    let choices = CHOICES.map(&mut take);
    let Some(depth) = depth.checked_sub(1) else { return fields };
    if all.is_empty() && choices.iter().all(Vec::is_empty) {
        return fields;
    }
    // They would close the object to what the branches add.
    fields.shift_remove("additionalProperties");
    fields.shift_remove("unevaluatedProperties");
    let flat = |branches: Vec<Value>| -> Vec<Fields> {
        let object =
            |branch| if let Value::Object(branch) = branch { Some(flattened(branch, depth)) } else { None };
        branches.into_iter().filter_map(object).collect()
    };
    let all = flat(all);
    all.iter().for_each(|branch| demand(&mut fields, required(branch)));
    offer(&mut fields, &all, "allOf");
    for branches in choices.map(flat) {
        if let Some((first, rest)) = branches.split_first() {
            let by_all = |name: &String| rest.iter().all(|branch| required(branch).contains(name));
            demand(&mut fields, required(first).into_iter().filter(by_all).collect());
        }
        offer(&mut fields, &branches, "anyOf");
    }
    fields
}

fn required(branch: &Fields) -> Vec<String> {
    let names = branch.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn demand(fields: &mut Fields, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let required = fields.entry("required").or_insert_with(|| json!([]));
    for name in names.into_iter().map(Value::from) {
        if let Value::Array(required) = required
            && !required.contains(&name)
        {
            required.push(name);
        }
    }
}

/// Adds the arguments of the branches. The object's own description of one is the wider one, and stays.
fn offer(fields: &mut Fields, branches: &[Fields], joined: &str) {
    let mut offered: BTreeMap<&String, Vec<&Value>> = BTreeMap::new();
    let mut order = Vec::new();
    for (name, part) in branches.iter().filter_map(|branch| branch.get("properties")?.as_object()).flatten() {
        let parts = offered.entry(name).or_default();
        if parts.is_empty() {
            order.push(name);
        }
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if order.is_empty() {
        return;
    }
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    for name in order {
        let part = match offered[name].as_slice() {
            [part] => (*part).clone(),
            parts => json!({joined: parts}),
        };
        if let Value::Object(own) = &mut *properties {
            own.entry(name.as_str()).or_insert(part);
        }
    }
}

#[cfg(test)]
mod tests;
