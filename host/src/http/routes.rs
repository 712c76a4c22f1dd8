//! Each route for programs: what it takes, what it answers, and what it refuses. What is served and what is described are
//! made of this one list.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::route::{Parameter, Route};
use super::{api, brakes, compare, costs, diag, experiments, health, live, personas, plugins, ready, status};
use crate::store::{CostsBy, TurnFilter};
use domain::code::Code;

/// All of them, in the order in which they are described.
pub(super) fn routes() -> Vec<Route> {
    [of_health(), of_turns(), of_experiments(), of_personas(), of_plugins()].into_iter().flatten().collect()
}

fn of_health() -> Vec<Route> {
    const METRICS: &[&str] = &["text/plain", "application/openmetrics-text"];
    vec![
        Route::shows(
            "/health",
            "health",
            "How the process is; what is wrong is named, and it is 200 all the same.",
            health::health,
        )
        .of_the_contract(),
        Route::shows("/health/live", "live", "The process answers.", ready::live).of_the_contract(),
        Route::shows(
            "/health/ready",
            "ready",
            "Whether turns can be begun and kept, with reasons.",
            ready::ready,
        )
        .of_the_contract()
        .also(StatusCode::SERVICE_UNAVAILABLE, "Something is in the way; the reasons say what."),
        Route::text(
            "/metrics",
            "metrics",
            "What Prometheus reads, in the format that it asks for.",
            METRICS,
            health::metrics,
        )
        .of_the_contract(),
        Route::shows(
            "/diag/login",
            "tryLogin",
            "Signs a persona in, and finds its space. Not in production.",
            diag::login,
        )
        .takes([Parameter::needed("email", "The address of a persona.", "persona.anna@mana.test")])
        .being_a_deed()
        .of_the_contract()
        .refuses(StatusCode::BAD_REQUEST, &[])
        .refuses(StatusCode::NOT_FOUND, &[])
        .refuses(StatusCode::INTERNAL_SERVER_ERROR, &[]),
        Route::does(
            "/diag/tick",
            "tick",
            "One tick now, answered at its end. Not in production.",
            diag::tick,
        )
        .of_the_contract()
        .refuses(StatusCode::NOT_FOUND, &[])
        .refuses(StatusCode::CONFLICT, &[])
        .refuses(StatusCode::INTERNAL_SERVER_ERROR, &[]),
    ]
}

fn of_turns() -> Vec<Route> {
    vec![
        Route::shows("/api/turns", "listTurns", "Turns in a line each, newest first.", api::turns)
            .takes([
                Parameter::text("persona", "Only this persona's, by address.", "persona.anna@mana.test"),
                Parameter::text("experiment", "Only those that play in this experiment, by its key.", "tone"),
                Parameter::text("arm", "Only those that play this arm.", "control"),
                Parameter::one_of("state", "Only those that stand so.", "completed", &TurnFilter::STATES),
                Parameter::truth(
                    "everFaulted",
                    "Only those of which an attempt failed, whatever came later.",
                ),
                since("Only those that were under way since then."),
                Parameter {
                    name: "until",
                    example: "2026-11-30",
                    ..since("Only those that were under way before then.")
                },
                Parameter {
                    schema: json!({ "type": "integer", "minimum": 0, "default": 50 }),
                    ..Parameter::text("limit", "At most so many; more than 500 counts as 500.", "20")
                },
            ])
            .reads_the_ledger(),
        Route::shows("/api/turns/{id}", "showTurn", "Everything about one turn.", api::turn)
            .takes([turn()])
            .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchTurn])
            .refuses(StatusCode::BAD_REQUEST, &[Code::NoSuchTurn])
            .reads_the_ledger(),
        Route::does(
            "/api/turns/{id}/resume",
            "resumeTurn",
            "A turn that is parked or held goes on at the next tick.",
            api::resume,
        )
        .takes([turn()])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchTurn])
        .refuses(StatusCode::BAD_REQUEST, &[Code::NoSuchTurn])
        .refuses(StatusCode::CONFLICT, &[Code::NothingKeepsIt])
        .reads_the_ledger(),
        Route::shows(
            "/api/costs",
            "costs",
            "What turns cost, and what of today's budget is taken.",
            costs::costs,
        )
        .takes([
            Parameter::one_of("by", "What is told apart.", "persona", &CostsBy::ALL.map(|(name, _)| name)),
            since("Only turns that began since then."),
        ])
        .reads_the_ledger(),
        Route::text(
            "/events",
            "events",
            "What happens, as server-sent events (docs/reference/events.md). The header Last-Event-ID goes before `since`.",
            &["text/event-stream"],
            live::events,
        )
        .takes([
            Parameter::text("kind", "Only events of these kinds, with commas between them.", "turn-ended"),
            Parameter::text("persona", "Only those about this persona, by address.", "persona.anna@mana.test"),
            Parameter::text("since", "From where on: the number of an event, or since when.", "24h"),
            Parameter {
                schema: json!({ "type": "boolean", "default": true }),
                ..Parameter::text("follow", "Whether to wait for what is to come.", "false")
            },
        ])
        .refuses(StatusCode::SERVICE_UNAVAILABLE, &[Code::TooManyReaders])
        .reads_the_ledger(),
    ]
}

