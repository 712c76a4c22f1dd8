//! Everybody who has played, with the latest turns of each: what is asked for by whoever looks at all personas at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Connection, Row, sql};
use super::row::{instant, readable};
use super::standing::STATE;
use super::summary::rating;
use super::{Ledger, LedgerError};
use domain::rating::Rating;

const WHAT: &str = "read who has played";

/// The addresses of everybody who has had a turn, from one to the next through the index: how many turns there are does not
/// count.
pub(super) const ADDRESSES: &str = "WITH RECURSIVE hops(email) AS (SELECT min(email) FROM turns
        UNION ALL SELECT (SELECT min(turns.email) FROM turns WHERE turns.email > hops.email) FROM hops WHERE hops.email IS NOT NULL),
    addresses AS (SELECT email FROM hops WHERE email IS NOT NULL)";

/// A turn at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Glance {
    /// Its id.
    pub id: String,
    /// How it stands, one of [`domain::state::State::NAMES`].
    pub state: String,
    /// When it was begun last.
    pub started_at: DateTime<Utc>,
    /// When its latest attempt ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// It came to its end, which moves the persona's last activity.
    pub is_over: bool,
}

/// Somebody who has played.
#[derive(Clone, Debug, Default)]
pub struct Player {
    /// The latest turns, the newest first.
    pub turns: Vec<Glance>,
    /// What the latest turn with ratings rated.
    pub ratings: Vec<Rating>,
}

impl Ledger {
    /// Everybody who has played, by address, with the latest turns of each, at most so many.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn players(&self, most: u32) -> Result<BTreeMap<String, Player>, LedgerError> {
        self.read(WHAT, move |connection| {
            let mut players: BTreeMap<String, Player> = BTreeMap::new();
            let turns = connection.rows(sql(latest()).bind(most.saturating_sub(1)))?;
            for (email, glance) in readable(WHAT, turns.iter().map(glance))? {
                let player = players.entry(email).or_default();
                if player.turns.len() < usize::try_from(most).unwrap_or(usize::MAX) {
                    player.turns.push(glance);
                }
            }
            add_ratings(connection, &mut players)?;
            Ok(players)
        })
        .await
    }
}

fn latest() -> String {
    format!(
        "{ADDRESSES} SELECT turns.id AS id, turns.email AS email, {STATE} AS stands, turns.started_at AS started_at, turns.ended_at AS ended_at,
             CASE WHEN turns.state IN ('completed', 'idle') THEN 1 ELSE 0 END AS is_over
         FROM addresses CROSS JOIN turns WHERE turns.email = addresses.email AND turns.started_at >= coalesce(
             (SELECT own.started_at FROM turns AS own WHERE own.email = addresses.email
              ORDER BY own.started_at DESC LIMIT 1 OFFSET ?), 0)
         ORDER BY turns.email, turns.started_at DESC, turns.id"
    )
}

fn glance(row: &Row) -> Result<(String, Glance), LedgerError> {
    let started_at = instant("started_at", row.get("started_at")?)?;
    let ended_at = row.get::<Option<i64>>("ended_at")?.map(|at| instant("ended_at", at)).transpose()?;
    let (id, state, is_over) = (row.get("id")?, row.get("stands")?, row.get("is_over")?);
    Ok((row.get("email")?, Glance { id, state, started_at, ended_at, is_over }))
}

/// What each rated last, as far as it can be read.
fn add_ratings(
    connection: &mut Connection<'_>,
    players: &mut BTreeMap<String, Player>,
) -> Result<(), LedgerError> {
    let asked = sql(format!(
        "{ADDRESSES} SELECT addresses.email AS email, module, score, notes FROM addresses CROSS JOIN ratings
         WHERE ratings.turn = (SELECT turns.id FROM turns WHERE turns.email = addresses.email
             AND EXISTS (SELECT 1 FROM ratings AS own WHERE own.turn = turns.id)
             ORDER BY turns.started_at DESC LIMIT 1)
         ORDER BY addresses.email, module"
    ));
    let rows = connection.rows(asked)?;
    for (email, rating) in readable(WHAT, rows.iter().map(of_whom))? {
        if let Some(player) = players.get_mut(&email) {
            player.ratings.push(rating);
        }
    }
    Ok(())
}

fn of_whom(row: &Row) -> Result<(String, Rating), LedgerError> {
    Ok((row.get("email")?, rating(row)?))
}
