//! The ledger: where it is, and how long what is old in it is kept.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::sources::{Sources, shown_span};
use crate::config::settings::Store;
use crate::config::shown::Origin;
use crate::config::{ConfigError, file, secret};

const URL: &str = "sqlite:persona-host.db";
const DAY: u64 = 24 * 60 * 60;
const KEEP: Duration = Duration::from_secs(90 * DAY);
/// A turn may take a day and wait for longer.
const SHORTEST: Duration = Duration::from_secs(7 * DAY);
const KEEP_EVENTS: Duration = Duration::from_secs(14 * DAY);
/// Whoever reads along may be away for as long.
const SHORTEST_OF_EVENTS: Duration = Duration::from_secs(60 * 60);

pub(super) fn store(sources: &mut Sources<'_>, file: file::Store) -> Result<Store, ConfigError> {
    let named = secret::read(sources.environment, "PERSONA_STORE_URL")?;
    let named = named.filter(|found| !found.secret.expose_secret().is_empty());
    let (url, origin): (SecretString, Origin) = match (sources.taken(named), file.url) {
        (Some(taken), _) => taken,
        (None, Some(url)) => (url.into(), sources.file.clone()),
        (None, None) => (URL.into(), Origin::Default),
    };
    sources.show("store.url", without_password(url.expose_secret()), origin);
    let keep = sources.pick("store.keep", file.keep.map(|span| span.0), KEEP, days);
    if keep < SHORTEST {
        let problem =
            "must be 7d at least: turns that are held or under way need what is kept of them".to_owned();
        return Err(ConfigError::Value { name: "store.keep".to_owned(), problem, raw: days(&keep) });
    }
    let keep_events =
        sources.pick("store.keep_events", file.keep_events.map(|span| span.0), KEEP_EVENTS, days);
    if keep_events < SHORTEST_OF_EVENTS {
        let problem = "must be 1h at least: who reads events may be away for as long".to_owned();
        let raw = days(&keep_events);
        return Err(ConfigError::Value { name: "store.keep_events".to_owned(), problem, raw });
    }
    Ok(Store { url, keep, keep_events })
}

/// Nobody counts these in months.
fn days(span: &Duration) -> String {
    match (span.as_secs() / DAY, span.as_secs() % DAY) {
        (days, 0) if days > 0 => format!("{days}d"),
        _ => shown_span(span),
    }
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // Options may be a user and a password.
    let (rest, options) = match rest.split_once('?') {
        Some((rest, options)) if options.to_lowercase().contains("password") => (rest, "?…".to_owned()),
        Some((rest, options)) => (rest, format!("?{options}")),
        None => (rest, String::new()),
    };
    // A password may have an `@` in it, and no host has.
    let Some((user, place)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{rest}{options}");
    };
    match user.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{place}{options}"),
        None => format!("{scheme}://{rest}{options}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:a/b.db", "sqlite:a/b.db"),
            ("postgres://db/mana", "postgres://db/mana"),
            ("postgres://anna@db/mana", "postgres://anna@db/mana"),
            ("postgres://anna:hunter2@db:5432/mana", "postgres://anna:***@db:5432/mana"),
            ("postgres://anna:hun@ter2@db/mana", "postgres://anna:***@db/mana"),
            ("postgres://anna:x@db/mana?sslmode=require", "postgres://anna:***@db/mana?sslmode=require"),
            ("postgres://db/mana?user=anna&password=hunter2", "postgres://db/mana?…"),
            ("postgres://db/mana?user=anna", "postgres://db/mana?user=anna"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
