//! The variables of the environment that count, in one list, and what looks like one of them and is none.

use strsim::osa_distance;

/// One variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub means: &'static str,
    /// It is a secret: NAME_FILE may name a file that holds it.
    pub is_secret: bool,
}

/// Every variable that counts.
pub const VARIABLES: [Variable; 33] = [
    plain("MANA_AUTH_URL", "where mana-auth is; http://localhost:3001 if not set"),
    plain("MANA_MCP_URL", "where mana-mcp is, without /mcp; http://localhost:3069 if not set"),
    plain("MANA_API_URL", "where the persona endpoints are, if they moved to apps/api"),
    secret("MANA_SERVICE_KEY", "the key of mana-auth's service endpoints; without it the loop is off"),
    secret("MANA_SERVICE_KEY_NEXT", "the key that is to come, while it is exchanged"),
    secret("ANTHROPIC_API_KEY", "the key of the Claude API; without it the loop is off"),
    plain("ANTHROPIC_BASE_URL", "where the Claude API is"),
    plain("ANTHROPIC_MODEL", "which model is asked, where the strategy names none"),
    secret(
        "PERSONA_SEED_SECRET",
        "what the personas' passwords are made of; one for development if not set, which production refuses",
    ),
    plain("TICK_INTERVAL_MS", "milliseconds from one tick to the next; 60000 if not set"),
    plain("PERSONA_CONCURRENCY", "turns at once; 2 if not set"),
    plain("RUNNER_PAUSED", "1 or true: begin paused; 0 or false: do not"),
    plain("PORT", "the port of the HTTP face; 3070 if not set"),
    plain("NODE_ENV", "production: no diagnostics, and secrets are checked"),
    secret("PERSONA_STORE_URL", "the ledger: sqlite:FILE or postgres://…; sqlite:persona-host.db if not set"),
    secret("PERSONA_ADMIN_TOKEN", "with it, others than this machine may ask for changes"),
    secret("PERSONA_ADMIN_TOKEN_NEXT", "the token that is to come, while it is exchanged"),
    secret("PERSONA_VIEW_TOKEN", "with it, others than this machine may look, and do nothing"),
    secret("PERSONA_VIEW_TOKEN_NEXT", "the token that is to come, while it is exchanged"),
    plain("MANA_ADMIN_JWT", "an administrator's token, for `seed` and the full `personas list`"),
    plain("RUST_LOG", "what is logged, such as persona_host=debug"),
    plain("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, without /v1/traces; there are none if not set"),
    plain("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "the same with the path, and before it"),
    plain("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf, which is all that is spoken"),
    plain("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "the same for traces alone"),
    secret("OTEL_EXPORTER_OTLP_HEADERS", "what goes with traces, such as Authorization=Basic%20…"),
    secret("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "the same, and before it"),
    plain("OTEL_SERVICE_NAME", "whose traces they are; persona-host if not set"),
    plain("OTEL_RESOURCE_ATTRIBUTES", "more of the same, such as deployment.environment.name=staging"),
    plain("OTEL_TRACES_SAMPLER", "always_on, always_off or traceidratio: which turns have a trace"),
    plain("OTEL_TRACES_SAMPLER_ARG", "what part of them with traceidratio, from 0 to 1"),
    plain(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "true: traces hold prompts, replies and results",
    ),
    plain("OTEL_SDK_DISABLED", "true: no traces, whatever else is set"),
];

const fn plain(name: &'static str, means: &'static str) -> Variable {
    Variable { name, means, is_secret: false }
}

const fn secret(name: &'static str, means: &'static str) -> Variable {
    Variable { name, means, is_secret: true }
}

/// A slip of the finger is so many letters at most.
const SLIP: usize = 2;
/// Nobody else's variables begin so.
const OURS: &str = "PERSONA_";
/// These may be of mana's other services, or of a machine that runs tests.
const SHARED: [&str; 2] = ["MANA_", "RUNNER_"];
/// Variables of the program's own tests.
const OF_TESTS: &str = "PERSONA_HOST_";

/// What is to be said of variables that look like ours and are none, a sentence each.
#[must_use]
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut told: Vec<String> = names.into_iter().filter_map(|name| doubt(&name)).collect();
    told.sort();
    told
}

fn doubt(name: &str) -> Option<String> {
    let looks_like_ours = name.starts_with(OURS) || SHARED.iter().any(|prefix| name.starts_with(prefix));
    let of_file = name.strip_suffix("_FILE").and_then(|own| VARIABLES.iter().find(|known| known.name == own));
    let is_known =
        VARIABLES.iter().any(|known| known.name == name) || of_file.is_some_and(|own| own.is_secret);
    if !looks_like_ours || is_known || name.starts_with(OF_TESTS) {
        return None;
    }
    if let Some(own) = of_file {
        return Some(format!("{name} counts for nothing: only secrets may be in files. Set {}", own.name));
    }
    let forms = VARIABLES.iter().flat_map(|known| {
        let file = known.is_secret.then(|| format!("{}_FILE", known.name));
        [Some(known.name.to_owned()), file].into_iter().flatten()
    });
    let nearest = forms.map(|form| (osa_distance(&form, name), form)).min();
    match nearest.filter(|(distance, _)| *distance <= SLIP) {
        Some((_, meant)) => Some(format!("{name} counts for nothing: did you mean {meant}?")),
        None if name.starts_with(OURS) => {
            Some(format!("{name} counts for nothing: `persona-host run --help` lists the variables"))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{File, resolve};

    #[test]
    fn the_list_is_what_is_asked_for() {
        let asked = RefCell::new(BTreeSet::new());
        let note = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        resolve(File::default(), &note).expect("defaults are valid");
        // These say where the user's own folders are, and those are asked for where they count.
        let elsewhere = ["HOME", "XDG_CACHE_HOME", "MANA_ADMIN_JWT", "RUST_LOG"];
        for name in asked.borrow().iter().filter(|name| !elsewhere.contains(&name.as_str())) {
            let known = VARIABLES.iter().find(|known| {
                known.name == name || (known.is_secret && *name == format!("{}_FILE", known.name))
            });
            assert!(known.is_some(), "{name} is not in the list");
        }
        for Variable { name, is_secret, .. } in VARIABLES {
            let is_asked = |name: &str| asked.borrow().contains(name) || elsewhere.contains(&name);
            assert!(is_asked(name), "nobody asks for {name}");
            assert_eq!(asked.borrow().contains(&format!("{name}_FILE")), is_secret, "{name}_FILE");
        }
    }

    #[test]
    fn what_looks_like_ours_and_is_none_is_told() {
        for (name, says) in [
            ("PERSONA_CONCURENCY", Some("did you mean PERSONA_CONCURRENCY?")),
            ("MANA_SERVICE_KEYS", Some("did you mean MANA_SERVICE_KEY?")),
            ("MANA_SERVICE_KEY_FIEL", Some("did you mean MANA_SERVICE_KEY_FILE?")),
            ("RUNNER_PAUSE", Some("did you mean RUNNER_PAUSED?")),
            ("PERSONA_TEMPERATURE", Some("`persona-host run --help` lists the variables")),
            ("MANA_AUTH_URL_FILE", Some("only secrets may be in files. Set MANA_AUTH_URL")),
            ("MANA_SERVICE_KEY_FILE", None),
            ("PERSONA_STORE_URL", None),
            ("PERSONA_HOST_KILLS", None),
            ("MANA_AUTH_SECRET", None),
            ("RUNNER_TEMP", None),
            ("RUNNER_OS", None),
            ("PATH", None),
        ] {
            let told = unknown_variables([name.to_owned()]);
            assert_eq!(told.len(), usize::from(says.is_some()), "{told:?}");
            if let (Some(says), [told]) = (says, &told[..]) {
                assert!(
                    told.starts_with(&format!("{name} counts for nothing: ")) && told.ends_with(says),
                    "{told}"
                );
            }
        }
    }
}
