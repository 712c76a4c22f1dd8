//! Where values come from: the environment before the file, the file before the default. What each key means is not known
//! here.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::ConfigError;
use crate::config::production::DEVELOPMENT_SEED_SECRET;
use crate::config::secret::{self, Found};
use crate::config::shown::{Origin, Shown};

/// Such a span is added to the time of day, which has an end.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Where values come from, and the list of where they came from.
pub(super) struct Sources<'a> {
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) file: Origin,
    pub(super) shown: Vec<Shown>,
    pub(super) open_secrets: Vec<String>,
}

impl Sources<'_> {
    /// A value that only the file can set.
    pub(super) fn pick<T>(
        &mut self,
        key: &str,
        file: Option<T>,
        default: T,
        show: impl Fn(&T) -> String,
    ) -> T {
        let (value, origin) = match file {
            Some(value) => (value, self.file.clone()),
            None => (default, Origin::Default),
        };
        self.show(key, show(&value), origin);
        value
    }

    /// A value that a variable can set too; an empty variable counts as not set.
    pub(super) fn pick_with<T>(
        &mut self,
        key: &str,
        variable: &'static str,
        read: impl Fn(&str) -> Result<T, ConfigError>,
        file: Option<T>,
        default: T,
        show: impl Fn(&T) -> String,
    ) -> Result<T, ConfigError> {
        match (self.environment)(variable).filter(|raw| !raw.is_empty()) {
            Some(raw) => {
                let value = read(&raw)?;
                self.show(key, show(&value), Origin::Environment(variable.to_owned()));
                Ok(value)
            }
            None => Ok(self.pick(key, file, default, show)),
        }
    }

    /// A whole number above 0 (contract 7.1).
    pub(super) fn number<T: TryFrom<u64> + ToString>(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<T>,
        default: T,
        most: T,
    ) -> Result<T, ConfigError> {
        let read = |raw: &str| match raw.parse::<u128>() {
            // It is a number, and none that can be meant.
            Ok(1..) if positive::<T>(variable, raw).is_err() => {
                let problem = format!("must be a whole number from 1 to {}", most.to_string());
                Err(ConfigError::Value { name: variable.to_owned(), problem, raw: raw.to_owned() })
            }
            _ => positive(variable, raw),
        };
        self.pick_with(key, variable, read, file, default, T::to_string)
    }

    pub(super) fn text(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<String>,
        default: &str,
    ) -> Result<String, ConfigError> {
        let read = |raw: &str| Ok(raw.to_owned());
        self.pick_with(key, variable, read, file, default.to_owned(), Clone::clone)
    }

    pub(super) fn hosts(&mut self, key: &str, file: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        let hosts = self.pick(key, file, Vec::new(), |hosts| format!("{hosts:?}"));
        match hosts.iter().find(|host| !is_host(host)) {
            None => Ok(hosts),
            Some(host) => {
                let problem =
                    "must hold names such as \"personas.example.com\", without scheme and port".to_owned();
                Err(ConfigError::Value { name: key.to_owned(), problem, raw: host.clone() })
            }
        }
    }

    pub(super) fn url(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<String>,
        default: &str,
    ) -> Result<String, ConfigError> {
        let url = self.text(key, variable, file, default)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let problem = "must begin with http:// or https://".to_owned();
            return Err(ConfigError::Value { name: key.to_owned(), problem, raw: url });
        }
        // They would be shown with the URL, here and in every error that names it.
        if has_user(&url) {
            let problem = "must hold no user name and no password".to_owned();
            let raw = "a URL with them".to_owned();
            return Err(ConfigError::Value { name: key.to_owned(), problem, raw });
        }
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// A secret. One that is set to nothing stays nothing: only production may object.
    pub(super) fn secret(
        &mut self,
        key: &str,
        variable: &'static str,
        default: &str,
    ) -> Result<SecretString, ConfigError> {
        let found = secret::read(self.environment, variable)?;
        let (value, origin) = self.taken(found).unwrap_or_else(|| (default.into(), Origin::Default));
        self.show(key, masked(&value), origin);
        Ok(value)
    }

    /// The secret that is to come in the place of another one; it cannot be set without that.
    pub(super) fn next_secret(
        &mut self,
        key: &str,
        variable: &'static str,
    ) -> Result<SecretString, ConfigError> {
        let found = secret::read(self.environment, &format!("{variable}_NEXT"))?;
        let (next, origin) = self.taken(found).unwrap_or_else(|| (SecretString::default(), Origin::Default));
        let first = secret::read(self.environment, variable)?.map(|found| found.secret).unwrap_or_default();
        if first.expose_secret().is_empty() && !next.expose_secret().is_empty() {
            let problem = format!("is what comes after {variable}, which is not set");
            return Err(ConfigError::Value { name: format!("{variable}_NEXT"), problem, raw: masked(&next) });
        }
        self.show(&format!("{key}_next"), masked(&next), origin);
        Ok(next)
    }

    pub(super) fn taken(&mut self, found: Option<Found>) -> Option<(SecretString, Origin)> {
        let Found { secret, variable, is_open } = found?;
        if is_open {
            self.open_secrets.push(variable.clone());
        }
        Some((secret, Origin::Environment(variable)))
    }

    pub(super) fn show(&mut self, key: &str, value: String, origin: Origin) {
        self.shown.push(Shown { key: key.to_owned(), value, origin });
    }
}

