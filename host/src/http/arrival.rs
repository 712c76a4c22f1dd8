//! Where a request comes from, and for whom it is meant: what the connection says, and what the headers admit. It
//! knows no token.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN, REFERER, USER_AGENT};
use axum::http::{HeaderMap, HeaderName};

/// The two ends of the connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Who asks.
    pub(super) peer: SocketAddr,
    /// At which of this machine's addresses.
    pub(super) local: SocketAddr,
}

/// Parts of the names of headers in which proxies tell of whom they ask for. Each of them has its own.
const FORWARDING: [&str; 12] = [
    "forward",
    "client-ip",
    "clientip",
    "real-ip",
    "connecting-ip",
    "remote-ip",
    "remote-addr",
    "x-original-",
    "x-envoy-",
    "x-amzn-",
    "x-arr-",
    "cdn-loop",
];
/// What a browser says of how a page is related to what it asks (Fetch Metadata), and of what it asks for. It says so on the
/// way to loopback, or with TLS.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl Arrival {
    /// The first name that the request is for, or that its page has, and that is no name of ours: neither one of
    /// loopback, nor the address that was connected to, nor one of `known`. A page whose name was made to point here
    /// (DNS rebinding) gives itself away by it.
    pub(super) fn foreign_name(self, request: &Request, known: &[String]) -> Option<String> {
        let ours = |name: &String| {
            let host = without_port(name);
            is_loopback(host)
                || address(host).is_some_and(|own| own == self.local.ip().to_canonical())
                || known.iter().any(|known| known.eq_ignore_ascii_case(host))
        };
        names(request).find(|name| !ours(name))
    }

    /// Whether nobody but this machine itself can have asked. Everything behind a proxy on this machine comes from
    /// here too, and so does a page in a browser on it: neither counts.
    pub(super) fn is_from_here(self, request: &Request) -> bool {
        let headers = request.headers();
        self.peer.ip().to_canonical().is_loopback()
            && names(request).all(|name| is_loopback(without_port(&name)))
            && !headers.keys().any(is_forwarding)
            && !is_of_another_page(headers)
    }
}

/// Every host that a request names: a client may send the header twice, or the whole address in its first line.
fn names(request: &Request) -> impl Iterator<Item = String> {
    let named = |name| request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let origins = named(ORIGIN).map(|origin| authority(origin).unwrap_or(origin));
    let line = request.uri().authority().map(|authority| authority.as_str());
    let names: Vec<String> = named(HOST).chain(origins).chain(line).map(str::to_owned).collect();
    names.into_iter()
}

fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    name == "via" || name.starts_with("cf-") || FORWARDING.iter().any(|part| name.contains(part))
}

/// Whether a browser asks in the name of a page that is not ours. Programs say nothing of all this.
pub(super) fn is_of_another_page(headers: &HeaderMap) -> bool {
    // Without Fetch Metadata it says by what it was sent here, at least where it sends something. Who says nothing at all may
    // be sent by anybody.
    let says_nothing = || [ORIGIN, REFERER].iter().all(|name| !headers.contains_key(name));
    let is_silent =
        || says_nothing() && text(headers, USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"));
    text(headers, SITE).map_or_else(is_silent, is_another)
        || [ORIGIN, REFERER].into_iter().any(|name| is_elsewhere(headers, name))
}

/// The same of what only shows. No page can read what another is shown, or put it into a frame: who follows a link to here, or
/// types an address to which a browser says nothing, is heard.
pub(super) fn is_shown_to_another_page(headers: &HeaderMap) -> bool {
    let is_whole_page = text(headers, DESTINATION) == Some("document");
    text(headers, SITE).is_some_and(is_another) && !is_whole_page || is_elsewhere(headers, ORIGIN)
}

fn is_another(site: &str) -> bool {
    !matches!(site, "same-origin" | "none")
}

fn is_elsewhere(headers: &HeaderMap, name: HeaderName) -> bool {
    let host = text(headers, HOST);
    text(headers, name).is_some_and(|url| authority(url).is_none_or(|own| Some(own) != host))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Host and port of a URL.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // A bare IPv6 address has colons, and no port: that one needs brackets.
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    }
}

