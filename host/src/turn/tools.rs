//! Stage `tools`: a session with the MCP server, and what it offers.

use super::deps::Deps;
use super::faults;
use super::values::{Equipped, Placed};
use super::visit::Visit;
use crate::mcp::{LeftOut, Offer};
use domain::behavior::Problem;
use domain::event::TurnEnd;
use domain::fault::Stage;
use domain::tool::Tool;

/// A session for a turn that goes on with the tools that it was begun with: the model is not told of others in the
/// middle of a conversation.
pub(super) async fn reopen(placed: Placed, tools: Vec<Tool>, deps: &Deps) -> Result<Equipped, TurnEnd> {
    let Placed { turn, account, space } = placed;
    let refused = |error| faults::mcp(Stage::Tools, &error);
    let session = deps.mcp.open(&account.jwt, &space.id).await.map_err(refused)?;
    Ok(Equipped { turn, visit: Visit::begin(account, space, session), tools })
}

pub(super) async fn open(placed: Placed, deps: &Deps) -> Result<Equipped, TurnEnd> {
    let Placed { turn, account, space } = placed;
    let refused = |error| faults::mcp(Stage::Tools, &error);
    let session = deps.mcp.open(&account.jwt, &space.id).await.map_err(refused)?;
    let Offer { tools, left_out } = session.tools().await.map_err(refused)?;
    let problem =
        |LeftOut { tool, why }| Problem::warning(Some(tool), format!("the tool is not offered: {why}"));
    let problems: Vec<Problem> = left_out.into_iter().map(problem).collect();
    let kept = deps.ledger.keep_problems(turn.turn, Stage::Tools, &problems).await;
    kept.map_err(|error| faults::ledger(Stage::Tools, &error))?;
    Ok(Equipped { turn, visit: Visit::begin(account, space, session), tools })
}
