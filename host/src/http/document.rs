//! The OpenAPI document of all routes, made of the list that is served and of the types that are answered with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::{ContractRefusal, Refusal};
use super::pages::SHOWN;
use super::route::{Answer, Parameter, Route};
use super::routes;
use domain::code::Code;

const ABOUT: &str = "What persona-host shows and does over HTTP. On loopback whoever asks from the same machine may do both. \
    Elsewhere looking needs the view token or the admin token, and what makes persona-host do something needs the admin \
    token (`security` of each operation; an empty one stands for a request from the machine itself, on loopback). \
    What is sent and not understood is refused, with a code of docs/errors.md.";

/// The document as an answer.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Document(&'static Value);

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An OpenAPI document.",
            "type": "object",
            "required": ["openapi", "info", "paths", "components"],
        })
    }
}

/// `GET /api/openapi.json`.
pub(super) async fn show() -> Json<Document> {
    Json(Document(document()))
}

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(made);
    &DOCUMENT
}

/// Each route for programs, this document included.
pub(super) fn routes() -> Vec<Route> {
    let own = Route::shows("/api/openapi.json", "document", "This document.", show);
    routes::routes().into_iter().chain([own]).collect()
}

fn made() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator =
        settings.with(|own| own.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        let operation = operation(&route, &mut generator);
        paths.entry(route.path).or_default().insert(route.method.to_owned(), operation);
    }
    for (path, title) in SHOWN {
        paths.entry(path).or_default().insert("get".to_owned(), page(path, title));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "persona-host",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "the persona-host that serves this document" }],
        "tags": [
            { "name": "health", "description": "For probes and for Prometheus, in the shapes of the original." },
            { "name": "shows", "description": "Changes nothing." },
            { "name": "deeds", "description": "Makes persona-host do something." },
            { "name": "pages", "description": "For people." },
        ],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "adminToken": { "type": "http", "scheme": "bearer", "description": "PERSONA_ADMIN_TOKEN" },
                "viewToken": { "type": "http", "scheme": "bearer", "description": "PERSONA_VIEW_TOKEN: for looking only" },
                "password": { "type": "http", "scheme": "basic", "description": "a token as the password, under any name, as a browser asks for it" },
            },
        },
    });
    for_readers(&mut document);
    document
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let tag = match (route.is_deed, route.is_of_the_contract) {
        (true, _) => "deeds",
        (false, true) => "health",
        (false, false) => "shows",
    };
    let mut operation = json!({
        "operationId": route.name,
        "tags": [tag],
        "summary": route.does,
        "parameters": route.takes.iter().map(parameter).collect::<Vec<_>>(),
        "security": security(route),
        "responses": responses(route, generator),
    });
    if route.method == "post" && route.asked_with().next().is_some() {
        operation["requestBody"] = body(route);
    }
    operation
}

fn parameter(own: &Parameter) -> Value {
    json!({
        "name": own.name,
        "in": if own.is_in_path { "path" } else { "query" },
        "required": own.is_in_path || own.is_needed,
        "description": own.means,
        "schema": own.schema,
        "example": own.value(),
    })
}

/// The same parameters as members of an object.
fn body(route: &Route) -> Value {
    let members: Map<String, Value> = route
        .asked_with()
        .map(|own| {
            let mut schema = own.schema.clone();
            schema["description"] = own.means.into();
            (own.name.to_owned(), schema)
        })
        .collect();
    let schema = json!({ "type": "object", "properties": members, "additionalProperties": false });
    json!({
        "required": false,
        "description": "The parameters, where they are not behind the `?`. They stand in one place, and not in both.",
        "content": { "application/json": { "schema": schema } },
    })
}

