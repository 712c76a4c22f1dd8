//! What a file that was changed while `run` was running means for it: what is taken over at once, and what counts from the
//! next start on.

use std::collections::BTreeSet;

use secrecy::ExposeSecret as _;

use super::Config;

/// The keys that `run` takes over when it is sent SIGHUP; one that ends in a dot stands for all that begin with it. All
/// others need a restart, but for what is read anew without being asked: builds of plugins, and the files of experiments.
pub const CHANGE_AT_RUN_TIME: [&str; 6] =
    ["budget.", "log.filter", "runner.concurrency", "runner.paused", "runner.tick_interval", "store.keep"];
/// What stands for a value that is not there.
const NONE: &str = "not set";

/// A value that is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its key, such as `runner.concurrency`; a whole section where no key of it is shown.
    pub key: String,
    /// What it was; of secrets, only whether there is one.
    pub before: String,
    /// What it is.
    pub after: String,
    /// Why it is not taken over; nothing, if it is.
    pub why_not: Option<&'static str>,
}

/// What is another value in `after`.
#[must_use]
pub fn changes(before: &Config, after: &Config) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    let keys = before.shown.iter().chain(&after.shown).map(|own| own.key.as_str());
    let value = |config: &Config, key: &str| {
        config.shown.iter().find(|own| own.key == key).map_or(NONE.to_owned(), |own| own.value.clone())
    };
    for key in keys {
        let (was, is) = (value(before, key), value(after, key));
        if was != is && !all.iter().any(|own| own.key == key) {
            all.push(Change { key: key.to_owned(), before: was, after: is, why_not: None });
        }
    }
    let secrets = [before, after].into_iter().flat_map(Config::secrets).map(|(key, _)| key);
    for key in secrets.collect::<BTreeSet<_>>() {
        let of = |config: &Config| {
            let own = config.secrets().into_iter().filter(|(own, _)| *own == key);
            own.map(|(_, secret)| secret.expose_secret().to_owned()).collect::<Vec<_>>()
        };
        if of(before) != of(after) && !all.iter().any(|own| own.key == key) {
            let (before, after) = ("a secret".to_owned(), "another one".to_owned());
            all.push(Change { key: key.to_owned(), before, after, why_not: None });
        }
    }
    for ((section, was), (_, is)) in sections(before).into_iter().zip(sections(after)) {
        if was != is && !all.iter().any(|own| is_of(&own.key, section)) {
            let (before, after) = ("as it was".to_owned(), "something else in it".to_owned());
            all.push(Change { key: section.to_owned(), before, after, why_not: None });
        }
    }
    let is_bounded = [before, after].map(|config| !config.budget.is_empty());
    for change in &mut all {
        change.why_not = match change.key.as_str() {
            // Whether a call is repeated that may have been paid for hangs on it.
            key if key.starts_with("budget.") && is_bounded != [true; 2] => {
                Some("whether there is a budget at all is settled at the start")
            }
            key if can_change(key) => None,
            _ => Some("it counts from the next start on"),
        };
    }
    all
}

/// Whether `run` takes over another value of this key when it is sent SIGHUP.
#[must_use]
pub fn can_change(key: &str) -> bool {
    CHANGE_AT_RUN_TIME.iter().any(|own| *own == key || own.ends_with('.') && key.starts_with(own))
}

