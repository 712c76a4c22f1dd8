//! What plugins were given: kept at each turn, and read again to replay it.

use super::database::{Connection, Row, sql};
use super::recorded::actions_of;
use super::row::{json, json_text, readable, said};
use super::summary::ratings_of;
use super::{Ledger, LedgerError};
use domain::action::modules_used;
use domain::behavior::{OfferedTool, TurnContext, TurnOutcome};
use domain::ids::{Sha256Hex, StrategyName, TurnId};
use domain::kept_turn::{KeptTurn, Question};
use domain::persona::Persona;
use domain::rating::Rating;
use domain::tool::{Tool, is_marker};

const READ: &str = "read what plugins were given";

/// By what a list of tools is known.
#[must_use]
pub fn tools_digest(tools: &[OfferedTool]) -> Sha256Hex {
    Sha256Hex::of(json_text(&tools).as_bytes())
}

impl Ledger {
    /// Keeps what the plugin of a turn is given, and the tools as the model is told of them. An attempt that begins anew
    /// takes the place of an earlier one. It is written with the next write, or in a moment.
    pub fn keep_context(&self, turn: TurnId, persona: &Persona, context: &TurnContext, definitions: &[Tool]) {
        let digest = tools_digest(&context.tools);
        let tools = json_text(&context.tools);
        let definitions = json_text(&definitions);
        let defined = Sha256Hex::of(definitions.as_bytes());
        let context = TurnContext { tools: Vec::new(), ..context.clone() };
        let lists = "INSERT INTO tool_lists (sha256, tools) VALUES (?, ?) ON CONFLICT DO NOTHING";
        let defined_lists =
            "INSERT INTO tool_definitions (sha256, tools) VALUES (?, ?) ON CONFLICT DO NOTHING";
        let contexts =
            "INSERT INTO contexts (turn, persona, context, tools, definitions) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (turn) DO UPDATE
             SET persona = excluded.persona, context = excluded.context, tools = excluded.tools,
                 definitions = excluded.definitions";
        let kept = sql(contexts).bind(turn).bind(json_text(persona)).bind(json_text(&context));
        self.writer.put_off(
            turn,
            vec![
                sql(lists).bind(digest.as_str()).bind(tools),
                sql(defined_lists).bind(defined.as_str()).bind(definitions),
                kept.bind(digest.as_str()).bind(defined.as_str()),
            ],
        );
    }

    /// The newest turns that ended well under one of these strategies, newest first, with everything
    /// that their plugin was given.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn kept_turns(
        &self,
        strategies: &[StrategyName],
        most: u32,
    ) -> Result<Vec<KeptTurn>, LedgerError> {
        let marks = vec!["?"; strategies.len()].join(", ");
        let asked = sql(format!(
            "SELECT turns.id, turns.strategy, turns.plugin_sha256, turns.stop_reason, turns.final_text,
                 contexts.persona, contexts.context, tool_lists.tools,
                 (SELECT coalesce(nullif(result, 'null'), intent) FROM steps WHERE turn = turns.id
                    AND key = 'main/opening' ORDER BY result IS NULL, seq DESC LIMIT 1) AS asked,
                 (SELECT coalesce(nullif(result, 'null'), intent) FROM steps WHERE turn = turns.id
                    AND key = 'rating/opening' ORDER BY result IS NULL, seq DESC LIMIT 1) AS rating_asked,
                 (SELECT result FROM steps WHERE turn = turns.id
                    AND result IS NOT NULL AND key = 'rating/01' ORDER BY seq DESC LIMIT 1) AS reply
             FROM turns JOIN contexts ON contexts.turn = turns.id
                 JOIN tool_lists ON tool_lists.sha256 = contexts.tools
             WHERE turns.strategy IN ({marks}) AND turns.state IN ('completed', 'idle')
                 AND turns.pruned_at IS NULL
             ORDER BY turns.started_at DESC, turns.id LIMIT ?"
        ));
        let asked = asked.bind_all(strategies.iter().map(StrategyName::as_str)).bind(most);
        let turns = self.read(READ, move |connection| {
            let rows = connection.rows(asked.clone())?;
            Ok(rows.iter().map(|row| kept_turn(connection, row)).collect::<Vec<_>>())
        });
        readable(READ, turns.await?)
    }
}

fn kept_turn(connection: &mut Connection<'_>, row: &Row) -> Result<KeptTurn, LedgerError> {
    let text = |column: &'static str| row.get::<Option<String>>(column);
    let required = |column: &'static str| row.get::<String>(column);
    let question = |column: &'static str| -> Result<Option<Question>, LedgerError> {
        text(column)?.map(|intent| json(column, &intent)).transpose()
    };
    let turn = required("id")?;
    let mut context: TurnContext = json("context", &required("context")?)?;
    context.tools = json::<Vec<OfferedTool>>("tools", &required("tools")?)?;
    let mut ratings: Vec<Rating> = ratings_of(connection, &turn)?;
    ratings.retain(|rating| !is_marker(&rating.module));
    let sha256: Sha256Hex = json("plugin_sha256", &json_text(&required("plugin_sha256")?))?;
    let outcome = match text("stop_reason")? {
        None => None,
        Some(stop_reason) => {
            let (actions, unreadable) = actions_of(connection, &turn)?;
            if let Some(value) = unreadable.into_iter().next() {
                return Err(LedgerError::Row { column: "actions", value });
            }
            let modules_used = modules_used(&actions);
            Some(TurnOutcome { actions, modules_used, final_text: text("final_text")?, stop_reason })
        }
    };
    Ok(KeptTurn {
        strategy: StrategyName::new(required("strategy")?),
        plugin_sha256: sha256,
        persona: json("persona", &required("persona")?)?,
        context,
        asked: question("asked")?,
        outcome,
        rating_asked: question("rating_asked")?,
        // What is no JSON was damaged, and says nothing.
        reply: text("reply")?.and_then(|result| said(&result)),
        ratings,
        turn,
    })
}
