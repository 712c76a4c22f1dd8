//! Stage `ask-rating`: a fresh conversation without tools, in which the persona rates what it used.

use std::sync::Mutex;

use super::ask::Conversation;
use super::deps::Deps;
use super::values::{Acted, Answered, Kept};
use super::{faults, plugin};
use crate::engine::Intent;
use crate::mcp::Names;
use crate::model::{Message, MessageRequest, Offer};
use domain::fault::Stage;
use domain::step::StepKey;
use domain::transcript::{Opening, Phase};
use domain::turn_end::TurnEnd;
use domain::usage::NanoUsd;

pub(super) async fn ask(kept: Kept, deps: &Deps) -> Result<Answered, TurnEnd> {
    let opening = open(&kept.0, deps).await?;
    let Kept(Acted { turn, context, outcome }) = kept;
    let names = Names::for_tools(&[]);
    let conversation = Conversation {
        turn: &turn,
        phase: Phase::Rating,
        stage: Stage::AskRating,
        names: &names,
        kept_back: NanoUsd(0),
        last: Mutex::default(),
    };
    let request = MessageRequest {
        model: turn.model.clone(),
        system: opening.system,
        tools: Offer::default(),
        messages: vec![Message::user(opening.user)],
        max_tokens: deps.settings.max_tokens,
        reply_schema: opening.reply_schema.filter(|_| deps.settings.structured_ratings),
    };
    let reply = conversation.ask(1, &request, deps).await?.text();
    Ok(Answered { turn, context, outcome, reply })
}

/// The question, as the plugin composes it.
async fn open(day: &Acted, deps: &Deps) -> Result<Opening, TurnEnd> {
    let Acted { turn, context, outcome } = day;
    let compose = |_| async move {
        let called = turn.generation.compose_rating(&turn.strategy, &turn.persona, context, outcome).await;
        let question = plugin::record(turn, Stage::AskRating, called, deps).await?;
        let question = question.map_err(|error| faults::plugin(Stage::AskRating, &error))?;
        Ok::<_, TurnEnd>(Opening {
            system: question.system,
            user: question.user,
            tools: Vec::new(),
            max_rounds: None,
            max_tokens: Some(deps.settings.max_tokens),
            reply_schema: question.reply_schema,
        })
    };
    let opened = turn.steps.once(&StepKey::opening(Phase::Rating), Intent::None, compose).await;
    Ok(opened.map_err(|error| faults::steps(Stage::AskRating, &error))??.value)
}
