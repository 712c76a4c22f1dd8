//! Strategies, their tools, and who is under which.

use std::time::Duration;

use super::*;

#[test]
fn a_route_to_nowhere_is_refused() {
    let error = config("[routing]\ndefault = \"dayly\"", &[]).expect_err("no such strategy").to_string();
    assert_eq!(
        error,
        r#"routing.default names the strategy "dayly", but there is no [strategies.dayly] (there are: daily, brief)"#
    );
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
