//! Where traces go: OpenTelemetry's own variables, as its specification names them. No key of the file stands for them.

use secrecy::{ExposeSecret as _, SecretString};

use super::sources::Sources;
use crate::config::ConfigError;
use crate::config::settings::Traces;
use crate::config::shown::Origin;

const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";
const CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// Whose name is in the traces, unless somebody says otherwise.
const SERVICE: &str = "persona-host";
/// What is spoken.
const SPOKEN: &str = "http/protobuf";

/// Nothing, unless an endpoint is set. What else is set is of no matter then: it may be meant for other programs.
pub(super) fn traces(sources: &mut Sources<'_>) -> Result<Option<Traces>, ConfigError> {
    let headers = headers(sources)?;
    let set = |name: &str| (sources.environment)(name).filter(|value| !value.is_empty());
    let (own, general) = (set(ENDPOINT[0]), set(ENDPOINT[1]));
    let protocol = PROTOCOL.map(|name| Some((name, set(name)?))).into_iter().flatten().next();
    let (service, resource) = (set("OTEL_SERVICE_NAME"), set(RESOURCE));
    let (sampler, argument, content) = (set(SAMPLER), set(SHARE), set(CONTENT));
    let is_disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (variable, endpoint) = match (own, general) {
        (Some(own), _) => (ENDPOINT[0], own),
        (None, Some(general)) => (ENDPOINT[1], format!("{}/v1/traces", general.trim_end_matches('/'))),
        (None, None) => {
            sources.show("traces.endpoint", "not set: there are none".to_owned(), Origin::Default);
            return Ok(None);
        }
    };
    let origin = |variable: &str| Origin::Environment(variable.to_owned());
    if is_disabled {
        let why = "there are none: OTEL_SDK_DISABLED".to_owned();
        sources.show("traces.endpoint", why, origin("OTEL_SDK_DISABLED"));
        return Ok(None);
    }
    check_endpoint(variable, &endpoint)?;
    if let Some((name, protocol)) = protocol.filter(|(_, protocol)| protocol != SPOKEN) {
        return refused(name, format!("must be {SPOKEN}: nothing else is spoken"), protocol);
    }
    let content = content.map_or(Ok(false), |raw| truth(CONTENT, &raw))?;
    let share = share(sampler, argument)?;
    let mut resource = resource.map_or(Ok(Vec::new()), |raw| pairs(RESOURCE, &raw, false))?;
    if let Some(service) = service {
        resource.retain(|(key, _)| key != "service.name");
        resource.insert(0, ("service.name".to_owned(), service));
    } else if resource.iter().all(|(key, _)| key != "service.name") {
        resource.insert(0, ("service.name".to_owned(), SERVICE.to_owned()));
    }
    sources.show("traces.endpoint", endpoint.clone(), origin(variable));
    sources.show("traces.share", share.to_string(), sampled_by(share));
    let of_content = if content { origin(CONTENT) } else { Origin::Default };
    sources.show("traces.content", content.to_string(), of_content);
    Ok(Some(Traces { endpoint, headers, resource, share, content }))
}

fn sampled_by(share: f64) -> Origin {
    if share < 1.0 { Origin::Environment(SAMPLER.to_owned()) } else { Origin::Default }
}

/// The more special of both variables counts.
fn headers(sources: &mut Sources<'_>) -> Result<Vec<(String, SecretString)>, ConfigError> {
    let own = sources.secret("traces.headers", HEADERS[0], "")?;
    let general = sources.secret("traces.headers", HEADERS[1], "")?;
    let is_own = !own.expose_secret().is_empty();
    // Both are asked for, one counts.
    let last = sources.shown.len() - 1;
    sources.shown.remove(if is_own { last } else { last - 1 });
    let (name, raw) = if is_own { (HEADERS[0], own) } else { (HEADERS[1], general) };
    let pairs = pairs(name, raw.expose_secret(), true)?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn check_endpoint(variable: &str, endpoint: &str) -> Result<(), ConfigError> {
    let authority = endpoint.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if authority.contains('@') {
        let problem = format!("must hold no user name and no password: {} is for those", HEADERS[1]);
        return refused(variable, problem, "a URL with them".to_owned());
    }
    if variable == ENDPOINT[1] && endpoint.contains(['?', '#']) {
        let problem =
            format!("must have neither ? nor #, for a path is appended: {} is for keys", HEADERS[1]);
        return refused(variable, problem, "a URL with one".to_owned());
    }
    match endpoint.starts_with("http://") || endpoint.starts_with("https://") {
        true if !authority.is_empty() => Ok(()),
        _ => refused(variable, "must begin with http:// or https://".to_owned(), endpoint.to_owned()),
    }
}

/// What part of all turns has a trace. A turn has no parent, so those of a parent mean what they mean without one.
fn share(sampler: Option<String>, argument: Option<String>) -> Result<f64, ConfigError> {
    match sampler.as_deref() {
        None | Some("always_on" | "parentbased_always_on") => Ok(1.0),
        Some("always_off" | "parentbased_always_off") => Ok(0.0),
        Some("traceidratio" | "parentbased_traceidratio") => {
            let Some(raw) = argument else { return Ok(1.0) };
            match raw.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
                _ => refused(SHARE, "must be a number from 0 to 1".to_owned(), raw),
            }
        }
        Some(other) => {
            let problem = "must be always_on, always_off or traceidratio, or one of these after parentbased_";
            refused(SAMPLER, problem.to_owned(), other.to_owned())
        }
    }
}

