//! Goes through a turn of the past: by the rules of a turn that is played, with the kept answers instead of neighbours.

use std::sync::Arc;

use super::course::{Asked, Course, Fate, Field, No, Parting, Place, Rated, Why};
use super::past::{NotKept, Past};
use crate::behavior::Generation;
use crate::mcp::Names;
use crate::model::{ToolResult, ToolUse};
use crate::turn::compose;
use crate::turn::day::{Day, Next, Rules, callable, offered};
use domain::behavior::{RatingRequest, TurnContext, TurnOutcome};
use domain::call::Called;
use domain::stop;
use domain::strategy::Strategy;
use domain::tool::{Tool, is_marker};
use domain::transcript::{Opening, Phase};

/// By what it is played today.
#[derive(Debug)]
pub struct Cast {
    /// The strategy.
    pub strategy: Arc<Strategy>,
    /// The build of its plugin.
    pub generation: Arc<Generation>,
    /// The model that would be asked.
    pub model: String,
    /// The most tokens of one reply.
    pub max_tokens: u32,
    /// The most rounds, whatever the plugin asks for.
    pub max_rounds: u32,
    /// Replies with ratings are held to a schema.
    pub structured_ratings: bool,
}

/// Goes through it as far as it goes.
///
/// # Errors
/// When a kept step cannot be read.
pub async fn play(past: &Past, cast: &Cast) -> Result<Course, NotKept> {
    let mut tools = past.begun.tools.clone();
    tools.retain(|tool| cast.strategy.tools.allows(&tool.name));
    let mut context = past.begun.context.clone();
    context.tools.retain(|tool| cast.strategy.tools.allows(&tool.name));
    let mut course = Course::default();
    let called = cast.generation.compose_turn(&cast.strategy, &past.begun.persona, &context).await;
    course.parting = match called.result {
        Err(error) => Some(parting(Place::Opening, Why::NoQuestion { no: error.into() })),
        Ok(request) => {
            let opening = compose::opening(request, &tools, cast.max_tokens);
            let fields = cast.differences(&past.opening, &opening, &past.begun.pin.model);
            match fields.is_empty() {
                true => spend(past, cast, &opening, tools, &mut course)?,
                false => Some(parting(Place::Opening, Why::Request { fields })),
            }
        }
    };
    course.rating = rate(past, cast, &context, course.parting.is_some()).await;
    if let (None, Some(rated)) = (&course.parting, &course.rating) {
        course.parting = rated.asked.why().map(|why| parting(Place::RatingQuestion, why));
    }
    Ok(course)
}

/// The day, from one kept reply to the next. Gives where it parts.
fn spend(
    past: &Past,
    cast: &Cast,
    opening: &Opening,
    tools: Vec<Tool>,
    course: &mut Course,
) -> Result<Option<Parting>, NotKept> {
    let names = Names::for_tools(&tools);
    let offered = offered(tools, opening);
    let rules = Rules {
        strategy: &cast.strategy,
        model: &cast.model,
        max_tokens: cast.max_tokens,
        max_rounds: cast.max_rounds,
    };
    let mut day = Day::begin(opening, &names, &offered, &rules);
    let mut next = day.go_on();
    loop {
        let round = day.round();
        next = match next {
            Next::Over => return Ok(over(past, day)),
            Next::Ask => match past.said(Phase::Main, round)? {
                Some(said) => {
                    if let Some(fields) = conversation(past, &day) {
                        return Ok(Some(in_round(round, Why::Request { fields })));
                    }
                    course.rounds += 1;
                    day.hear(&said)
                }
                None => return Ok(unanswered(past, round, course)),
            },
            Next::Call(calls) => match answer(past, &mut day, &calls, course)? {
                Answered::All(results) => day.answer(results),
                Answered::Otherwise(why) => return Ok(Some(in_round(round, why))),
                Answered::NoMore => return Ok(None),
            },
        };
    }
}

/// The day is over; then it may have gone on.
fn over(past: &Past, day: Day<'_>) -> Option<Parting> {
    let round = day.round();
    past.messages(round + 1)?;
    let reason = day.end(None).stop_reason;
    let because = stop::unusual(&reason).unwrap_or("the model was done").to_owned();
    Some(in_round(round, Why::Over { because }))
}

/// Claude would be asked, and no reply is kept.
fn unanswered(past: &Past, round: u32, course: &mut Course) -> Option<Parting> {
    match &past.begun.day {
        // There was no more money: that says nothing about who asks.
        Some(day) if day.stop_reason == stop::BUDGET_EXHAUSTED => None,
        Some(_) => Some(in_round(round, Why::GoesOn { because: past.ended() })),
        None => {
            course.breaks_off = Some(past.ended());
            None
        }
    }
}

/// A conversation of another length is another one: an older version may have told the model more, or less.
fn conversation(past: &Past, day: &Day<'_>) -> Option<Vec<Field>> {
    let (then, now) = (past.messages(day.round())?, day.message().messages.len());
    Field::of("messages", then, now).map(|field| vec![field])
}

enum Answered {
    All(Vec<ToolResult>),
    Otherwise(Why),
    /// The kept turn ended before all calls were answered.
    NoMore,
}

