//! Secrets: where they may be, and which protect nothing.

use super::*;

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
        (vec![("PERSONA_VIEW_TOKEN", "canary")], "PERSONA_VIEW_TOKEN must have 16 characters at least"),
        (
            vec![
                ("PERSONA_ADMIN_TOKEN", "canary-canary-canary"),
                ("PERSONA_VIEW_TOKEN", "canary-canary-canary"),
            ],
            "PERSONA_VIEW_TOKEN must be another one than PERSONA_ADMIN_TOKEN",
        ),
        (
            vec![("PERSONA_VIEW_TOKEN_NEXT", "canary-canary-canary")],
            "PERSONA_VIEW_TOKEN_NEXT is what comes after PERSONA_VIEW_TOKEN, which is not set",
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
        ("PERSONA_VIEW_TOKEN", "wren-of-the-morning"),
        ("PERSONA_VIEW_TOKEN_NEXT", "wren-of-the-evening"),
        ("MANA_SERVICE_KEY", "one"),
        ("MANA_SERVICE_KEY_NEXT", "other"),
    ];
    let config = config("", &both).expect("valid");
    for key in [
        "http.admin_token",
        "http.admin_token_next",
        "http.view_token",
        "http.view_token_next",
        "mana.service_key",
        "mana.service_key_next",
    ] {
        assert_eq!(shown(&config, key).0, "set, not shown", "{key}");
    }
}
