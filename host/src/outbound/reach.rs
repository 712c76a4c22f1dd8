//! Which addresses are asked. The neighbours are the operator's, and lie in private networks as a rule; what no neighbour
//! has is an address of the link alone, where machines in a cloud are told their own secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where clouds tell a machine its secrets, beside the addresses of the link.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
/// How names end that the public DNS does not have.
const PRIVATE_NAMES: [&str; 9] =
    [".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".svc", ".intranet", ".private"];

/// Hosts that the operator lets be asked in spite of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named(Arc<[String]>);

impl Named {
    /// These.
    #[must_use]
    pub fn new(hosts: &[String]) -> Self {
        Self(hosts.iter().map(|host| plain(host)).collect())
    }

    fn has(&self, host: &str) -> bool {
        self.0.contains(&plain(host))
    }
}

/// Why a URL of the configuration is none that is asked; it is read as it will be when it is asked, whatever way its
/// address is written in.
#[must_use]
pub fn problem(url: &str, named: &Named) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Some("must be a URL such as https://example.com".to_owned());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Some("must hold no user name and no password".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    if named.has(host) {
        return None;
    }
    let is_private = match address(host) {
        Some(address) => match reserved(address) {
            Some(what) => return Some(format!("must not be {what}, unless outbound.allowed_hosts names it")),
            None => is_private(address),
        },
        None => is_private_name(host),
    };
    let is_open = url.scheme() == "http" && !is_private;
    is_open.then(|| {
        "must begin with https://, because it leaves the private network, unless outbound.allowed_hosts names its host"
            .to_owned()
    })
}

/// Where a neighbour is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its host.
    pub host: String,
    /// Its port, also where the URL leaves it out.
    pub port: Option<u16>,
}

impl Place {
    /// That of a URL; of nothing, if it is none.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let Ok(url) = Url::parse(url) else { return Self::default() };
        Self { host: url.host_str().unwrap_or_default().to_owned(), port: url.port_or_known_default() }
    }
}

/// Looks names up, and gives no address that is not asked. What was looked up is what is connected to, so that no second
/// answer of the DNS can be another one.
#[derive(Debug)]
pub(super) struct Screened(pub(super) Named);

impl Resolve for Screened {
    fn resolve(&self, name: Name) -> Resolving {
        let is_named = self.0.has(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let asked = |address: &SocketAddr| is_named || reserved(address.ip()).is_none();
            let reachable: Vec<SocketAddr> = found.iter().copied().filter(asked).collect();
            match (found.first().and_then(|address| reserved(address.ip())), reachable.is_empty()) {
                (Some(what), true) => {
                    Err(format!("{} means {what}, which is not asked", name.as_str()).into())
                }
                _ => Ok(Box::new(reachable.into_iter()) as Addrs),
            }
        })
    }
}

/// What an address is that no neighbour has.
fn reserved(address: IpAddr) -> Option<&'static str> {
    let address = inner(address);
    if METADATA.contains(&address) {
        return Some("an address at which a cloud tells secrets");
    }
    let (is_of_link, is_none, is_many) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[0] == 0, v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unspecified(), v6.is_multicast()),
    };
    match (is_of_link, is_none, is_many) {
        (true, ..) => Some("an address of the link alone (169.254.0.0/16, fe80::/10)"),
        (_, true, _) => Some("no address at all (0.0.0.0/8, ::)"),
        (.., true) => Some("the address of many"),
        _ => None,
    }
}

/// The address that is meant by one that has another inside: mapped, translated (NAT64) or tunnelled (6to4).
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => address,
    }
}

