//! Stage `tools`: a session with the MCP server, and what it offers.

use super::deps::Deps;
use super::faults;
use super::values::{Assigned, Equipped, Placed};
use super::visit::Visit;
use crate::mcp::{LeftOut, Offer};
use domain::behavior::Problem;
use domain::fault::Stage;
use domain::tool::Tool;
use domain::turn_end::TurnEnd;

/// So much is written down of tools in one turn; the log has all of it, once.
const MOST_TOLD: usize = 50;

/// A session for a turn that goes on with the tools that it was begun with: the model is not told of others in the
/// middle of a conversation.
pub(super) async fn reopen(placed: Placed, tools: Vec<Tool>, deps: &Deps) -> Result<Equipped, TurnEnd> {
    let Placed { turn, account, space } = placed;
    let refused = |error| faults::mcp(Stage::Tools, &error);
    let session = deps.heard(deps.mcp.open(&account.jwt, &space.id).await).map_err(refused)?;
    let tools = allowed(&turn, tools);
    Ok(Equipped { turn, visit: Visit::begin(account, space, session), tools })
}

pub(super) async fn open(placed: Placed, deps: &Deps) -> Result<Equipped, TurnEnd> {
    let Placed { turn, account, space } = placed;
    let refused = |error| faults::mcp(Stage::Tools, &error);
    let session = deps.heard(deps.mcp.open(&account.jwt, &space.id).await).map_err(refused)?;
    let Offer { tools, left_out } = deps.heard(session.tools().await).map_err(refused)?;
    let problem =
        |LeftOut { tool, why }| Problem::warning(Some(tool), format!("the tool is not offered: {why}"));
    let lost = |error| faults::ledger(Stage::Tools, &error);
    let (tools, changes) = deps
        .tool_pins
        .hold(deps.mcp.url(), tools, &deps.settings.tool_policy, &deps.ledger)
        .await
        .map_err(lost)?;
    let problems: Vec<Problem> =
        changes.into_iter().chain(left_out.into_iter().map(problem)).take(MOST_TOLD).collect();
    deps.ledger.keep_problems(turn.turn, Stage::Tools, &problems).await.map_err(lost)?;
    let tools = allowed(&turn, tools);
    Ok(Equipped { turn, visit: Visit::begin(account, space, session), tools })
}

/// Those that the strategy lets its turns have. Neither plugin nor model hears of the others.
fn allowed(turn: &Assigned, mut tools: Vec<Tool>) -> Vec<Tool> {
    tools.retain(|tool| turn.strategy.tools.allows(&tool.name));
    tools
}