/// Answers the calls of a reply as they were answered, as long as they would be made, or refused, as they were.
fn answer(
    past: &Past,
    day: &mut Day<'_>,
    calls: &[ToolUse],
    course: &mut Course,
) -> Result<Answered, NotKept> {
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        let at = day.take_up(call);
        let Some(kept) = past.called(day.round(), at)? else {
            course.breaks_off = Some(past.ended());
            return Ok(Answered::NoMore);
        };
        let (then, now) = (fate(&kept), callable(call, day.granted(at, call)));
        let now = now.map_or_else(|told| Fate::Refused { told }, |_| Fate::Made);
        let mut action = day.actions()[at].clone();
        if then != now {
            return Ok(Answered::Otherwise(Why::Call { tool: action.tool, input: action.input, then, now }));
        }
        course.calls += 1;
        let (text, is_error) = (kept.answer.text.clone(), kept.answer.is_error);
        results.push(ToolResult { tool_use_id: call.id.clone(), text, is_error });
        action.latency_ms = kept.latency_ms;
        (action.status, action.error) = kept.status();
        day.settle(at, action);
    }
    Ok(Answered::All(results))
}

/// What became of a kept call. One that was not made took no time.
fn fate(kept: &Called) -> Fate {
    let is_refused = kept.answer.is_error && !kept.unknown && kept.latency_ms.is_none();
    if is_refused { Fate::Refused { told: kept.answer.text.clone() } } else { Fate::Made }
}

/// The rating phase of the kept day; nothing if nothing was used in it.
async fn rate(past: &Past, cast: &Cast, context: &TurnContext, parted: bool) -> Option<Rated> {
    let outcome = past.begun.day.as_ref().filter(|day| !day.modules_used.is_empty())?;
    let (strategy, persona) = (&cast.strategy, &past.begun.persona);
    let composed = cast.generation.compose_rating(strategy, persona, context, outcome).await;
    let asked = match (composed.result, &past.rating) {
        (Err(error), _) => Asked::NoQuestion { no: error.into() },
        (Ok(_), None) => Asked::New,
        (Ok(request), Some(then)) => {
            let now = question(request, cast);
            let then = Opening {
                reply_schema: then.reply_schema.clone().filter(|_| cast.structured_ratings),
                ..then.clone()
            };
            let fields = cast.differences(&then, &now, &past.begun.pin.model);
            if fields.is_empty() { Asked::Same } else { Asked::Other { fields } }
        }
    };
    let (now, problems) = read(past, cast, context, outcome).await;
    let then = past.recorded.summary.ratings.iter().filter(|rating| !is_marker(&rating.module));
    Some(Rated {
        takes_the_day_for_granted: parted,
        asked,
        then: then.cloned().collect(),
        then_failed: past.failed(),
        now,
        problems,
    })
}

/// What is read in the kept reply.
async fn read(
    past: &Past,
    cast: &Cast,
    context: &TurnContext,
    outcome: &TurnOutcome,
) -> (Option<Result<Vec<domain::rating::Rating>, No>>, Vec<domain::behavior::Problem>) {
    let Some(reply) = &past.reply else { return (None, Vec::new()) };
    let (strategy, persona) = (&cast.strategy, &past.begun.persona);
    let parsed = cast.generation.parse_rating(strategy, persona, context, outcome, reply).await;
    match parsed.result {
        Ok(report) => (Some(Ok(report.ratings)), [report.problems, parsed.problems].concat()),
        Err(error) => (Some(Err(error.into())), Vec::new()),
    }
}

fn question(request: RatingRequest, cast: &Cast) -> Opening {
    Opening {
        system: request.system,
        user: request.user,
        max_tokens: Some(cast.max_tokens),
        reply_schema: request.reply_schema.filter(|_| cast.structured_ratings),
        ..Opening::default()
    }
}

impl Cast {
    /// In which points Claude would be asked otherwise.
    fn differences(&self, then: &Opening, now: &Opening, model: &str) -> Vec<Field> {
        let tools = |opening: &Opening| {
            let mut tools = opening.tools.clone();
            // Claude is told of them by name, whatever order they come in.
            tools.sort();
            tools.join("\n")
        };
        let schema = |opening: &Opening, is_alone: bool| match &opening.reply_schema {
            None => "none".to_owned(),
            Some(schema) if is_alone => schema.to_string(),
            Some(schema) => format!("{schema:#}"),
        };
        let is_alone = then.reply_schema.is_none() || now.reply_schema.is_none();
        let fields = [
            Field::of("system", &then.system, &now.system),
            Field::of("prompt", &then.user, &now.user),
            Field::of("tools", tools(then), tools(now)),
            Field::of("model", model, &self.model),
            // Older versions did not keep it.
            then.max_tokens.and_then(|then| Field::of("max tokens", then, self.max_tokens)),
            Field::of("reply schema", schema(then, is_alone), schema(now, is_alone)),
        ];
        fields.into_iter().flatten().collect()
    }
}

impl Asked {
    fn why(&self) -> Option<Why> {
        match self {
            Self::Same | Self::New => None,
            Self::Other { fields } => Some(Why::Request { fields: fields.clone() }),
            Self::NoQuestion { no } => Some(Why::NoQuestion { no: no.clone() }),
        }
    }
}

fn parting(at: Place, why: Why) -> Parting {
    Parting { at, round: None, why }
}

fn in_round(round: u32, why: Why) -> Parting {
    Parting { at: Place::Round, round: Some(round), why }
}
