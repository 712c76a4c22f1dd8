//! The document of the API, read again for people: its operations, and the shapes that they answer with.

use serde_json::{Map, Value};

use crate::running::one_segment;

/// What one request does.
pub(super) struct Operation<'a> {
    /// `GET` or `POST`.
    pub(super) method: String,
    pub(super) path: &'a str,
    document: &'a Value,
    own: &'a Value,
}

/// A parameter of an operation.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    /// `path` or `query`.
    pub(super) place: &'a str,
    pub(super) is_needed: bool,
    pub(super) means: &'a str,
    /// Which values it takes.
    pub(super) values: String,
    pub(super) example: String,
}

/// An answer of an operation.
pub(super) struct Answered<'a> {
    pub(super) status: &'a str,
    pub(super) when: &'a str,
    /// The name of its shape, or the type of its text.
    pub(super) shape: String,
}

/// A shape, by its name.
pub(super) struct Shape<'a> {
    pub(super) name: &'a str,
    pub(super) means: &'a str,
    /// What it is, where it is no object.
    pub(super) kind: String,
    pub(super) members: Vec<Member<'a>>,
}

/// A member of an object.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) kind: String,
    pub(super) means: &'a str,
    pub(super) is_always_there: bool,
}

/// How deep an example goes.
const DEEP: usize = 6;
/// What the names of shapes begin with in references.
const SHAPES: &str = "#/components/schemas/";

/// What there is under a tag, in the order of the paths.
pub(super) fn operations<'a>(document: &'a Value, tag: &'a str) -> impl Iterator<Item = Operation<'a>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(move |(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, own)| Operation {
            method: method.to_uppercase(),
            path,
            document,
            own,
        })
    });
    all.filter(move |own| own.own["tags"][0] == tag)
}

/// The tags, with what each stands for.
pub(super) fn tags(document: &Value) -> impl Iterator<Item = (&str, &str)> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| (text(&tag["name"]), text(&tag["description"])))
}

/// All shapes, by name.
pub(super) fn shapes(document: &Value) -> impl Iterator<Item = Shape<'_>> {
    let shapes = document["components"]["schemas"].as_object().into_iter().flatten();
    shapes.map(|(name, shape)| Shape {
        name,
        means: text(&shape["description"]),
        kind: if shape["properties"].is_object() { String::new() } else { kind(shape) },
        members: members(shape),
    })
}

impl<'a> Operation<'a> {
    pub(super) fn does(&self) -> &'a str {
        text(&self.own["summary"])
    }

    pub(super) fn asked(&self) -> Vec<Asked<'a>> {
        let parameters = self.own["parameters"].as_array().into_iter().flatten();
        let asked = |own: &'a Value| Asked {
            name: text(&own["name"]),
            place: text(&own["in"]),
            is_needed: own["required"] == true,
            means: text(&own["description"]),
            values: kind(&own["schema"]),
            example: plain(&own["example"]),
        };
        parameters.map(asked).collect()
    }

    pub(super) fn answered(&self) -> Vec<Answered<'a>> {
        let answers = self.own["responses"].as_object().into_iter().flatten();
        let answered = |(status, own): (&'a String, &'a Value)| {
            let content = own["content"].as_object();
            let shapes = content.into_iter().flatten().map(|(media, content)| match media.as_str() {
                "application/json" => kind(&content["schema"]),
                media => media.to_owned(),
            });
            let shape = shapes.collect::<Vec<_>>().join(", ");
            Answered { status, when: text(&own["description"]), shape }
        };
        answers.map(answered).collect()
    }

    /// What the document of its answer could be.
    pub(super) fn example(&self) -> Option<String> {
        let schema = &self.own["responses"]["200"]["content"]["application/json"]["schema"];
        let example = schema.is_object().then(|| example(self.document, schema, DEEP))?;
        serde_json::to_string_pretty(&example).ok()
    }

    /// How it is asked from a terminal of the machine that `base` is the address of.
    pub(super) fn curl(&self, base: &str) -> String {
        let mut path = self.path.to_owned();
        let mut query = Vec::new();
        for own in self.asked() {
            let value = one_segment(&own.example);
            match own.place {
                "path" => path = path.replace(&format!("{{{}}}", own.name), &value),
                // One of them shows how.
                _ if query.is_empty() || own.is_needed => query.push(format!("{}={value}", own.name)),
                _ => {}
            }
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let method = if self.method == "GET" { String::new() } else { format!("-X {} ", self.method) };
        format!("curl {method}'{base}{path}{query}'")
    }
}

