//! `plugin call`: one function, as a turn would call it.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::ask::{Cost, no};
use super::component::{self, strategy};
use super::given::{self, Given};
use super::page::Page;
use crate::behavior::{CallError, Called};
use crate::cli::args::{Call, Function};
use crate::cli::output::{FAINT, ODD, Output, styled, text_width};
use crate::cli::text::{grouped, set, size};
use crate::cli::{Exit, Failure};
use crate::workshop::{Answers, snapshot};
use domain::behavior::{Descriptor, Severity};
use domain::code::Code;

/// Calls a function, and prints its answer. What it cost goes to standard error. Ends with
/// [`Exit::BadInput`] when the settings that it was asked about are refused.
///
/// # Errors
/// When the component is refused, what was given cannot be used, or the plugin says no.
pub async fn call(args: &Call, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let given = Given {
        persona: args.persona.as_deref(),
        context: args.context.as_deref(),
        outcome: args.outcome.as_deref(),
        reply: args.reply.as_deref(),
    };
    let sample = given.sample()?;
    let settings = given::settings(args.settings.as_deref())?;
    let source = component::read(&args.file)?;
    let strategy = strategy(&source.plugin, settings);
    let generation = component::loaded(&args.file, &source, file).await?;
    let (who, ctx, outcome) = (&sample.persona, &sample.context, &sample.outcome);
    let none = Answers::default();
    match args.function {
        Function::Describe => {
            let descriptor = generation.descriptor();
            output
                .print(&json!({ "function": "describe", "result": descriptor }), || described(descriptor))?;
        }
        Function::CheckSettings => {
            let called = generation.check_settings(&strategy).await;
            let problems = called.result.iter().flatten();
            let refused =
                problems.map(|problem| problem.severity).any(|severity| severity == Severity::Error);
            show(called, output, |problems| Answers { settings: Some(Ok(problems)), ..none })?;
            if refused {
                let message = "the settings are refused";
                return Err(Failure::new(Exit::BadInput, Code::SettingsRefused, message).told());
            }
        }
        Function::ComposeTurn => {
            let called = generation.compose_turn(&strategy, who, ctx).await;
            show(called, output, |request| Answers { turn: Some(Ok(request)), ..none })?;
        }
        Function::ComposeRating => {
            let called = generation.compose_rating(&strategy, who, ctx, outcome).await;
            show(called, output, |request| Answers { rating: Some(Ok(request)), ..none })?;
        }
        Function::ParseRating => {
            let called = generation.parse_rating(&strategy, who, ctx, outcome, &sample.reply).await;
            show(called, output, |report| Answers { report: Some(Ok(report)), ..none })?;
        }
    }
    Ok(())
}

fn described(descriptor: &Descriptor) -> String {
    let mut page = Page::default();
    page.heading(&format!("{} {}", descriptor.name, descriptor.version));
    page.fact("summary", &descriptor.summary);
    let schema =
        descriptor.settings_schema.as_ref().map_or("none".to_owned(), |schema| format!("{schema:#}"));
    page.fact("settings", &schema);
    page.into_text()
}

fn show<T: Serialize + Clone>(
    called: Called<T>,
    output: Output,
    into_answers: impl FnOnce(T) -> Answers,
) -> Result<(), Failure> {
    let cost = Cost::of(&called);
    say(&cost, output);
    let answer = called.result.map_err(|error| refused(cost.function, &error))?;
    let document = json!({ "function": cost.function, "result": answer, "call": cost });
    output.print(&document, || {
        let answers = Answers { put_right: called.problems, ..into_answers(answer) };
        let text = snapshot(&answers);
        if text.trim().is_empty() { "no problem\n".to_owned() } else { set("", 0, &text, text_width()) }
    })
}

/// What the call cost, and what the plugin logged.
fn say(cost: &Cost, output: Output) {
    if cost.log_dropped > 0 {
        output.say(&styled(ODD, format!("{} log lines before these were dropped", cost.log_dropped)));
    }
    for line in &cost.log {
        let label = styled(FAINT, format!("{:<6}", line.level.name()));
        output.say(set(&label, 6, &line.message, text_width()).trim_end());
    }
    let milliseconds = cost.took.as_secs_f64() * 1000.0;
    let (fuel, memory) = (grouped(cost.fuel), size(cost.memory));
    let line = format!("{}: {fuel} fuel, {milliseconds:.2} ms, {memory}", cost.function);
    output.say(&styled(FAINT, line));
}

fn refused(function: &str, error: &CallError) -> Failure {
    let message = match error {
        CallError::Failed(_) => format!("{function} says {}: {}", no(error).kind, no(error).message),
        other => format!("{function}: {other}"),
    };
    Failure::new(Exit::No, error.fault_code(), message).hint(error.hint())
}
