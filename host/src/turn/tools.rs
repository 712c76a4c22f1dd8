//! Stage `tools`: a session with the MCP server, and what it offers.

use super::deps::Deps;
use super::faults;
use super::values::{Equipped, Placed};
use super::visit::Visit;
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
    let tools = session.tools().await.map_err(refused)?;
    Ok(Equipped { turn, visit: Visit::begin(account, space, session), tools })
}
