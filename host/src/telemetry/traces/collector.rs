//! The collector: OTLP over HTTP in protobuf. It is told once that it does not take what it is sent, and once that it does
//! again.

use std::time::Duration;

use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::attribute::text;
use super::names;
use crate::outbound::{Client, Response, retry_after};
use crate::telemetry::Metrics;
use domain::letter::one_line;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited before it is made again, each time.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// How long is waited at most where it asks for longer: meanwhile all other spans wait, too.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// As much of an answer is read.
const LONGEST_ANSWER: usize = 64 << 10;

/// The collector.
#[derive(Debug)]
pub(super) struct Collector {
    http: Client,
    endpoint: String,
    headers: Vec<(String, SecretString)>,
    resource: Resource,
    scope: InstrumentationScope,
    /// Since when nothing is taken is in the log.
    is_told: bool,
}

/// Why it took nothing, or not all.
struct NotTaken {
    /// So many spans.
    spans: u64,
    why: String,
    hint: &'static str,
    /// It may be over by itself.
    passes: bool,
    /// So long it asks to be left alone.
    asks: Option<Duration>,
}

impl Collector {
    pub(super) fn new(
        http: Client,
        endpoint: String,
        headers: Vec<(String, SecretString)>,
        resource: Vec<(String, String)>,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let mut attributes: Vec<_> = resource.iter().map(|(key, value)| text(key, value)).collect();
        if resource.iter().all(|(key, _)| key != names::SERVICE_VERSION) {
            attributes.push(text(names::SERVICE_VERSION, version));
        }
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: version.to_owned(),
            ..InstrumentationScope::default()
        };
        let resource = Resource { attributes, ..Resource::default() };
        Self { http, endpoint, headers, resource, scope, is_told: false }
    }

    /// Sends these, and again if that may help. What is not taken then is lost: traces are for looking, and the ledger
    /// keeps what happened.
    pub(super) async fn send(&mut self, spans: Vec<Span>, metrics: &Metrics) {
        let count = spans.len() as u64;
        let body = self.message(spans);
        let mut waits = WAITS.iter();
        let sent = loop {
            match self.post(body.clone(), count).await {
                Err(NotTaken { passes: true, asks, .. }) if let Some(usual) = waits.next() => {
                    tokio::time::sleep(wait(*usual, asks)).await;
                }
                sent => break sent,
            }
        };
        let lost = sent.as_ref().err().map_or(0, |not_taken| not_taken.spans.min(count));
        metrics.count_spans("lost", lost);
        metrics.count_spans("sent", count - lost);
        match sent {
            Err(NotTaken { why, hint, .. }) if !self.is_told => {
                self.is_told = true;
                let (endpoint, cause) = (&self.endpoint, one_line(&why));
                tracing::warn!(
                    endpoint,
                    cause,
                    hint,
                    "the collector does not take traces; they are lost, and turns go on"
                );
            }
            Ok(()) if self.is_told => {
                self.is_told = false;
                tracing::info!(endpoint = self.endpoint, "the collector takes traces again");
            }
            _ => {}
        }
    }

    fn message(&self, spans: Vec<Span>) -> Vec<u8> {
        let scope = ScopeSpans { scope: Some(self.scope.clone()), spans, ..ScopeSpans::default() };
        let resource = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        };
        ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
    }

    async fn post(&self, body: Vec<u8>, spans: u64) -> Result<(), NotTaken> {
        let mut request = self.http.post(&self.endpoint).timeout(PATIENCE);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.expose_secret());
        }
        let sent = request.header("content-type", "application/x-protobuf").body(body).send().await;
        let response = sent.map_err(|error| NotTaken {
            spans,
            why: error.to_string(),
            hint: "is it running? OTEL_EXPORTER_OTLP_ENDPOINT names it; OTEL_SDK_DISABLED=true leaves traces out",
            passes: true,
            asks: None,
        })?;
        let status = response.status();
        if !status.is_success() {
            let (hint, passes) = advice(status);
            let (why, asks) = (format!("it answered {status}"), retry_after(response.headers()));
            return Err(NotTaken { spans, why, hint, passes, asks });
        }
        match rejected(response).await {
            Some((spans, why)) => {
                let hint = "it says itself what is wrong with them";
                Err(NotTaken { spans, why, hint, passes: false, asks: None })
            }
            None => Ok(()),
        }
    }
}

/// How long is waited before it is sent the same again: no shorter than it asks for.
fn wait(usual: Duration, asks: Option<Duration>) -> Duration {
    asks.map_or(usual, |asks| asks.clamp(usual, LONGEST_WAIT))
}

/// What to do about a status, and whether it passes (those four do, says OTLP).
fn advice(status: StatusCode) -> (&'static str, bool) {
    match status.as_u16() {
        401 | 403 => ("OTEL_EXPORTER_OTLP_HEADERS holds its key, such as Authorization=Basic%20…", false),
        404 | 405 => (
            "/v1/traces is appended to OTEL_EXPORTER_OTLP_ENDPOINT, and nothing to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            false,
        ),
        415 => ("it has to speak OTLP over HTTP in protobuf, as a rule on port 4318", false),
        429 | 502 | 503 | 504 => ("it has too much to do, or is not there yet", true),
        _ => ("look into its own log", false),
    }
}

/// How many spans it did not take of those of a request that it took, and why.
async fn rejected(mut response: Response) -> Option<(u64, String)> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return None;
        }
    }
    let partial = ExportTraceServiceResponse::decode(body.as_slice()).ok()?.partial_success?;
    let count = u64::try_from(partial.rejected_spans).unwrap_or_default();
    (count > 0).then_some((count, partial.error_message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_left_alone_for_as_long_as_it_asks_but_not_for_ever() {
        let seconds = Duration::from_secs;
        for (asks, waited) in [(None, 4), (Some(2), 4), (Some(30), 30), (Some(3600), 60)] {
            assert_eq!(wait(seconds(4), asks.map(seconds)), seconds(waited), "{asks:?}");
        }
    }
}