fn security(route: &Route) -> Value {
    match (route.path, route.is_deed) {
        (path, _) if path.starts_with("/health") => json!([]),
        (_, true) => json!([{}, { "adminToken": [] }, { "password": [] }]),
        (_, false) => json!([{}, { "viewToken": [] }, { "adminToken": [] }, { "password": [] }]),
    }
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let content = match &route.answer {
        Answer::Json(shape) => json!({ "application/json": { "schema": shape(generator) } }),
        Answer::Text(kinds) => {
            kinds.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": { "type": "string" } }))).collect()
        }
    };
    let mut responses = Map::new();
    if let Some((status, when)) = route.also {
        responses.insert(status.as_str().to_owned(), json!({ "description": when, "content": content }));
    }
    responses.insert("200".to_owned(), json!({ "description": route.does, "content": content }));
    let refusal = match route.is_of_the_contract {
        true => generator.subschema_for::<ContractRefusal>(),
        false => generator.subschema_for::<Refusal>(),
    };
    for (status, codes) in refusals(route) {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        let reason = status.canonical_reason().unwrap_or_default();
        let description =
            if codes.is_empty() { reason.to_owned() } else { format!("{reason}: {}", codes.join(", ")) };
        let answer =
            json!({ "description": description, "content": { "application/json": { "schema": refusal } } });
        responses.insert(status.as_str().to_owned(), answer);
    }
    responses.sort_keys();
    responses.into()
}

/// Its own errors, and those of every route like it.
fn refusals(route: &Route) -> BTreeMap<StatusCode, Vec<Code>> {
    let mut refusals: BTreeMap<StatusCode, Vec<Code>> = route.refuses.iter().cloned().collect();
    let mut add = |status, codes: &[Code]| refusals.entry(status).or_default().extend(codes);
    add(StatusCode::FORBIDDEN, &[Code::WrongName]);
    add(StatusCode::PAYLOAD_TOO_LARGE, &[Code::TooLarge]);
    if !route.path.starts_with("/health") {
        add(StatusCode::FORBIDDEN, &[Code::NotAllowed]);
        add(StatusCode::UNAUTHORIZED, &[Code::NotAllowed]);
        add(StatusCode::TOO_MANY_REQUESTS, &[Code::TooManyTokens]);
    }
    let is_strict = route.is_deed || !route.is_of_the_contract;
    if is_strict {
        add(StatusCode::BAD_REQUEST, &[Code::UnknownFilter, Code::BadFilter]);
    }
    if route.takes.iter().any(|own| own.is_in_path) {
        add(StatusCode::BAD_REQUEST, &[Code::BadPath]);
    }
    if route.method == "post" {
        add(StatusCode::BAD_REQUEST, &[Code::BadBody]);
        add(StatusCode::REQUEST_TIMEOUT, &[Code::BadBody]);
        add(StatusCode::UNSUPPORTED_MEDIA_TYPE, &[Code::BadBody]);
    }
    if route.is_of_the_contract {
        refusals.values_mut().for_each(Vec::clear);
    }
    refusals
}

/// A page, or what it is made of.
fn page(path: &str, title: &str) -> Value {
    let words = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = words
        .map(|word| json!({ "name": word, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let html = json!({ "text/html": { "schema": { "type": "string" } } });
    let text = json!({ "text/plain": { "schema": { "type": "string" } } });
    let (kinds, otherwise) = match path.starts_with("/assets/") {
        true => (json!({ "text/javascript": {}, "text/css": {} }), text),
        false => (html.clone(), html),
    };
    json!({
        "tags": ["pages"],
        "summary": title,
        "parameters": parameters,
        "security": [{}, { "viewToken": [] }, { "adminToken": [] }, { "password": [] }],
        "responses": {
            "200": { "description": title, "content": kinds },
            "default": { "description": "It cannot be shown, and says why.", "content": otherwise },
        },
    })
}

/// Comments name types as Rust does.
fn for_readers(document: &mut Value) {
    match document {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
            }
            members.values_mut().for_each(for_readers);
        }
        Value::Array(items) => items.iter_mut().for_each(for_readers),
        _ => {}
    }
}
