//! Stage `ask-rating`: a fresh conversation without tools, in which the persona rates what it used.

use std::sync::Arc;

use super::ask::Conversation;
use super::deps::Deps;
use super::values::{Acted, Answered, Kept};
use super::{faults, plugin};
use crate::mcp::Names;
use crate::model::{Message, MessageRequest};
use domain::event::TurnEnd;
use domain::fault::Stage;
use domain::transcript::{Opening, Phase};

pub(super) async fn ask(kept: Kept, deps: &Deps) -> Result<Answered, TurnEnd> {
    let Kept(Acted { turn, context, outcome }) = kept;
    let called = turn.generation.compose_rating(&turn.strategy, &turn.persona, &context, &outcome).await;
    let question = plugin::record(&turn, Stage::AskRating, called, deps).await?;
    let question = question.map_err(|error| faults::plugin(Stage::AskRating, &error))?;

    let names = Names::for_tools(&[]);
    let conversation =
        Conversation { turn: &turn, phase: Phase::Rating, stage: Stage::AskRating, names: &names };
    let opening = Opening { system: question.system.clone(), user: question.user.clone(), tools: Vec::new() };
    conversation.open(&opening, deps).await?;
    let request = MessageRequest {
        model: turn.model.clone(),
        system: question.system,
        tools: Arc::from([]),
        messages: vec![Message::user(question.user)],
        max_tokens: deps.settings.max_tokens,
        reply_schema: question.reply_schema,
    };
    let reply = conversation.ask(1, &request, deps).await?.text();
    Ok(Answered { turn, context, outcome, reply })
}
