//! A plugin of the released contract 0.1.0, as somebody built it at that time: with wit-bindgen and a copy
//! of the contract, and without our SDK, which moves on.
//!
//! It is the recipe for an old build, and is never brought up to date: a host that still speaks 0.1 loads
//! it and gets these answers. It repeats what it is given, so that nothing can be lost on the way unseen.

// There is nobody to export to on another target.
#![cfg(target_family = "wasm")]

mod bindings {
    //! Generated from the frozen copy of the contract.

    wit_bindgen::generate!({ path: "wit", world: "plugin-with-self-test" });
}

use bindings::exports::persona::behavior::behavior::Guest as Behavior;
use bindings::exports::persona::behavior::self_test::Guest as SelfTest;
use bindings::persona::behavior::log;
use bindings::persona::behavior::types::{
    ActionStatus, Cadence, Descriptor, Failure, FailureKind, Json, Persona, Problem, Rating, RatingReport,
    RatingRequest, Severity, TurnContext, TurnOutcome, TurnRequest,
};

struct Relic;

bindings::export!(Relic with_types_in bindings);

impl Behavior for Relic {
    fn describe() -> Descriptor {
        Descriptor {
            name: "relic".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Built when 0.1.0 was released".to_owned(),
            settings_schema: Some(r#"{"type": "object"}"#.to_owned()),
            extras: vec![("age".to_owned(), "\"old\"".to_owned())],
        }
    }

    fn check_settings(settings: Json) -> Vec<Problem> {
        let problem = |severity, path: Option<&str>, message: &str| Problem {
            severity,
            path: path.map(str::to_owned),
            message: message.to_owned(),
        };
        let mut problems = vec![
            problem(Severity::Info, None, &format!("the settings are {settings}")),
            problem(Severity::Warning, Some("/taste"), "a matter of taste"),
        ];
        if settings != "{}" {
            problems.push(problem(Severity::Error, Some("/age"), "too old for this"));
        }
        problems
    }

    fn compose_turn(who: Persona, ctx: TurnContext, settings: Json) -> Result<TurnRequest, Failure> {
        let level = |word: &str| match word {
            "trace" => log::Level::Trace,
            "debug" => log::Level::Debug,
            "info" => log::Level::Info,
            "warn" => log::Level::Warn,
            _ => log::Level::Error,
        };
        for word in ["trace", "debug", "info", "warn", "error"] {
            log::write(level(word), &format!("a line of level {word}"));
        }
        let mut told = vec![
            format!("{} <{}>, {}, {}", who.id, who.email, who.archetype, cadence(who.cadence)),
            format!("turn {} at {} of {}", ctx.turn_id, ctx.now_ms, ctx.local_date),
            format!("last {:?}, seed {}, memory {:?}", ctx.last_active_ms, ctx.seed, ctx.memory),
            format!("settings {settings}"),
        ];
        told.extend(who.module_mix.iter().map(|mix| format!("mix {} {}", mix.module, mix.weight)));
        told.extend(
            ctx.tools
                .iter()
                .map(|tool| format!("tool {} of {}: {}", tool.name, tool.module, tool.description)),
        );
        Ok(TurnRequest {
            system: who.system_prompt,
            user: told.join("\n"),
            allowed_tools: Some(ctx.tools.into_iter().map(|tool| tool.name).take(2).collect()),
            max_rounds: Some(4),
            extras: vec![("not-known".to_owned(), "{}".to_owned())],
        })
    }

    fn compose_rating(
        who: Persona,
        _: TurnContext,
        outcome: TurnOutcome,
        _: Json,
    ) -> Result<RatingRequest, Failure> {
        let mut told = vec![
            format!("used {}", outcome.modules_used.join(", ")),
            format!("said {:?}, ended by {}", outcome.final_text, outcome.stop_reason),
        ];
        told.extend(outcome.actions.iter().map(|action| {
            let status = match action.status {
                ActionStatus::Ok => "ok",
                ActionStatus::Error => "error",
                ActionStatus::Unknown => "unknown",
            };
            let detail = action.detail.as_deref().unwrap_or("no detail");
            format!(
                "{} {} of {}, {}: {status}, {detail}",
                action.index, action.tool, action.module, action.input
            )
        }));
        Ok(RatingRequest {
            system: who.system_prompt,
            user: told.join("\n"),
            extras: vec![("reply-schema".to_owned(), r#"{"type": "object"}"#.to_owned())],
        })
    }

    fn parse_rating(
        _: Persona,
        _: TurnContext,
        outcome: TurnOutcome,
        reply: String,
        _: Json,
    ) -> Result<RatingReport, Failure> {
        let kind = match reply.as_str() {
            "settings" => FailureKind::Settings,
            "input" => FailureKind::Input,
            "output" => FailureKind::Output,
            "skip" => FailureKind::Skip,
            "internal" => FailureKind::Internal,
            _ => {
                let rating = |module| Rating { module, score: 3, notes: Some(reply.clone()) };
                return Ok(RatingReport {
                    ratings: outcome.modules_used.into_iter().map(rating).collect(),
                    problems: vec![Problem {
                        severity: Severity::Warning,
                        path: None,
                        message: "all alike".to_owned(),
                    }],
                    memory: Some(r#"{"days": 1}"#.to_owned()),
                    extras: Vec::new(),
                });
            }
        };
        Err(Failure {
            kind,
            code: Some("as-told".to_owned()),
            message: format!("the reply says {reply}"),
            detail: Some("[1]".to_owned()),
        })
    }
}

impl SelfTest for Relic {
    fn run() -> Vec<Problem> {
        Vec::new()
    }
}

fn cadence(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Hourly => "hourly",
        Cadence::Daily => "daily",
        Cadence::Weekdays => "weekdays",
    }
}