fn members(shape: &Value) -> Vec<Member<'_>> {
    let needed = shape["required"].as_array();
    let is_needed = |name: &String| needed.is_some_and(|needed| needed.iter().any(|own| own == name));
    let own = shape["properties"].as_object().into_iter().flatten().map(|(name, own)| Member {
        name,
        kind: kind(own),
        means: text(&own["description"]),
        is_always_there: is_needed(name),
    });
    own.collect()
}

/// What a value is, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.trim_start_matches(SHAPES).to_owned();
    }
    let of_all = |ways: &Value| -> Option<String> {
        let ways: Vec<String> = ways.as_array()?.iter().map(kind).collect();
        Some(ways.join(" or "))
    };
    if let Some(ways) = of_all(&schema["anyOf"]).or_else(|| of_all(&schema["oneOf"])) {
        return ways;
    }
    if let Some(words) = schema["enum"].as_array() {
        // The words of codes are a page of their own.
        let words: Vec<String> = words.iter().take(12).map(plain).collect();
        return if words.len() < 12 { words.join(", ") } else { format!("{}, …", words.join(", ")) };
    }
    if let Some(one) = schema.get("const") {
        return plain(one);
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) if word == "object" && schema["additionalProperties"].is_object() => {
            format!("{} by name", kind(&schema["additionalProperties"]))
        }
        Value::String(word) => match schema["format"].as_str() {
            Some("date-time") => "instant".to_owned(),
            _ => word.clone(),
        },
        Value::Array(words) => {
            let words: Vec<String> = words
                .iter()
                .map(|word| match (word == "string", schema["format"].as_str()) {
                    (true, Some("date-time")) => "instant".to_owned(),
                    _ => plain(word),
                })
                .collect();
            words.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

/// A value that fits.
fn example(document: &Value, schema: &Value, deep: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let shape = &document["components"]["schemas"][name.trim_start_matches(SHAPES)];
        return example(document, shape, deep);
    }
    for ways in ["anyOf", "oneOf"] {
        if let Some(first) = schema[ways].as_array().and_then(|ways| ways.first()) {
            let mut made = example(document, first, deep);
            if let (Some(made), Some(own)) = (made.as_object_mut(), schema["properties"].as_object()) {
                made.extend(of_members(document, own, deep));
            }
            return made;
        }
    }
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()).or(schema.get("const")) {
        return word.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().map_or("", text),
        own => text(own),
    };
    match (kind, schema["format"].as_str()) {
        ("string", Some("date-time")) => "2026-11-29T08:30:00Z".into(),
        ("string", _) => "…".into(),
        ("integer", _) => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        ("number", _) => Value::from(0.5),
        ("boolean", _) => true.into(),
        ("array", _) if deep > 0 => vec![example(document, &schema["items"], deep - 1)].into(),
        ("array", _) => Value::Array(Vec::new()),
        ("object", _) if deep > 0 => schema["properties"]
            .as_object()
            .map(|own| of_members(document, own, deep - 1))
            .unwrap_or_default()
            .into(),
        ("object", _) => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

fn of_members(document: &Value, members: &Map<String, Value>, deep: usize) -> Map<String, Value> {
    members.iter().map(|(name, own)| (name.clone(), example(document, own, deep))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
