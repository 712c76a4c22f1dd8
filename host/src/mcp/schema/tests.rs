//! Schemas as servers write them, and what is shown of them.

use proptest::prelude::*;

use super::*;

fn check(what: &str, original: Value, expected: Value) {
    assert_eq!(for_model(&original), expected, "{what}");
}

#[test]
fn what_claude_takes_is_shown_word_for_word() {
    let whole = json!({
        "type": "object", "properties": {
            "title": {"type": "string", "minLength": 1, "default": "a", "$ref": {"type": "string"}},
            "due": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": null},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
            "n": {"type": "integer", "exclusiveMinimum": 0}, "x": true,
        },
        "required": ["title"], "additionalProperties": false, "$schema": "http://json-schema.org/draft-07/schema#",
        "x-own": {"anyOf": 7},
    });
    let mut whole = whole;
    whole["properties"]["title"].as_object_mut().expect("an object").remove("$ref");
    assert_eq!(for_model(&whole).to_string(), whole.to_string());
}

#[test]
fn a_choice_at_the_top_becomes_what_any_branch_allows_and_all_demand() {
    let text = || json!({"type": "string"});
    let branch = |name: &str, kind: &str| {
        json!({"type": "object", "properties": {"kind": {"const": kind}, "id": text(), name: text()},
               "required": ["kind", "id", name], "additionalProperties": false})
    };
    let both = || json!({"anyOf": [{"const": "a"}, {"const": "b"}]});
    let merged = || {
        json!({"type": "object", "properties": {"kind": both(), "id": text(), "x": text(), "y": text()},
               "required": ["kind", "id"]})
    };
    for choice in ["anyOf", "oneOf"] {
        check(choice, json!({choice: [branch("x", "a"), branch("y", "b")]}), merged());
        let closed = json!({choice: [branch("x", "a"), branch("y", "b")], "additionalProperties": false});
        check(choice, closed, merged());
    }
    check(
        "all of",
        json!({"type": "object", "properties": {"a": text()}, "required": ["a"], "allOf": [
            {"properties": {"a": {"minLength": 1}, "b": {"type": "number"}}, "required": ["b"]},
            {"properties": {"b": {"minimum": 1}}}, true]}),
        json!({"type": "object", "required": ["a", "b"],
               "properties": {"a": text(), "b": {"allOf": [{"type": "number"}, {"minimum": 1}]}}}),
    );
    check(
        "either of two",
        json!({"type": "object", "properties": {"a": text(), "b": text()},
               "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        json!({"type": "object", "properties": {"a": text(), "b": text()}}),
    );
    check(
        "a choice in a choice",
        json!({"oneOf": [{"anyOf": [{"properties": {"a": text()}}]}, {"properties": {"b": text()}}]}),
        json!({"type": "object", "properties": {"a": text(), "b": text()}}),
    );
    let inside = json!({"type": "object", "properties": {"a": {"oneOf": [text(), {"type": "null"}]}}});
    check("a choice below the top is none of ours", inside.clone(), inside);
}

#[test]
fn a_reference_is_replaced_by_what_it_points_to() {
    let text = || json!({"type": "string"});
    check(
        "at the top",
        json!({"$ref": "#/definitions/Arguments", "$schema": "http://json-schema.org/draft-07/schema#",
               "definitions": {"Arguments": {"type": "object", "properties": {"a": {"$ref": "#/definitions/A"}}},
                               "A": text()}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": text()}}),
    );
    check(
        "beside words of its own",
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "description": "own"}},
               "$defs": {"A": {"type": "string", "description": "its"}}}),
        json!({"type": "object", "properties": {"a": {"description": "own", "type": "string"}}}),
    );
    check(
        "to itself",
        json!({"type": "object", "properties": {"next": {"$ref": "#"}, "tree": {"$ref": "#/$defs/Tree"}},
               "$defs": {"Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}}}),
        json!({"type": "object", "properties": {
            "next": {}, "tree": {"type": "object", "properties": {"left": {}}}}}),
    );
    for nowhere in ["#/$defs/Nobody", "https://example.test/schema.json", "#anchor", "other.json#/a"] {
        let original = json!({"type": "object", "properties": {"a": {"$ref": nowhere}}});
        check(nowhere, original, json!({"type": "object", "properties": {"a": {}}}));
    }
    let names: Vec<String> = (0..20).map(|n| format!("#/$defs/d{}", n + 1)).collect();
    let twice = |to: &String| json!({"type": "object", "properties": {"a": {"$ref": to}, "b": {"$ref": to}}});
    let definitions: Fields = names.iter().enumerate().map(|(n, to)| (format!("d{n}"), twice(to))).collect();
    let explosion =
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": definitions});
    assert!(is_short(&for_model(&explosion)), "it stays small");
}

#[test]
fn keywords_of_other_drafts_are_written_anew_or_left_out() {
    for (what, given, shown) in [
        (
            "an exclusive limit of draft 4",
            json!({"minimum": 1, "exclusiveMinimum": true}),
            json!({"exclusiveMinimum": 1}),
        ),
        ("one that is not", json!({"maximum": 1, "exclusiveMaximum": false}), json!({"maximum": 1})),
        (
            "a tuple of draft 7",
            json!({"items": [{"type": "string"}], "additionalItems": false}),
            json!({"prefixItems": [{"type": "string"}], "items": false}),
        ),
        ("a type that is none", json!({"type": "any"}), json!({})),
        ("a type that comes twice", json!({"type": ["string", "string"]}), json!({})),
        ("required of draft 3", json!({"type": "string", "required": true}), json!({"type": "string"})),
        ("an empty choice", json!({"enum": [], "anyOf": []}), json!({})),
        ("a length that is none", json!({"minLength": -1, "maxLength": "9", "minItems": 1.5}), json!({})),
        ("words that are none", json!({"description": 7, "title": null, "pattern": {}}), json!({})),
        ("no schema at all", json!("string"), json!({})),
        ("null", json!(null), json!({})),
    ] {
        let properties = |part: &Value| json!({"type": "object", "properties": {"a": part}});
        check(what, properties(&given), properties(&shown));
    }
    for (what, given) in [
        ("a list", json!([])),
        ("a type of something else", json!({"type": "array"})),
        ("types", json!({"type": ["object", "null"]})),
        ("no type", json!({})),
        ("properties that are none", json!({"type": "object", "properties": []})),
        ("larger than anybody reads", json!({"type": "object", "description": "x".repeat(70_000)})),
    ] {
        check(what, given, json!({"type": "object"}));
    }
    let names = json!({"type": "object", "properties": {"größe": {}, "a b": {}, "": {}, "a.b-c_1": {}, "x".repeat(65): {}},
                       "required": ["größe", "a.b-c_1", "a.b-c_1"]});
    check("names", names, json!({"type": "object", "properties": {"a.b-c_1": {}}, "required": ["a.b-c_1"]}));
}

#[test]
fn arguments_are_held_against_the_original_where_another_was_shown() {
    let either = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                        "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let shown_as_it_is = json!({"type": "object", "required": ["a"]});
    let elsewhere = json!({"type": "object", "properties": {"a": {"$ref": "https://example.test/a.json"}}});
    let deep =
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"minimum": 3}}});
    for (schema, arguments, fits) in [
        (&either, json!({"a": "x"}), true),
        (&either, json!({}), false),
        (&either, json!(null), false),
        (&either, json!({"a": 7}), false),
        (&shown_as_it_is, json!({}), true),
        (&elsewhere, json!({"a": 7}), true),
        (&deep, json!({"a": 3}), true),
        (&deep, json!({"a": 2}), false),
    ] {
        assert_eq!(misfit(schema, &arguments).is_none(), fits, "{schema} {arguments}");
    }
    assert_eq!(misfit(&deep, &json!({"a": 2})).as_deref(), Some("/a: 2 is less than the minimum of 3"));
}