fn of_experiments() -> Vec<Route> {
    vec![
        Route::shows(
            "/api/compare",
            "compareTurns",
            "Two turns side by side, and where they differ; `persona-host turns diff` shows it.",
            compare::compare,
        )
        .takes([
            Parameter::needed("a", "The id of a turn, or its beginning.", "01a2"),
            Parameter::needed("b", "The id of another.", "02b3"),
        ])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchTurn])
        .refuses(StatusCode::BAD_REQUEST, &[Code::NoSuchTurn])
        .reads_the_ledger(),
        Route::shows(
            "/api/experiments",
            "listExperiments",
            "Every experiment that has begun: how far it is, its verdicts, and whether to believe them.",
            experiments::list,
        )
        .reads_the_ledger(),
        Route::shows(
            "/api/experiments/{key}",
            "showExperiment",
            "All that an experiment has found; `persona-host experiment report` shows it.",
            experiments::one,
        )
        .takes([Parameter::in_path("key", "The key of an experiment.", "tone")])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchExperiment])
        .refuses(StatusCode::CONFLICT, &[Code::NotComparable])
        .reads_the_ledger(),
    ]
}

fn of_personas() -> Vec<Route> {
    vec![
        Route::shows(
            "/api/status",
            "status",
            "What one screen tells: `persona-host status` shows it.",
            status::status,
        )
        .reads_the_ledger(),
        Route::shows(
            "/api/personas",
            "listPersonas",
            "Who has a turn that is not over, or is paused; or everybody who is known.",
            personas::list,
        )
        .takes([Parameter::truth(
            "all",
            "Everybody who is known, as on the page Personas: how often each plays, when next, how it stands, its latest turns and ratings.",
        )])
        .reads_the_ledger(),
        Route::does(
            "/api/personas/{email}/release",
            "releasePersona",
            "Lifts what keeps a persona back: it plays at the next tick at which it is due.",
            personas::release,
        )
        .takes([Parameter::in_path("email", "The address of a persona.", "persona.anna@mana.test")])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchPersona])
        .reads_the_ledger(),
        Route::shows("/api/pause", "showPause", "Who is paused: since when, by whom, and why.", brakes::show),
        Route::does(
            "/api/pause",
            "pause",
            "No turn is begun any more, of anybody or of one persona.",
            brakes::pause,
        )
        .takes([
            whose(),
            Parameter::truth("now", "Those that run make no further call."),
            Parameter::text("reason", "Why, for whoever looks.", "the app is being mended"),
            Parameter::truth("anyway", "Pause an address that nobody is known by."),
        ])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchPersona])
        .refuses(StatusCode::CONFLICT, &[Code::NoSuchPersona])
        .reads_the_ledger(),
        Route::does(
            "/api/resume",
            "resume",
            "Turns are begun again, and those that were stopped go on.",
            brakes::resume,
        )
        .takes([whose()])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchPersona])
        .refuses(StatusCode::CONFLICT, &[Code::NoSuchPersona])
        .reads_the_ledger(),
    ]
}