fn truth(name: &str, raw: &str) -> Result<bool, ConfigError> {
    match raw.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => refused(name, "must be true or false".to_owned(), raw.to_owned()),
    }
}

/// `key=value,key=value`, each with `%20` for what cannot be written (W3C Baggage).
fn pairs(name: &str, raw: &str, is_secret: bool) -> Result<Vec<(String, String)>, ConfigError> {
    let pair = |text: &str| {
        let (key, value) = text.split_once('=')?;
        let (key, value) = (decoded(key.trim())?, decoded(value.trim())?);
        let is_header = !is_secret || is_header(&key, &value);
        (!key.is_empty() && is_header).then_some((key, value))
    };
    let read: Option<Vec<_>> = raw.split(',').filter(|text| !text.trim().is_empty()).map(pair).collect();
    read.map_or_else(
        || {
            let raw = if is_secret { "a value that is not shown".to_owned() } else { raw.to_owned() };
            let problem = "must be key=value pairs with commas between them, %20 for a space".to_owned();
            refused(name, problem, raw)
        },
        Ok,
    )
}

fn is_header(key: &str, value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$&'*+^`|~".contains(&byte);
    key.bytes().all(plain) && value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}

fn refused<T>(name: &str, problem: String, raw: String) -> Result<T, ConfigError> {
    Err(ConfigError::Value { name: name.to_owned(), problem, raw })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{File, resolve};

    fn resolved(set: &[(&str, &str)]) -> Result<Option<Traces>, String> {
        let environment =
            |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        let config = resolve(File::default(), &environment).map_err(|error| error.to_string())?;
        Ok(config.traces)
    }

    const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");

    #[test]
    fn there_are_traces_where_an_endpoint_is_set_and_nobody_has_disabled_them() {
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.test/otel");
        for (set, endpoint) in [
            (&[][..], None),
            (&[("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], None),
            (&[GENERAL], Some("http://localhost:4318/v1/traces")),
            (&[GENERAL, own], Some("https://traces.test/otel")),
            (&[GENERAL, ("OTEL_SDK_DISABLED", "True")], None),
            (&[GENERAL, ("OTEL_SDK_DISABLED", "false")], Some("http://localhost:4318/v1/traces")),
        ] {
            let traces = resolved(set).expect("they are valid");
            assert_eq!(traces.map(|traces| traces.endpoint).as_deref(), endpoint, "{set:?}");
        }
    }

    #[test]
    fn headers_resource_and_share_are_read_as_the_specification_writes_them() {
        let traces = resolved(&[
            GENERAL,
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20cGs6c2s=, x-own = 1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.name=other"),
            ("OTEL_SERVICE_NAME", "hosts"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true"),
        ]);
        let traces = traces.expect("they are valid").expect("there are traces");
        let headers: Vec<_> =
            traces.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(headers, [("Authorization", "Basic cGs6c2s="), ("x-own", "1")]);
        let resource: Vec<_> =
            traces.resource.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(resource, [("service.name", "hosts"), ("deployment.environment.name", "staging")]);
        assert!((traces.share - 0.25).abs() < f64::EPSILON && traces.content);
    }

    #[test]
    fn what_cannot_be_meant_is_told_and_a_key_is_not_said_again() {
        for (set, told) in [
            (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"),
            (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost:4318"), "must begin with http://"),
            (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:pw@x/"), "no user name and no password"),
            (("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"), "must be key=value pairs"),
            (("OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%0a"), "must be key=value pairs"),
            (("OTEL_RESOURCE_ATTRIBUTES", "=x"), "must be key=value pairs"),
            (("OTEL_TRACES_SAMPLER", "jaeger_remote"), "OTEL_TRACES_SAMPLER must be always_on"),
            (("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "yes"), "must be true or false"),
        ] {
            let error = resolved(&[GENERAL, set]).expect_err("it is refused");
            assert!(error.contains(told) && !error.contains("hunter2") && !error.contains("pw"), "{error}");
        }
        let error =
            resolved(&[(GENERAL.0, "http://localhost:4318/?key=hunter2")]).expect_err("a path is appended");
        assert!(error.contains("must have neither ? nor #") && !error.contains("hunter2"), "{error}");
        let sampler = ("OTEL_TRACES_SAMPLER", "traceidratio");
        let error = resolved(&[GENERAL, sampler, ("OTEL_TRACES_SAMPLER_ARG", "2")]).expect_err("too much");
        assert!(error.contains("from 0 to 1"), "{error}");
    }
}