/// Schemas of keywords that mean something, with values that often mean nothing.
fn wild() -> impl Strategy<Value = Value> {
    let keyword = prop::sample::select(vec![
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        "enum",
        "minimum",
        "exclusiveMinimum",
        "additionalProperties",
        "pattern",
        "not",
        "prefixItems",
        "description",
        "ü b",
    ]);
    let leaf = prop::sample::select(vec![
        json!("object"),
        json!("string"),
        json!("any"),
        json!("#/$defs/a"),
        json!("#"),
        json!(true),
        json!(7),
        json!(null),
        json!(["a", "a"]),
        json!([]),
        json!({}),
    ]);
    leaf.prop_recursive(5, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec((keyword.clone(), inner.clone()), 0..5)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_is_shown_as_an_object_schema_without_choices_or_references(original in wild()) {
        let shown = for_model(&original);
        prop_assert_eq!(&shown["type"], "object");
        prop_assert!(["anyOf", "oneOf", "allOf"].iter().all(|choice| shown.get(choice).is_none()));
        prop_assert!(!points_elsewhere(&shown), "{}", shown);
        prop_assert!(jsonschema::draft202012::meta::is_valid(&shown), "{}", shown);
        prop_assert_eq!(for_model(&shown), shown.clone());
    }
}
