//! Turns as OpenTelemetry traces, as a collector sees them: a stub that reads OTLP with the types of OpenTelemetry's own
//! project.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::TimeDelta;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use persona_host::config::{Config, Traces};
use persona_host::store::Recorded;
use prost::Message as _;
use secrecy::ExposeSecret as _;
use standin::claude::Fault;
use standin::mana_mcp;
use standin::witness::{Point, Witness};

use crate::support::house::{Blueprint, House, figures, script, within_reason};
use crate::support::http::Server;

const REFUSED: Fault = Fault::Error { status: 400, kind: "invalid_request_error" };
/// Long enough for all spans to be sent to a stub.
const PATIENCE: Duration = Duration::from_secs(20);
/// What holds words of prompts, replies and tools.
const CONTENT: [&str; 5] = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
];
/// What is another value each time.
const VARYING: [&str; 8] = [
    "gen_ai.conversation.id",
    "gen_ai.response.id",
    "persona.plugin.fuel",
    "persona.plugin.memory_bytes",
    "persona.plugin.sha256",
    "persona.turn.id",
    "server.port",
    "gen_ai.tool.call.id",
];

/// A collector, and all that it was sent.
struct Stub {
    server: Server,
    taken: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
}

impl Stub {
    /// One that answers with this.
    async fn answering(status: StatusCode) -> Self {
        let taken = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&taken);
        let take = async move |headers: HeaderMap, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            kept.lock().unwrap().push((headers, request));
            status
        };
        Self { server: Server::start(Router::new().route("/v1/traces", post(take))).await, taken }
    }

    /// A configuration that sends it everything.
    fn traces(&self) -> Traces {
        Traces {
            endpoint: self.server.url("/v1/traces"),
            headers: vec![("x-key".to_owned(), "of the collector".into())],
            resource: vec![("service.name".to_owned(), "persona-host".to_owned())],
            share: 1.0,
            content: false,
        }
    }

    /// All spans, in the order in which they came: each when it was over.
    fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let requests = taken.iter().flat_map(|(_, request)| &request.resource_spans);
        requests.flat_map(|own| &own.scope_spans).flat_map(|own| own.spans.clone()).collect()
    }
}

/// A house whose turns are told to this collector.
fn blueprint(traces: Traces, faults: &[Fault]) -> Blueprint {
    Blueprint::of(&["Anna"])
        .script(script(2, faults))
        .config(move |config: &mut Config| config.traces = Some(traces))
}

async fn flushed(house: &House) {
    within_reason(house.runner.deps().events.flush(PATIENCE)).await;
}