fn of_plugins() -> Vec<Route> {
    const REFUSED: [Code; 10] = [
        Code::RefusedRead,
        Code::RefusedTrust,
        Code::RefusedContract,
        Code::RefusedCompile,
        Code::RefusedLink,
        Code::RefusedDescribe,
        Code::RefusedSettings,
        Code::RefusedSelfTest,
        Code::RefusedReplay,
        Code::RefusedCanary,
    ];
    let changed = |route: Route| {
        route
            .takes([plugin()])
            .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchPlugin])
            .refuses(StatusCode::UNPROCESSABLE_ENTITY, &REFUSED)
            .refuses(StatusCode::SERVICE_UNAVAILABLE, &[Code::Stopping])
    };
    vec![
        Route::shows(
            "/api/plugins",
            "listPlugins",
            "Every plugin with its builds, newest first.",
            plugins::list,
        ),
        Route::shows(
            "/api/plugins/{name}/logs",
            "pluginLogs",
            "The last lines that a plugin logged.",
            plugins::logs,
        )
        .takes([plugin()])
        .refuses(StatusCode::NOT_FOUND, &[Code::NoSuchPlugin]),
        changed(Route::does(
            "/api/plugins/{name}/reload",
            "reloadPlugin",
            "Loads the build that is in the folder now, also one that was refused or rolled back before.",
            plugins::reload,
        )),
        changed(Route::does(
            "/api/plugins/{name}/rollback",
            "rollBackPlugin",
            "Goes back to the last good build before the one that serves.",
            plugins::rollback,
        ))
        .refuses(StatusCode::CONFLICT, &[Code::NoEarlierBuild]),
        Route::shows(
            "/api/strategies",
            "listStrategies",
            "Each strategy with the generation that serves it now, and who is routed to it.",
            api::strategies,
        ),
    ]
}

impl Parameter {
    fn text(name: &'static str, means: &'static str, example: &'static str) -> Self {
        let schema = json!({ "type": "string", "minLength": 1 });
        Self { name, means, example, schema, is_in_path: false, is_needed: false }
    }

    fn needed(name: &'static str, means: &'static str, example: &'static str) -> Self {
        Self { is_needed: true, ..Self::text(name, means, example) }
    }

    fn in_path(name: &'static str, means: &'static str, example: &'static str) -> Self {
        Self { is_in_path: true, ..Self::needed(name, means, example) }
    }

    fn truth(name: &'static str, means: &'static str) -> Self {
        let schema = json!({ "type": "boolean", "default": false });
        Self { schema, ..Self::text(name, means, "true") }
    }

    fn one_of(name: &'static str, means: &'static str, example: &'static str, words: &[&str]) -> Self {
        Self { schema: json!({ "type": "string", "enum": words }), ..Self::text(name, means, example) }
    }

    /// The example as a value of the body.
    pub(super) fn value(&self) -> Value {
        match self.schema["type"].as_str() {
            Some("string") => self.example.into(),
            _ => serde_json::from_str(self.example).unwrap_or_default(),
        }
    }
}

fn since(means: &'static str) -> Parameter {
    Parameter {
        schema: json!({
            "type": "string",
            "description": "A time ago such as 24h or 7d, a day (UTC) such as 2026-11-29, or an instant as in RFC 3339.",
        }),
        ..Parameter::text("since", means, "24h")
    }
}

fn turn() -> Parameter {
    Parameter::in_path("id", "The id of a turn, or its beginning.", "01a2")
}

fn plugin() -> Parameter {
    Parameter::in_path("name", "The name of a plugin.", "daily")
}

fn whose() -> Parameter {
    Parameter::text(
        "persona",
        "The address of a persona, or the beginning of one; everybody without it.",
        "persona.anna@mana.test",
    )
}