fn is_private(address: IpAddr) -> bool {
    match inner(address) {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Whether only a private network has such a name: it is one word, or ends as no public name does.
fn is_private_name(host: &str) -> bool {
    let host = plain(host);
    !host.contains('.')
        || PRIVATE_NAMES.iter().any(|ending| host.ends_with(ending))
        || host.ends_with(".cluster.local")
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(urls: &[&str], says: Option<&str>) {
        for url in urls {
            let problem = problem(url, &Named::default());
            let fits = match says {
                None => problem.is_none(),
                Some(says) => problem.as_deref().is_some_and(|problem| problem.contains(says)),
            };
            assert!(fits, "{url}: {problem:?}");
        }
    }

    #[test]
    fn neighbours_are_asked_in_the_private_network_and_over_tls_elsewhere() {
        check(
            &[
                "http://localhost:3001",
                "http://127.0.0.1:3001",
                "http://[::1]:3001",
                "http://[::ffff:10.0.0.7]",
                "http://10.0.0.7",
                "http://172.20.0.3:3001",
                "http://192.168.1.5",
                "http://100.64.0.9",
                "http://[fd12:3456::1]",
                "http://mana-auth:3001",
                "http://mana-auth.default.svc",
                "http://mana-auth.default.svc.cluster.local.",
                "http://auth.internal",
                "https://api.anthropic.com",
                "https://203.0.113.9",
                "https://10.0.0.7",
            ],
            None,
        );
        check(
            &["http://api.anthropic.com", "http://203.0.113.9", "http://[2001:db8::1]", "http://0xcb007109/"],
            Some("must begin with https://"),
        );
    }

    #[test]
    fn no_address_of_the_link_is_asked_however_it_is_written() {
        check(
            &[
                "http://169.254.169.254/latest/meta-data",
                "https://169.254.169.254",
                "http://169.254.169.254.",
                "http://0251.0376.0251.0376",
                "http://0xa9fea9fe",
                "http://2852039166",
                "http://169.16689662",
                "http://[::ffff:169.254.169.254]",
                "http://[::ffff:a9fe:a9fe]",
                "http://[::169.254.169.254]",
                "http://[64:ff9b::a9fe:a9fe]",
                "http://[2002:a9fe:a9fe::1]",
                "http://[fe80::1]",
            ],
            Some("must not be an address of the link alone"),
        );
        check(
            &["http://100.100.100.200", "http://192.0.0.192", "http://[fd00:ec2::254]"],
            Some("must not be an address at which a cloud tells secrets"),
        );
        check(
            &["http://0.0.0.0:3001", "http://0/", "http://[::]:3001"],
            Some("must not be no address at all"),
        );
        check(
            &["http://224.0.0.1", "http://255.255.255.255", "http://[ff02::1]"],
            Some("must not be the address of many"),
        );
        check(&["http://u@localhost", "https://u:p@h.example"], Some("must hold no user name"));
        check(&["http://", "localhost:3001", "nonsense"], Some("must be a URL such as"));
    }

    #[test]
    fn whom_the_operator_names_is_asked() {
        let named = Named::new(&["Mana.Example.com".to_owned(), "169.254.7.7".to_owned()]);
        for (url, is_asked) in [
            ("http://mana.example.com", true),
            ("http://mana.example.com.", true),
            ("http://169.254.7.7:3001", true),
            ("http://169.254.169.254", false),
            ("http://other.example.com", false),
        ] {
            assert_eq!(problem(url, &named).is_none(), is_asked, "{url}");
        }
    }

    #[tokio::test]
    async fn what_a_name_means_is_looked_at_when_it_is_asked() {
        let asked = async |name: &str, named: Named| {
            let name = name.parse::<Name>().expect("a name");
            Screened(named).resolve(name).await.map(Iterator::count)
        };
        // The resolver of the system reads an address as the name of itself, as a DNS may answer with it.
        for name in ["169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254"] {
            let refused = asked(name, Named::default()).await.expect_err(name).to_string();
            assert!(refused.ends_with("which is not asked"), "{refused}");
        }
        assert_eq!(asked("127.0.0.1", Named::default()).await.expect("loopback"), 1);
        assert_eq!(
            asked("169.254.7.7", Named::new(&["169.254.7.7".to_owned()])).await.expect("it is named"),
            1
        );
    }
}
