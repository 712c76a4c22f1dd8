//! What plugins were given: kept at each turn, and read again to replay it.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::row::{json, json_text, readable};
use super::statement::Statement;
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
        self.writer.put_off(
            turn,
            Statement::new(
                "INSERT INTO tool_lists (sha256, tools) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [digest.as_str().into(), tools.into()],
            ),
        );
        self.writer.put_off(
            turn,
            Statement::new(
                "INSERT INTO tool_definitions (sha256, tools) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [defined.as_str().into(), definitions.into()],
            ),
        );
        self.writer.put_off(
            turn,
            Statement::new(
                "INSERT INTO contexts (turn, persona, context, tools, definitions) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (turn) DO UPDATE
             SET persona = excluded.persona, context = excluded.context, tools = excluded.tools,
                 definitions = excluded.definitions",
                [
                    turn.to_string().into(),
                    json_text(persona).into(),
                    json_text(&context).into(),
                    digest.as_str().into(),
                    defined.as_str().into(),
                ],
            ),
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
        let sql = format!(
            "SELECT turns.id, turns.strategy, turns.plugin_sha256, turns.stop_reason, turns.final_text,
                 contexts.persona, contexts.context, tool_lists.tools,
                 (SELECT coalesce(nullif(result, 'null'), intent) FROM steps WHERE turn = turns.id
                    AND key = 'main/opening' ORDER BY result IS NULL, seq DESC LIMIT 1) AS asked,
                 (SELECT coalesce(nullif(result, 'null'), intent) FROM steps WHERE turn = turns.id
                    AND key = 'rating/opening' ORDER BY result IS NULL, seq DESC LIMIT 1) AS rating_asked,
                 (SELECT CASE WHEN json_valid(result) THEN result ->> '$.text' END FROM steps WHERE turn = turns.id
                    AND result IS NOT NULL AND key = 'rating/01' ORDER BY seq DESC LIMIT 1) AS reply,
                 (SELECT json_group_array(json_object('module', module, 'score', score, 'notes', notes))
                    FROM (SELECT * FROM ratings WHERE turn = turns.id ORDER BY rowid)) AS ratings
             FROM turns JOIN contexts ON contexts.turn = turns.id
                 JOIN tool_lists ON tool_lists.sha256 = contexts.tools
             WHERE turns.strategy IN ({marks}) AND turns.state IN ('completed', 'idle')
             ORDER BY turns.started_at DESC, turns.id LIMIT ?"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for strategy in strategies {
            query = query.bind(strategy.as_str());
        }
        let rows = query.bind(i64::from(most)).fetch_all(&self.readers).await;
        let mut turns = Vec::new();
        for row in rows.map_err(LedgerError::doing(READ))? {
            turns.push(self.kept_turn(&row).await);
        }
        readable(READ, turns)
    }

    async fn kept_turn(&self, row: &SqliteRow) -> Result<KeptTurn, LedgerError> {
        let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(LedgerError::doing(READ));
        let required =
            |column: &'static str| text(column)?.ok_or(LedgerError::Row { column, value: "null".to_owned() });
        let question = |column: &'static str| -> Result<Option<Question>, LedgerError> {
            text(column)?.map(|intent| json(column, &intent)).transpose()
        };
        let turn = required("id")?;
        let mut context: TurnContext = json("context", &required("context")?)?;
        context.tools = json::<Vec<OfferedTool>>("tools", &required("tools")?)?;
        let mut ratings: Vec<Rating> = json("ratings", &required("ratings")?)?;
        ratings.retain(|rating| !is_marker(&rating.module));
        let sha256: Sha256Hex = json("plugin_sha256", &json_text(&required("plugin_sha256")?))?;
        let outcome = match text("stop_reason")? {
            None => None,
            Some(stop_reason) => {
                let (actions, unreadable) = self.actions_of(&turn).await?;
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
            reply: text("reply")?,
            ratings,
            turn,
        })
    }
}
