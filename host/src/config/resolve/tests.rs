//! Where each value comes from, and what is refused.

use std::collections::HashMap;
use std::path::Path;

use super::*;

mod schedule;
mod secrets;
mod strategies;

fn config(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment: HashMap<_, _> = environment.iter().copied().collect();
    let file = File::parse(Path::new("persona-host.toml"), file)?;
    resolve(file, &|name| environment.get(name).map(|value| (*value).to_owned()))
}

fn shown(config: &Config, key: &str) -> (String, String) {
    let shown = config.shown.iter().find(|shown| shown.key == key).expect("the key is listed");
    (shown.value.clone(), shown.origin.to_string())
}

#[test]
fn without_a_word_the_defaults_of_the_original_hold() {
    let config = config("", &[]).expect("defaults are valid");
    for (key, value) in [
        ("http.port", "3070"),
        ("http.bind", "127.0.0.1"),
        ("runner.tick_interval", "1m"),
        ("runner.concurrency", "2"),
        ("runner.paused", "false"),
        ("runner.turn_deadline", "10m"),
        ("mana.auth_url", "http://localhost:3001"),
        ("mana.mcp_url", "http://localhost:3069"),
        ("mana.answer_timeout", "30s"),
        ("mana.tool_timeout", "1m"),
        ("mana.service_key", "not set"),
        ("model.name", "claude-haiku-5-5"),
        ("model.idle_timeout", "1m"),
    ] {
        assert_eq!(shown(&config, key), (value.to_owned(), "default".to_owned()), "{key}");
    }
    assert_eq!(config.mana.personas_url, "http://localhost:3001/api/v1/internal/personas");
    assert_eq!(config.missing_keys(), ["MANA_SERVICE_KEY", "ANTHROPIC_API_KEY"]);
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_default() {
    let file = "[runner]\nconcurrency = 4\nturn_deadline = \"90s\"\ntick_interval = \"5m\"\n";
    let config = config(file, &[("PERSONA_CONCURRENCY", "7"), ("TICK_INTERVAL_MS", "")]).expect("valid");
    assert_eq!(shown(&config, "runner.concurrency"), ("7".to_owned(), "$PERSONA_CONCURRENCY".to_owned()));
    assert_eq!(shown(&config, "runner.turn_deadline").0, "1m 30s");
    assert_eq!(
        shown(&config, "runner.tick_interval"),
        ("5m".to_owned(), "persona-host.toml".to_owned()),
        "an empty variable counts as not set"
    );
}

#[test]
fn the_later_generation_of_the_persona_endpoints_is_one_variable_away() {
    let config = config("", &[("MANA_API_URL", "http://localhost:3060/")]).expect("valid");
    assert_eq!(config.mana.personas_url, "http://localhost:3060/api/v1/personas/internal");
    assert_eq!(config.mana.auth_url, "http://localhost:3001");
}

#[test]
fn a_value_that_cannot_be_meant_is_named_with_what_it_must_be() {
    let zero = "must be a positive integer";
    for (file, environment, name, problem) in [
        ("", [("PORT", "abc")], "PORT", zero),
        ("", [("PORT", "70000")], "PORT", "must be a whole number from 1 to 65535"),
        ("", [("TICK_INTERVAL_MS", "0")], "TICK_INTERVAL_MS", zero),
        ("", [("TICK_INTERVAL_MS", "18446744073709551615")], "TICK_INTERVAL_MS", "must be a year at most"),
        (
            "[runner]\ntick_interval = \"999999999y\"",
            [("X", "")],
            "runner.tick_interval",
            "must be a year at most",
        ),
        ("", [("PERSONA_CONCURRENCY", "1.5")], "PERSONA_CONCURRENCY", zero),
        ("[runner]\nconcurrency = 0", [("X", "")], "runner.concurrency", zero),
        ("[runner]\ntime_zone = \"Mars\"", [("X", "")], "runner.time_zone", "must be a time zone"),
        ("", [("MANA_AUTH_URL", "localhost:3001")], "MANA_AUTH_URL", "must begin with http://"),
        ("", [("MANA_MCP_URL", "http://u:canary@h/")], "MANA_MCP_URL", "must hold no user name"),
    ] {
        let error = config(file, &environment).expect_err(name).to_string();
        assert!(error.starts_with(&format!("{name} {problem}")), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let error = config("", &[("PORT", "abc")]).expect_err("not a number").to_string();
    assert_eq!(error, r#"PORT must be a positive integer, got "abc""#, "the words of contract 7.1");
}

#[test]
fn an_unknown_key_is_pointed_at_with_the_one_that_is_meant() {
    let error = config("[runner]\nconcurency = 4\n", &[]).expect_err("no such key");
    let ConfigError::Syntax { message, hint, span, text, .. } = error else { panic!("{error}") };
    assert_eq!(message, "unknown key `concurency`");
    assert_eq!(hint.as_deref(), Some("did you mean `concurrency`?"));
    assert_eq!(&text[span], "concurency");
}

#[test]
fn a_value_of_another_kind_is_told_in_the_words_of_the_file() {
    let own = "[strategies.own]\nplugin = \"daily\"\n";
    for (file, at, says, advises) in [
        (
            format!("{own}limits = {{ fuel = \"many\" }}"),
            "\"many\"",
            "string \"many\" cannot be used here",
            "write a whole number from 0",
        ),
        (
            format!("{own}fallback = [\"prev\"]"),
            "\"prev\"",
            "\"prev\" is none of the words that can stand here",
            "write one of: \"previous\", \"built-in\"",
        ),
        (
            format!("{own}fallback = \"previous\""),
            "\"previous\"",
            "string \"previous\" cannot be used here",
            "write a list in [ ]",
        ),
        (
            "[http]\nport = 70000".to_owned(),
            "70000",
            "integer `70000` cannot be used here",
            "write a whole number from 0 to 65535",
        ),
        (
            "[http]\nbind = \"here\"".to_owned(),
            "\"here\"",
            "this is no IP address",
            "write one such as \"127.0.0.1\", or \"0.0.0.0\" for all of this machine",
        ),
        (
            "[runner]\npaused = \"no\"".to_owned(),
            "\"no\"",
            "string \"no\" cannot be used here",
            "write true or false",
        ),
        ("[model]\nname = 5".to_owned(), "5", "integer `5` cannot be used here", "write text in quotes"),
        (
            "[plugins]\nwatch = \"often\"".to_owned(),
            "\"often\"",
            "\"often\" is none of the words that can stand here",
            "write one of: \"notify\", \"poll\", \"off\"",
        ),
        (
            "[plugins]\ncanary = true".to_owned(),
            "true",
            "boolean `true` cannot be used here",
            "write a table such as { share = 0.2, clean_turns = 10 }",
        ),
        (
            "runner = 1".to_owned(),
            "1",
            "integer `1` cannot be used here",
            "write a section, or a table in { }",
        ),
    ] {
        let error = config(&file, &[]).expect_err("of another kind");
        let ConfigError::Syntax { message, hint, span, text, .. } = error else { panic!("{error}") };
        assert_eq!((message.as_str(), hint.as_deref(), &text[span]), (says, Some(advises), at), "{file}");
    }
}

#[test]
fn only_one_or_true_pauses_and_a_word_that_is_neither_yes_nor_no_is_refused() {
    for (raw, paused) in
        [("1", true), ("true", true), ("TRUE", true), ("", false), ("0", false), ("false", false)]
    {
        assert_eq!(config("", &[("RUNNER_PAUSED", raw)]).expect("valid").runner.paused, paused, "{raw}");
    }
    for raw in ["yes", "on", "2", "pause"] {
        let error = config("", &[("RUNNER_PAUSED", raw)]).expect_err(raw).to_string();
        assert_eq!(error, format!("RUNNER_PAUSED must be 1 or true, or else 0 or false, got {raw:?}"));
    }
}

#[test]
fn what_cannot_be_meant_is_pointed_at_where_it_is_written() {
    let own = "[strategies.own]\nplugin = \"daily\"\n";
    for (file, at) in [
        ("[runner]\nconcurrency = 0\n".to_owned(), "0"),
        ("runner.time_zone = \"Mars\"\n".to_owned(), "\"Mars\""),
        ("[mana]\nauth_url = \"localhost:3001\"\n".to_owned(), "\"localhost:3001\""),
        ("[mana]\nsign_in_limit = \"3\"\n".to_owned(), "\"3\""),
        ("[store]\nkeep = \"1d\"\n".to_owned(), "\"1d\""),
        ("[store]\nkeep_events = \"1m\"\n".to_owned(), "\"1m\""),
        ("[plugins]\ncanary = { share = 2.0, clean_turns = 1 }\n".to_owned(), "2.0"),
        ("[routing]\narchetypes = { \"ceo-busy\" = \"dayly\" }\n".to_owned(), "\"dayly\""),
        ("[routing.personas]\n\"persona.kai@mana.test\" = \"dayly\"\n".to_owned(), "\"dayly\""),
        ("[budget]\nstrategies = { dayly = 1.0 }\n".to_owned(), "1.0"),
        (format!("{own}tools = {{ allow = [\"* \"] }}\n"), "[\"* \"]"),
        ("[schedule]\nmode = \"since_last\"\nzone = \"UTC\"\n".to_owned(), "\"since_last\""),
        (
            "[schedule]\nmode = \"calendar\"\npersonas = { \"a.b@c\" = { zone = \"Mars\" } }\n".to_owned(),
            "\"Mars\"",
        ),
    ] {
        let error = config(&file, &[]).expect_err(&file);
        let ConfigError::At { span, text, error, .. } = error else { panic!("{file}: {error}") };
        assert_eq!(&text[span], at, "{file}: {error}");
    }
    let error = config("[mana]\nauth_url = \"http://a\"\n", &[("MANA_AUTH_URL", "b")]).expect_err("no URL");
    assert!(
        error.to_string().starts_with("MANA_AUTH_URL must begin with http://"),
        "it is not the file's: {error}"
    );
}

#[test]
fn a_secret_that_is_set_twice_is_refused() {
    let both = [("MANA_SERVICE_KEY", "a key"), ("MANA_SERVICE_KEY_FILE", "/run/key")];
    let error = config("", &both).expect_err("which of them?").to_string();
    assert_eq!(error, "MANA_SERVICE_KEY is set, and so is MANA_SERVICE_KEY_FILE");
    let error = config("", &[("MANA_SERVICE_KEY", ""), both[1]]).expect_err("the file is meant").to_string();
    assert!(error.starts_with("MANA_SERVICE_KEY_FILE names /run/key, which cannot be read"), "{error}");
}

#[test]
fn a_server_is_named_by_hosts_and_by_nothing_else() {
    let hosts = |hosts: &str| config(&format!("[http]\nallowed_hosts = [{hosts}]"), &[]);
    let named = hosts(r#""personas.example.com", "10.0.0.7", "::1""#).expect("valid").http.allowed_hosts;
    assert_eq!(named, ["personas.example.com", "10.0.0.7", "::1"]);
    for odd in ["*", "", "https://personas.example.com", "personas.example.com:3070", "a/b", "a b"] {
        let error = hosts(&format!("{odd:?}")).expect_err(odd).to_string();
        assert!(error.starts_with("http.allowed_hosts must hold names such as"), "{error}");
    }
}

#[test]
fn a_limit_of_sign_ins_is_a_number_and_a_length() {
    for (text, read) in [
        ("3/10s", Some((3, 10))),
        (" 10 / 1m ", Some((10, 60))),
        ("0/10s", None),
        ("3/0s", None),
        ("3/2m", None),
        ("3", None),
        ("three/10s", None),
        ("3/10", None),
    ] {
        let set = config(&format!("[mana]\nsign_in_limit = \"{text}\""), &[]);
        let limit = set.as_ref().ok().and_then(|config| config.mana.sign_in_limit);
        assert_eq!(limit.map(|(at_once, window)| (at_once, window.as_secs())), read, "{text}");
        if let Err(error) = set {
            let says = "mana.sign_in_limit must be a number of sign-ins and the time after which";
            assert!(error.to_string().starts_with(says), "{text}: {error}");
        }
    }
    assert_eq!(config("", &[]).expect("nothing is set").mana.sign_in_limit, None);
}
