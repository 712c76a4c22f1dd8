//! Where each value comes from, and what is refused.

use std::collections::HashMap;
use std::path::Path;

use super::*;

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
        ("", [("TICK_INTERVAL_MS", "0")], "TICK_INTERVAL_MS", zero),
        ("", [("PERSONA_CONCURRENCY", "1.5")], "PERSONA_CONCURRENCY", zero),
        ("[runner]\nconcurrency = 0", [("X", "")], "runner.concurrency", zero),
        ("[runner]\ntime_zone = \"Mars\"", [("X", "")], "runner.time_zone", "must be a time zone"),
        ("", [("MANA_AUTH_URL", "localhost:3001")], "mana.auth_url", "must begin with http://"),
        ("", [("MANA_MCP_URL", "http://u:canary@h/")], "mana.mcp_url", "must hold no user name"),
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
fn a_route_to_nowhere_is_refused() {
    let error = config("[routing]\ndefault = \"dayly\"", &[]).expect_err("no such strategy").to_string();
    assert_eq!(
        error,
        r#"routing.default names the strategy "dayly", but there is no [strategies.dayly] (there are: daily, brief)"#
    );
}

#[test]
fn only_one_or_true_pauses() {
    for (raw, paused) in [("1", true), ("true", true), ("TRUE", true), ("yes", false), ("0", false)] {
        assert_eq!(config("", &[("RUNNER_PAUSED", raw)]).expect("valid").runner.paused, paused, "{raw}");
    }
}

#[test]
fn production_names_every_secret_that_is_missing_or_public() {
    let blocked = |environment: &[(&str, &str)]| {
        let all: Vec<_> = [("NODE_ENV", "production")].iter().chain(environment).copied().collect();
        let config = config("", &all).expect("valid, also where production would not start");
        config.check_production().err().map(|error| error.to_string())
    };
    let start = "mana-persona-runner production start blocked — missing/unsafe: ";
    let keys = [("MANA_SERVICE_KEY", "k"), ("ANTHROPIC_API_KEY", "a")];
    assert_eq!(
        blocked(&[]),
        Some(format!(
            "{start}MANA_SERVICE_KEY, ANTHROPIC_API_KEY, PERSONA_SEED_SECRET (dev fallback in prod)"
        ))
    );
    // The original let this one pass.
    let empty = [keys[0], keys[1], ("PERSONA_SEED_SECRET", "")];
    assert_eq!(blocked(&empty), Some(format!("{start}PERSONA_SEED_SECRET")));
    assert_eq!(blocked(&[keys[0], keys[1], ("PERSONA_SEED_SECRET", "own")]), None);
}

#[test]
fn a_secret_may_be_in_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, "nightingale\n").expect("written");
    let path = path.to_str().expect("a plain path");
    let config = config("", &[("MANA_SERVICE_KEY_FILE", path)]).expect("valid");
    use secrecy::ExposeSecret as _;
    assert_eq!(config.mana.service_key.expose_secret(), "nightingale");
    assert!(!format!("{config:?}").contains("nightingale"), "no secret in Debug");
    use std::os::unix::fs::PermissionsExt as _;
    for (mode, open) in [(0o644, vec!["MANA_SERVICE_KEY_FILE"]), (0o640, vec![]), (0o600, vec![])] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
        let config = self::config("", &[("MANA_SERVICE_KEY_FILE", path)]).expect("valid");
        assert_eq!(config.open_secrets, open, "{mode:o}");
    }
    assert_eq!(shown(&config, "mana.service_key").0, "set, not shown");
}