/// The address that is written out; a name that means one is none.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/diag/login");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("a request")
    }

    fn arrival(peer: &str, local: &str) -> Arrival {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        Arrival { peer: address(peer), local: address(local) }
    }

    #[test]
    fn names_of_this_machine_are_told_from_others() {
        for (host, local) in [
            ("localhost", true),
            ("localhost:3070", true),
            ("127.0.0.1:3070", true),
            ("[::1]:3070", true),
            ("::1", true),
            ("[::ffff:127.0.0.1]:3070", true),
            ("example.com", false),
            ("localhost.example.com:3070", false),
            ("10.0.0.1", false),
            ("0.0.0.0:3070", false),
            ("0177.0.0.1", false),
            ("localhost@example.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(without_port(host)), local, "{host}");
        }
    }

    #[test]
    fn beside_loopback_only_the_address_that_was_asked_and_the_names_of_the_configuration_are_ours() {
        let known = ["personas.internal".to_owned()];
        for (headers, foreign) in [
            (&[][..], None),
            (&[("host", "10.0.0.7:3070")], None),
            (&[("host", "10.0.0.8:3070")], Some("10.0.0.8:3070")),
            (&[("host", "Personas.Internal:3070")], None),
            (&[("host", "localhost"), ("host", "evil.example")], Some("evil.example")),
            (&[("host", "localhost"), ("origin", "https://evil.example")], Some("evil.example")),
            (&[("host", "localhost"), ("origin", "null")], Some("null")),
        ] {
            let arrival = arrival("10.0.0.9:4000", "10.0.0.7:3070");
            assert_eq!(arrival.foreign_name(&request(headers), &known).as_deref(), foreign, "{headers:?}");
        }
        let whole =
            Request::builder().uri("http://evil.example/api/turns").body(Body::empty()).expect("a request");
        let arrival = arrival("127.0.0.1:4000", "127.0.0.1:3070");
        assert_eq!(arrival.foreign_name(&whole, &[]).as_deref(), Some("evil.example"));
    }

    #[test]
    fn neither_a_proxy_nor_a_page_of_others_is_this_machine() {
        let host = ("host", "localhost:3070");
        for (own, is_from_here) in [
            (&[][..], true),
            (&[("user-agent", "curl/8.14.1")], true),
            (&[("sec-fetch-site", "none"), ("user-agent", "Mozilla/5.0")], true),
            (&[("sec-fetch-site", "same-origin"), ("referer", "http://localhost:3070/x")], true),
            (&[("origin", "http://localhost:3070")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "http://localhost:8080")], false),
            (&[("referer", "https://evil.example/page")], false),
            (&[("referer", "http://localhost:8080/page")], false),
            (&[("user-agent", "Mozilla/5.0 (an old one)")], false),
            (&[("user-agent", "Mozilla/5.0 (an old one)"), ("origin", "http://localhost:3070")], true),
            (&[("user-agent", "Mozilla/5.0 (an old one)"), ("origin", "http://localhost:1")], false),
            (&[("x-forwarded-for", "10.0.0.7")], false),
            (&[("x-forwarded-host", "localhost")], false),
            (&[("x-original-forwarded-for", "10.0.0.7")], false),
            (&[("forwarded", "for=10.0.0.7")], false),
            (&[("x-real-ip", "10.0.0.7")], false),
            (&[("via", "1.1 proxy")], false),
            (&[("true-client-ip", "10.0.0.7")], false),
            (&[("cf-connecting-ip", "10.0.0.7")], false),
            (&[("cf-ray", "1")], false),
            (&[("x-cluster-client-ip", "10.0.0.7")], false),
            (&[("fastly-client-ip", "10.0.0.7")], false),
            (&[("x-azure-clientip", "10.0.0.7")], false),
            (&[("x-envoy-external-address", "10.0.0.7")], false),
            (&[("x-amzn-trace-id", "1")], false),
            (&[("host", "10.0.0.7:3070")], false),
        ] {
            let headers: Vec<_> = [host].iter().chain(own).copied().collect();
            let arrival = arrival("127.0.0.1:4000", "127.0.0.1:3070");
            assert_eq!(arrival.is_from_here(&request(&headers)), is_from_here, "{own:?}");
        }
        let mapped = arrival("[::ffff:127.0.0.1]:4000", "[::ffff:127.0.0.1]:3070");
        assert!(mapped.is_from_here(&request(&[host])));
        assert!(!arrival("10.0.0.9:4000", "10.0.0.7:3070").is_from_here(&request(&[host])));
    }
}