fn is_of(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// What has parts that are shown in few words or not at all.
fn sections(config: &Config) -> [(&'static str, String); 8] {
    [
        ("schedule", format!("{:?}", config.schedule)),
        ("http", format!("{:?}", config.http)),
        ("mana", format!("{:?}", config.mana)),
        ("model", format!("{:?}", config.model)),
        ("plugins", format!("{:?}", config.plugins)),
        ("strategies", format!("{:?}", config.strategies)),
        ("routing", format!("{:?}", config.routing)),
        ("traces", format!("{:?}", config.traces)),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{File, resolve};

    fn config(text: &str, variables: &[(&str, &str)]) -> Config {
        let environment = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let file = File::parse(Path::new("own.toml"), text).expect("it is valid");
        resolve(file, &environment).expect("it is valid")
    }

    fn told(before: &str, after: &str) -> Vec<(String, bool)> {
        let changes = changes(&config(before, &[]), &config(after, &[]));
        changes.into_iter().map(|own| (own.key, own.why_not.is_none())).collect()
    }

    #[test]
    fn each_key_that_has_changed_is_told_and_whether_it_is_taken_over() {
        let budget = |day: &str| format!("[budget]\nday = {day}\n");
        let strategy = |more: &str| format!("[strategies.own]\nplugin = \"own\"\n{more}");
        for (before, after, changed) in [
            (String::new(), String::new(), vec![]),
            (String::new(), "[runner]\nconcurrency = 2\n".to_owned(), vec![]),
            (String::new(), "[runner]\nconcurrency = 3\n".to_owned(), vec![("runner.concurrency", true)]),
            (
                "[runner]\npaused = true\n[store]\nkeep = \"8d\"\n".to_owned(),
                "[runner]\ntick_interval = \"5s\"\n[http]\nport = 1\n".to_owned(),
                vec![
                    ("runner.tick_interval", true),
                    ("runner.paused", true),
                    ("http.port", false),
                    ("store.keep", true),
                ],
            ),
            (budget("1.0"), budget("2.0"), vec![("budget.day", true)]),
            (budget("1.0"), format!("{}turn = 0.1\n", budget("1.0")), vec![("budget.turn", true)]),
            (String::new(), budget("2.0"), vec![("budget.day", false)]),
            (budget("1.0"), String::new(), vec![("budget.day", false)]),
            (strategy(""), strategy("settings = { a = 1 }\n"), vec![("strategies.own", false)]),
            (
                strategy("fallback = []\n"),
                strategy("fallback = [\"previous\"]\n"),
                vec![("strategies.own.fallback", false)],
            ),
        ] {
            let all = told(&before, &after);
            let all: Vec<_> = all.iter().map(|(key, is_taken)| (key.as_str(), *is_taken)).collect();
            assert_eq!(all, changed, "{before:?} to {after:?}");
        }
    }

    #[test]
    fn a_secret_that_is_another_one_is_told_and_not_shown() {
        let of = |key: &'static str| config("", &[("MANA_SERVICE_KEY", key)]);
        let [change] = &changes(&of("nightingale"), &of("blackbird"))[..] else { panic!("one has changed") };
        assert_eq!((change.key.as_str(), change.why_not.is_some()), ("mana.service_key", true));
        assert!(!format!("{change:?}").contains("bird"), "{change:?}");
    }

    #[test]
    fn every_secret_that_is_another_one_is_told() {
        // An administrator's token is for `seed`, which ends before it could change.
        for name in crate::private::SECRETS.into_iter().filter(|name| *name != "MANA_ADMIN_JWT") {
            let of = |bird: &str| {
                let value = match name {
                    "PERSONA_STORE_URL" => format!("postgres://me:{bird}@localhost/ledger"),
                    name if name.ends_with("HEADERS") => format!("authorization={bird}"),
                    _ => format!("{bird}-of-the-morning"),
                };
                let before = name.strip_suffix("_NEXT").unwrap_or("X");
                let traces = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
                config("", &[(name, &value), (before, "wren-of-the-evening"), traces])
            };
            let all = changes(&of("nightingale"), &of("blackbird"));
            assert_eq!(all.len(), 1, "{name}: {all:?}");
            assert!(!format!("{all:?}").contains("bird"), "{all:?}");
        }
    }

    #[test]
    fn what_is_said_of_the_process_in_traces_is_told_when_it_is_another_thing() {
        let of = |name: &str| {
            let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
            config("", &[endpoint, ("OTEL_SERVICE_NAME", name)])
        };
        let keys = changes(&of("one"), &of("two")).into_iter().map(|change| change.key);
        assert_eq!(keys.collect::<Vec<_>>(), ["traces"]);
    }

    #[test]
    fn every_key_that_can_change_is_one() {
        let known = config("[budget]\nday = 1.0\n", &[]);
        for own in CHANGE_AT_RUN_TIME {
            let is_known = known.shown.iter().any(|shown| shown.key == own || shown.key.starts_with(own));
            assert!(is_known, "{own}");
        }
    }
}