/// Whether a URL has something before an `@` in front of its host.
fn has_user(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
    authority.is_some_and(|authority| authority.contains('@'))
}

/// Whether it is the name or the address of a host and nothing else.
fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty() && (host.chars().all(plain) || host.parse::<IpAddr>().is_ok())
}

pub(super) fn positive<T: TryFrom<u64>>(name: &str, raw: &str) -> Result<T, ConfigError> {
    let number =
        raw.parse::<u64>().ok().filter(|number| *number > 0).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| not_positive(name, raw))
}

pub(super) fn at_least_one(name: &str, number: u64) -> Result<(), ConfigError> {
    if number > 0 { Ok(()) } else { Err(not_positive(name, "0")) }
}

/// A span within which something ends: not nothing, and nobody waits longer than a day.
pub(super) fn up_to_a_day(name: &str, span: Duration) -> Result<(), ConfigError> {
    at_least_one(name, u64::try_from(span.as_millis()).unwrap_or(u64::MAX))?;
    if span <= LONGEST {
        return Ok(());
    }
    let problem = "must be a day at most".to_owned();
    Err(ConfigError::Value { name: name.to_owned(), problem, raw: shown_span(&span) })
}

fn not_positive(name: &str, raw: &str) -> ConfigError {
    let problem = "must be a positive integer".to_owned();
    ConfigError::Value { name: name.to_owned(), problem, raw: raw.to_owned() }
}

fn masked(secret: &SecretString) -> String {
    match secret.expose_secret() {
        "" => "not set",
        DEVELOPMENT_SEED_SECRET => "the one for development, known to everybody",
        _ => "set, not shown",
    }
    .to_owned()
}

/// A length of time as one would write it. Months and years are no lengths, so there are days above hours.
pub(super) fn shown_span(span: &Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let (days, rest) = (span.as_secs() / DAY, Duration::new(span.as_secs() % DAY, span.subsec_nanos()));
    let shown_rest = humantime::format_duration(rest);
    match (days, rest.is_zero()) {
        (0, _) => shown_rest.to_string(),
        (_, true) => format!("{days}day{}", plural(days)),
        (_, false) => format!("{days}day{} {shown_rest}", plural(days)),
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[expect(clippy::ptr_arg, reason = "called with the type that is configured")]
pub(super) fn shown_path(path: &PathBuf) -> String {
    path.display().to_string()
}