#[test]
fn a_secret_that_protects_nothing_is_refused_and_not_quoted() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").expect("written");
    let empty = empty.to_str().expect("a plain path");
    let long = "nightingale-of-may";
    for (environment, says) in [
        (vec![("PERSONA_ADMIN_TOKEN", "canary")], "PERSONA_ADMIN_TOKEN must have 16 characters at least"),
        (
            vec![("PERSONA_ADMIN_TOKEN", long), ("PERSONA_ADMIN_TOKEN_NEXT", "canary")],
            "PERSONA_ADMIN_TOKEN_NEXT must have 16 characters at least",
        ),
        (
            vec![("PERSONA_ADMIN_TOKEN_NEXT", "canary-canary-canary")],
            "PERSONA_ADMIN_TOKEN_NEXT is what comes after PERSONA_ADMIN_TOKEN, which is not set",
        ),
        (
            vec![("MANA_SERVICE_KEY_NEXT", "canary")],
            "MANA_SERVICE_KEY_NEXT is what comes after MANA_SERVICE_KEY, which is not set",
        ),
        (vec![("ANTHROPIC_API_KEY_FILE", empty)], "ANTHROPIC_API_KEY_FILE names "),
        (vec![("PERSONA_ADMIN_TOKEN_FILE", empty)], "PERSONA_ADMIN_TOKEN_FILE names "),
    ] {
        let error = config("", &environment).expect_err(says).to_string();
        assert!(error.starts_with(says), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let both = [
        ("PERSONA_ADMIN_TOKEN", long),
        ("PERSONA_ADMIN_TOKEN_NEXT", "blackbird-of-june"),
        ("MANA_SERVICE_KEY", "one"),
        ("MANA_SERVICE_KEY_NEXT", "other"),
    ];
    let config = config("", &both).expect("valid");
    for key in ["http.admin_token", "http.admin_token_next", "mana.service_key", "mana.service_key_next"] {
        assert_eq!(shown(&config, key).0, "set, not shown", "{key}");
    }
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
fn a_strategy_takes_its_settings_limits_and_model_from_the_file() {
    let file = r#"
        [strategies.short]
        plugin = "daily"
        model = "claude-sonnet-5-5"
        settings = { max_tools = 4, tone = { dry = true } }
        limits = { memory = "64MiB", time = "250ms" }
        [routing]
        archetypes = { "ceo-busy" = "short" }
    "#;
    let config = config(file, &[]).expect("valid");
    let short = config.strategies.iter().find(|s| s.name.as_str() == "short").expect("is there");
    assert_eq!(short.settings, serde_json::json!({"max_tools": 4, "tone": {"dry": true}}));
    assert_eq!((short.limits.memory, short.limits.time), (64 << 20, Duration::from_millis(250)));
    assert_eq!(short.limits.fuel, domain::strategy::Limits::default().fuel);
    assert_eq!(config.strategies.len(), 3, "the built-in ones stay");
    for (key, value, origin) in [
        ("short.model", "claude-sonnet-5-5", "persona-host.toml"),
        ("short.limits.memory", "64MiB", "persona-host.toml"),
        ("short.limits.time", "250ms", "persona-host.toml"),
        ("short.limits.fuel", "500000000", "default"),
        ("short.fallback", "previous, built-in", "default"),
        ("daily.limits.transfer", "4MiB", "default"),
        ("daily.fallback", "previous, built-in", "default"),
    ] {
        let said = shown(&config, &format!("strategies.{key}"));
        assert_eq!(said, (value.to_owned(), origin.to_owned()), "{key}");
    }
}

#[test]
fn a_strategy_may_have_some_tools_only_and_call_them_so_often() {
    let file = r#"
        [strategies.own]
        plugin = "daily"
        tools = { allow = ["todo.*", "notes.list"], cap = { "todo.create" = 2, "todo.*" = 5 } }
    "#;
    let config = config(file, &[]).expect("valid");
    let rules = &config.strategies.iter().find(|s| s.name.as_str() == "own").expect("is there").tools;
    assert!(rules.allows("todo.delete") && !rules.allows("notes.create"));
    assert_eq!(rules.cap, [("todo.*".to_owned(), 5), ("todo.create".to_owned(), 2)].into());
    for (key, value, origin) in [
        ("own.tools.allow", r#"["todo.*", "notes.list"]"#, "persona-host.toml"),
        ("own.tools.cap", r#""todo.*" = 5, "todo.create" = 2"#, "persona-host.toml"),
        ("daily.tools.allow", "all", "default"),
        ("daily.tools.cap", "none", "default"),
    ] {
        assert_eq!(
            shown(&config, &format!("strategies.{key}")),
            (value.to_owned(), origin.to_owned()),
            "{key}"
        );
    }
}

#[test]
fn a_rule_that_can_mean_no_tool_is_refused() {
    let own =
        |tools: &str| config(&format!("[strategies.own]\nplugin = \"daily\"\ntools = {{ {tools} }}"), &[]);
    for (tools, says) in [
        (r#"allow = ["*"]"#, "strategies.own.tools.allow must hold names such as"),
        (r#"allow = [""]"#, "strategies.own.tools.allow must hold names such as"),
        (r#"allow = [".*"]"#, "strategies.own.tools.allow must hold names such as"),
        (r#"cap = { "todo.*.x" = 1 }"#, "strategies.own.tools.cap must hold names such as"),
        (
            r#"allow = ["todo.*"], cap = { "notes.create" = 1 }"#,
            "strategies.own.tools.cap names a tool that strategies.….tools.allow leaves out",
        ),
    ] {
        let error = own(tools).expect_err(tools).to_string();
        assert!(error.starts_with(says), "{tools}: {error}");
    }
}

#[test]
fn mana_auth_decides_who_is_due_unless_the_file_has_a_calendar() {
    assert!(config("", &[]).expect("valid").schedule.is_none());
    let file = r#"
        [runner]
        time_zone = "Europe/Vienna"
        [schedule]
        mode = "calendar"
        window = "09:00-17:30"
        [schedule.cadences]
        hourly = { every = "2h" }
        [schedule.archetypes]
        "ceo-busy" = { cron = "0 7 * * 1-5", zone = "Europe/Berlin" }
        [schedule.personas]
        "persona.kai@mana.test" = { cadence = "weekdays", catch_up = "3h" }
        "persona.ben@mana.test" = { cadence = "never" }
    "#;
    let config = config(file, &[]).expect("valid");
    for (key, value, origin) in [
        ("mode", "calendar", "persona-host.toml"),
        ("zone", "Europe/Vienna", "default"),
        ("window", "09:00-17:30", "persona-host.toml"),
        ("catch_up", "12h, or until the next slot", "default"),
        ("cadences.hourly", "every = \"2h\"", "persona-host.toml"),
        ("archetypes.ceo-busy", "cron = \"0 7 * * 1-5\", zone = \"Europe/Berlin\"", "persona-host.toml"),
        ("personas.persona.kai@mana.test", "cadence = \"weekdays\", catch_up = \"3h\"", "persona-host.toml"),
    ] {
        let said = shown(&config, &format!("schedule.{key}"));
        assert_eq!(said, (value.to_owned(), origin.to_owned()), "{key}");
    }
    let rules = config.schedule.expect("a calendar");
    assert_eq!((rules.zone, rules.window.to_string()), (Tz::Europe__Vienna, "09:00-17:30".to_owned()));
    assert_eq!((rules.cadences.len(), rules.archetypes.len(), rules.personas.len()), (1, 1, 2));
}

#[test]
fn the_calendar_of_the_guide_can_be_used() {
    let guide = include_str!("../../../../docs/schedules.md");
    let (_, calendar) = guide.split_once("```toml\n[schedule]\nmode = \"calendar\"\n").expect("it is there");
    let (calendar, _) = calendar.split_once("```").expect("it ends");
    let file = format!("[schedule]\nmode = \"calendar\"\n{calendar}");
    let rules = config(&file, &[]).expect("valid").schedule.expect("a calendar");
    assert_eq!(rules.personas.len(), 3);
}

#[test]
fn a_schedule_that_cannot_be_meant_is_refused_with_what_to_write() {
    let calendar = "mode = \"calendar\"\n";
    let persona = |entry: &str| format!("{calendar}[schedule.personas]\n\"a@b\" = {{ {entry} }}");
    for (file, says) in [
        (
            "window = \"08:00-12:00\"".to_owned(),
            "schedule.mode must be \"calendar\" for schedule.window to count",
        ),
        (format!("{calendar}zone = \"Mars\""), "schedule.zone must be a time zone such as"),
        (format!("{calendar}window = \"8-22\""), "schedule.window must be two times of day such as"),
        (format!("{calendar}window = \"22:00-02:00\""), "schedule.window must end after it begins"),
        (
            format!("{calendar}catch_up = \"10s\""),
            "schedule.catch_up must be as long as runner.tick_interval",
        ),
        (
            format!("{calendar}catch_up = \"30days\""),
            "schedule.catch_up must be 7days at most, got \"30days\"",
        ),
        (
            format!("{calendar}catch_up = \"10000d 5h\""),
            "schedule.catch_up must be 7days at most, got \"10000days 5h\"",
        ),
        (
            persona("every = \"2years\""),
            "schedule.personas.a@b.every must be 366days at most, got \"730days 12h\"",
        ),
        (
            format!("{calendar}[schedule.cadences]\ndaily = {{ cadence = \"hourly\" }}"),
            "schedule.cadences.daily may not name a cadence",
        ),
        (persona("cron = \"often\""), "schedule.personas.a@b.cron must be a cron expression such as"),
        (persona("cron = \"* * * * * *\""), "schedule.personas.a@b.cron must have five fields (minute, hour"),
        (persona("cron = \"0 0 7 * * 1 2027\""), "schedule.personas.a@b.cron must have five fields (minute"),
        (persona("cron = \"0 0 31 2 *\""), "schedule.personas.a@b.cron names a time that never comes"),
        (persona("every = \"5s\""), "schedule.personas.a@b.every must be whole seconds, and 1m at least"),
        (persona("zone = \"Mars\""), "schedule.personas.a@b.zone must be a time zone such as"),
        (
            persona("every = \"5h\", cron = \"0 7 * * *\""),
            "schedule.personas.a@b must have one of cadence, every and cron at most, got \"every, cron\"",
        ),
        (
            persona("every = \"5h\", window = \"08:00-12:00\""),
            "schedule.personas.a@b.window is for one slot a day",
        ),
    ] {
        let error = config(&format!("[schedule]\n{file}"), &[]).expect_err(&file).to_string();
        assert!(error.starts_with(says), "{file}: {error}");
    }
    let slow = format!("[runner]\ntick_interval = \"2h\"\n[schedule]\n{calendar}");
    let error = config(&slow, &[]).expect_err("slots would pass").to_string();
    assert!(error.starts_with("runner.tick_interval must be 1h at most"), "{error}");
    for (entry, says) in [
        ("cadence = \"monthly\"", "\"monthly\" is none of the words that can stand here"),
        ("crom = \"0 7 * * *\"", "unknown key `crom`"),
    ] {
        let error = config(&format!("[schedule]\n{}", persona(entry)), &[]).expect_err(entry).to_string();
        assert_eq!(error, says);
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