fn shown(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let all: Vec<_> = list.values.iter().map(|value| shown(Some(value))).collect();
            format!("[{}]", all.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn attributes(all: &[KeyValue]) -> BTreeMap<&str, String> {
    all.iter().map(|own| (own.key.as_str(), shown(own.value.as_ref()))).collect()
}

/// The trees of these spans, without times, ids and whatever else is another each time.
fn trees(spans: &[Span]) -> String {
    let mut text = String::new();
    for root in spans.iter().filter(|span| span.parent_span_id.is_empty()) {
        grow(root, spans, 0, &mut text);
    }
    text
}

fn grow(span: &Span, spans: &[Span], depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let status = span.status.as_ref().map(|status| format!(" {:?} {}", status.code(), status.message));
    let kind = SpanKind::try_from(span.kind).unwrap();
    writeln!(text, "{indent}{} ({kind:?}){}", span.name, status.unwrap_or_default()).unwrap();
    for (key, value) in attributes(&span.attributes) {
        let value = if VARYING.contains(&key) { "…" } else { &value };
        writeln!(text, "{indent}    {key}: {value}").unwrap();
    }
    for child in spans.iter().filter(|own| own.parent_span_id == span.span_id) {
        grow(child, spans, depth + 1, text);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_whole(spans: &[Span], turn: &Recorded) {
    let trace = turn.summary.id.to_string().replace('-', "");
    for span in spans {
        assert_eq!(hex(&span.trace_id), trace, "the trace is the turn: {}", span.name);
        assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
        let parent = spans.iter().find(|own| own.span_id == span.parent_span_id);
        assert!(span.parent_span_id.is_empty() || parent.is_some(), "{} hangs in the air", span.name);
        let same = spans.iter().filter(|own| own.span_id == span.span_id).count();
        assert_eq!(same, 1, "{}", span.name);
    }
}

#[tokio::test]
async fn a_turn_with_two_tool_calls_is_this_tree() {
    let stub = Stub::answering(StatusCode::OK).await;
    let house = blueprint(stub.traces(), &[]).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    flushed(&house).await;
    let spans = stub.spans();
    check_whole(&spans, &house.turn("Anna").await);
    insta::assert_snapshot!(trees(&spans));

    let taken = stub.taken.lock().unwrap();
    for (headers, request) in taken.iter() {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-key"], "of the collector");
        let [own] = &request.resource_spans[..] else { panic!("{request:?}") };
        let resource = attributes(&own.resource.as_ref().unwrap().attributes);
        assert_eq!(resource["service.name"], "persona-host");
        assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    }
}

#[tokio::test]
async fn a_turn_that_faults_is_an_error_and_the_next_attempt_another_tree_of_the_same_trace() {
    let stub = Stub::answering(StatusCode::OK).await;
    let house = blueprint(stub.traces(), &[Fault::None, REFUSED]).build().await;
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    flushed(&house).await;
    insta::assert_snapshot!("the_first_attempt", trees(&stub.spans()));
    let first = stub.spans().len();

    house.later(TimeDelta::hours(2));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    flushed(&house).await;
    let spans = stub.spans();
    check_whole(&spans, &house.turn("Anna").await);
    insta::assert_snapshot!("the_second_attempt", trees(&spans[first..]));
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let [one, two] = roots[..] else { panic!("two attempts are two roots") };
    assert_eq!(one.trace_id, two.trace_id);
    let linked: Vec<_> = two.links.iter().map(|link| &link.span_id).collect();
    assert_eq!(linked, [&one.span_id], "the second one names the first");
    assert!(one.links.is_empty());
}

#[tokio::test]
async fn what_was_said_is_in_a_trace_only_with_consent_and_then_without_secrets() {
    for content in [false, true] {
        let stub = Stub::answering(StatusCode::OK).await;
        let house = blueprint(Traces { content, ..stub.traces() }, &[]).build().await;
        let secret = house.config.mana.service_key.expose_secret().to_owned();
        let whispers = Some(format!("nightingale {secret} eyJhbGciOiJ.eyJzdWIi.c2ln"));
        house.stack.mcp().set_faults(mana_mcp::Faults { whispers, ..Default::default() });
        assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
        flushed(&house).await;
        let spans = stub.spans();
        let all: Vec<BTreeMap<&str, String>> =
            spans.iter().map(|span| attributes(&span.attributes)).collect();
        for name in CONTENT {
            assert_eq!(all.iter().any(|own| own.contains_key(name)), content, "{name}");
        }
        let everything = format!("{all:?}");
        assert!(!everything.contains(&secret) && !everything.contains("eyJ"), "{everything}");
        let persona = house.words_of("Anna");
        for words in ["nightingale", persona] {
            assert_eq!(everything.contains(words), content, "{words}");
        }
        if content {
            assert!(everything.contains("nightingale [secret] [secret]"), "{everything}");
            let asked = all.iter().rev().find_map(|own| own.get("gen_ai.input.messages")).unwrap();
            let asked: Vec<serde_json::Value> = serde_json::from_str(asked).unwrap();
            assert_eq!(asked[0]["role"], "user");
            assert_eq!(asked[0]["parts"][0]["type"], "text");
        }
    }
}

#[tokio::test]
async fn a_collector_that_takes_nothing_is_counted_and_no_turn_waits_for_it() {
    let stub = Stub::answering(StatusCode::BAD_REQUEST).await;
    let house = blueprint(stub.traces(), &[]).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    flushed(&house).await;
    let spans = stub.spans().len();
    assert!(spans > 5, "they were sent, and once only: {spans}");
    let text = house.runner.deps().events.metrics().text();
    let lost = format!(r#"persona_trace_spans_total{{outcome="lost"}} {spans}"#);
    assert!(text.lines().any(|line| line == lost), "{lost} in\n{text}");

    // One that takes the connection and never answers.
    let silent = async || std::future::pending::<StatusCode>().await;
    let server = Server::start(Router::new().route("/v1/traces", post(silent))).await;
    let traces = Traces { endpoint: server.url("/v1/traces"), ..stub.traces() };
    let house = blueprint(traces, &[]).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    within_reason(house.runner.deps().events.flush(Duration::from_millis(50))).await;
    let text = house.runner.deps().events.metrics().text();
    assert!(text.lines().any(|line| line == lost), "what is given up at the end is lost: {lost} in\n{text}");
}

#[tokio::test]
async fn a_call_that_was_not_made_has_no_span() {
    let stub = Stub::answering(StatusCode::OK).await;
    let traces = stub.traces();
    let house = Blueprint::of(&["Anna"]).config(move |config: &mut Config| {
        config.traces = Some(traces);
        config.model.api_key = "no header\nhas this".into();
    });
    let house = house.build().await;
    assert_eq!(house.tick().await.ran_successfully, 0);
    flushed(&house).await;
    let names: Vec<String> = stub.spans().into_iter().map(|span| span.name).collect();
    assert!(names.iter().any(|name| name == "tool-loop"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("chat")), "{names:?}");
}

/// What mana-mcp was told with each tool call: in the header, and in the call.
async fn told(traces: Option<Traces>) -> (Vec<(String, String)>, House) {
    let calls = Arc::<Mutex<Vec<(String, String)>>>::default();
    let heard = Arc::clone(&calls);
    let witness = Witness::new(move |sight, point| {
        let body: serde_json::Value = serde_json::from_slice(&sight.body).unwrap_or_default();
        if sight.stand_in == "mana-mcp" && point == Point::Arrived && body["method"] == "tools/call" {
            let header = sight.headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
            let meta = body["params"]["_meta"]["traceparent"].as_str().unwrap_or_default().to_owned();
            heard.lock().unwrap().push((header.unwrap_or_default(), meta));
        }
    });
    let blueprint = Blueprint::of(&["Anna"])
        .script(script(2, &[]))
        .stack(|options| options.witness = witness)
        .config(move |config: &mut Config| config.traces = traces);
    let house = blueprint.build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    flushed(&house).await;
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    (calls, house)
}

#[tokio::test]
async fn mana_mcp_is_told_in_which_span_it_is_called() {
    let stub = Stub::answering(StatusCode::OK).await;
    let (calls, _house) = told(Some(stub.traces())).await;
    let spans = stub.spans();
    let tools = spans.iter().filter(|span| span.name.starts_with("execute_tool "));
    let named: Vec<_> = tools
        .map(|span| format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id)))
        .map(|parent| (parent.clone(), parent))
        .collect();
    assert_eq!(named.len(), 2);
    assert_eq!(calls, named);
}

#[tokio::test]
async fn a_turn_that_is_not_sampled_is_told_so_and_without_traces_nobody_is_told_anything() {
    let stub = Stub::answering(StatusCode::OK).await;
    let (calls, house) = told(Some(Traces { share: 0.0, ..stub.traces() })).await;
    let trace = house.turn("Anna").await.summary.id.to_string().replace('-', "");
    assert_eq!((calls.len(), stub.spans().len()), (2, 0));
    for (header, meta) in &calls {
        assert!(header.starts_with(&format!("00-{trace}-")) && header.ends_with("-00"), "{header}");
        assert_eq!(header, meta);
    }
    let nothing = (String::new(), String::new());
    assert_eq!(told(None).await.0, [nothing.clone(), nothing]);
}
