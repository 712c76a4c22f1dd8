//! A turn in one line, as the command line and the API list it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Connection, Given, Row, Statement, sql};
use super::open_turns::IS_ASKED;
use super::shown::Shown;
use super::standing::{OUTCOME, PAUSED_SINCE, STATE};
use super::{Ledger, LedgerError, Then};
use domain::rating::{Rating, Score};
use domain::state::State;
use domain::usage::Usage;

/// Which turns to list.
#[derive(Clone, Debug, Default)]
pub struct TurnFilter {
    /// Only this persona's, by address.
    pub email: Option<String>,
    /// Only in this state, one of [`TurnFilter::STATES`].
    pub state: Option<String>,
    /// Only those of which an attempt ended in a fault, whatever came later.
    pub ever_faulted: bool,
    /// Only those that were under way since then.
    pub since: Option<DateTime<Utc>>,
    /// Only those that were under way before then.
    pub until: Option<DateTime<Utc>>,
    /// Only those that play in this experiment, by its key.
    pub experiment: Option<String>,
    /// Only those that play this arm.
    pub arm: Option<String>,
    /// At most so many, newest first; 50 when not given.
    pub limit: Option<u32>,
}

impl TurnFilter {
    /// What turns can be asked for by: how they stand.
    pub const STATES: [&'static str; 9] = State::NAMES;
}

/// One turn in a line.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The persona's address.
    pub persona: String,
    /// The persona's kind.
    pub archetype: String,
    /// How it stands: one of [`State::NAMES`].
    pub state: String,
    /// How its latest attempt ended, one of [`State::OUTCOMES`], or `running`.
    pub outcome: String,
    /// Since when its persona is paused, or everybody, if it goes on after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<DateTime<Utc>>,
    /// How often it was begun.
    pub attempt: u32,
    /// When it was begun for the first time.
    pub begun_at: DateTime<Utc>,
    /// When it was begun last.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Until when it is kept back.
    pub held_until: Option<DateTime<Utc>>,
    /// Since when it is set aside until somebody lets it go on.
    pub parked_at: Option<DateTime<Utc>>,
    /// What it does once nothing keeps it back; nothing of one that runs or is over.
    pub then: Option<Then>,
    /// What served it.
    pub strategy: Option<String>,
    /// The digest of the strategy's settings.
    pub settings_hash: Option<String>,
    /// The plugin's name.
    pub plugin: Option<String>,
    /// The plugin's own version.
    pub plugin_version: Option<String>,
    /// Which loaded build of it.
    pub generation: Option<u64>,
    /// The digest of the component.
    pub plugin_sha256: Option<String>,
    /// In what capacity it served: `live`, `canary`, `previous` or `built-in`.
    pub served_as: Option<String>,
    /// The model that was asked.
    pub model: Option<String>,
    /// Why the main phase ended.
    pub stop_reason: Option<String>,
    /// How many tools were called, so far.
    pub actions: u32,
    /// How many of them failed.
    pub action_errors: u32,
    /// The ratings, markers included.
    pub ratings: Vec<Rating>,
    /// Model calls that were answered.
    pub model_calls: u32,
    /// Their tokens.
    pub usage: Usage,
    /// Their price in US dollars; null when one of them has none that is known.
    pub cost_usd: Option<f64>,
    /// Deliveries that mana-auth has not acknowledged.
    pub undelivered: u32,
    /// Where it failed.
    pub fault_stage: Option<String>,
    /// How, in a word.
    pub fault_code: Option<String>,
    /// How, in a sentence.
    pub fault_message: Option<String>,
    /// What to do about it.
    pub fault_hint: Option<String>,
    /// Why the plugin let it out.
    pub skip_reason: Option<String>,
    /// Why its last attempt that failed did, as `code: sentence`, also when a later one succeeded.
    pub last_failure: Option<String>,
    /// What its rows hold that cannot be read: the rest is shown without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// Of so many turns the ratings are asked at once.
const AT_ONCE: usize = 500;
// As numbers with a fraction, so that no sum can overflow.
const SUMMARY: &str = "turns.*,
    (SELECT min(begun_at) FROM attempts WHERE turn = turns.id) AS begun_at,
    (SELECT count(DISTINCT key) FROM steps WHERE turn = turns.id AND key LIKE 'main/%/%' AND result IS NOT NULL) AS called,
    (SELECT fault_code || ': ' || fault_message FROM attempts WHERE turn = turns.id AND state = 'faulted' AND stopped = 0
       ORDER BY number DESC LIMIT 1) AS last_failure,
    (SELECT count(*) FROM actions WHERE turn = turns.id) AS actions,
    (SELECT count(*) FROM actions WHERE turn = turns.id AND status <> 'ok') AS action_errors,
    (SELECT count(*) FROM outbox WHERE turn = turns.id AND state <> 'delivered') AS undelivered,
    (SELECT count(*) FROM usage WHERE turn = turns.id) AS model_calls,
    (SELECT sum(CAST(input AS double precision)) FROM usage WHERE turn = turns.id) AS input,
    (SELECT sum(CAST(output AS double precision)) FROM usage WHERE turn = turns.id) AS output,
    (SELECT sum(CAST(cache_write_5m AS double precision)) FROM usage WHERE turn = turns.id) AS cache_write_5m,
    (SELECT sum(CAST(cache_write_1h AS double precision)) FROM usage WHERE turn = turns.id) AS cache_write_1h,
    (SELECT sum(CAST(cache_read AS double precision)) FROM usage WHERE turn = turns.id) AS cache_read,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END FROM usage
       WHERE turn = turns.id) AS cost_usd";

/// Everything about a turn in a line, as columns.
pub(super) fn columns() -> String {
    format!(
        "{IS_ASKED} AS is_asked, {STATE} AS stands, {OUTCOME} AS outcome, {PAUSED_SINCE} AS paused_since, {SUMMARY}"
    )
}

impl Ledger {
    /// Turns in a line each, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list(&self, filter: &TurnFilter) -> Result<Vec<Summary>, LedgerError> {
        // First which, by what indexes know, and only of these all that is told.
        let Wanted { conditions, given } = Wanted::of(filter);
        let which = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        let asked = sql(format!(
            "SELECT {} FROM (SELECT id AS wanted FROM turns WHERE {which} ORDER BY started_at DESC, id LIMIT ?) AS chosen
                 CROSS JOIN turns WHERE turns.id = wanted ORDER BY started_at DESC, id",
            columns()
        ));
        let asked = given.into_iter().fold(asked, Statement::bind).bind(filter.limit.unwrap_or(50));
        self.read("list turns", move |connection| {
            let rows = connection.rows(asked.clone())?;
            let mut turns: Vec<Summary> = rows.iter().map(summary).collect();
            add_ratings(connection, &mut turns)?;
            Ok(turns)
        })
        .await
    }
}

/// What a filter asks for, in SQL.
#[derive(Default)]
struct Wanted {
    conditions: Vec<String>,
    given: Vec<Given>,
}

impl Wanted {
    fn of(filter: &TurnFilter) -> Self {
        let mut wanted = Self::default();
        if let Some(email) = &filter.email {
            wanted.and("email = ?", [email.into()]);
        }
        if let Some(state) = &filter.state {
            wanted.and(format!("{} AND {STATE} = ?", narrowed(state)), [state.into()]);
        }
        wanted.within(filter);
        let of_arm = [("experiment", &filter.experiment), ("arm", &filter.arm)];
        let of_arm: Vec<_> =
            of_arm.into_iter().filter_map(|(column, own)| Some((column, own.as_ref()?))).collect();
        if !of_arm.is_empty() {
            let own: Vec<String> = of_arm.iter().map(|(column, _)| format!("{column} = ?")).collect();
            let which = format!("id IN (SELECT turn FROM assignments WHERE {})", own.join(" AND "));
            wanted.and(which, of_arm.into_iter().map(|(_, own)| own.into()));
        }
        wanted
    }

    /// Those of which an attempt was under way in this time, or failed in it.
    fn within(&mut self, filter: &TurnFilter) {
        let (since, until) = (filter.since, filter.until);
        if since.is_none() && until.is_none() && !filter.ever_faulted {
            return;
        }
        let (which, from, to) = match filter.ever_faulted {
            true => (format!("id IN ({FAULTED}"), " AND ended_at >= ?", " AND ended_at < ?"),
            false => (ATTEMPTED.to_owned(), " AND (ended_at IS NULL OR ended_at >= ?)", " AND begun_at < ?"),
        };
        let (from, to) = (since.map_or("", |_| from), until.map_or("", |_| to));
        let given = [since, until].into_iter().flatten().map(|at| at.timestamp_millis().into());
        self.and(format!("{which}{from}{to})"), given);
        if let Some(since) = since.filter(|_| !filter.ever_faulted) {
            self.and(SINCE, [since.timestamp_millis().into()]);
        }
    }

    fn and(&mut self, condition: impl Into<String>, given: impl IntoIterator<Item = Given>) {
        self.conditions.push(condition.into());
        self.given.extend(given);
    }
}

/// Attempts that ended in a fault.
const FAULTED: &str = "SELECT turn FROM attempts WHERE state = 'faulted' AND stopped = 0";

/// Turns with an attempt that is as what follows says.
const ATTEMPTED: &str = "EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id";

/// None that was under way since then began before the first of those that ended since or run.
const SINCE: &str =
    "started_at >= (SELECT min(began) FROM (SELECT min(started_at) AS began FROM turns WHERE ended_at >= ?
        UNION ALL SELECT min(started_at) FROM turns WHERE state = 'running') AS since)";

/// What an index knows of the turns that stand so: no others do.
fn narrowed(state: &str) -> &'static str {
    match state {
        "running" => "turns.state = 'running'",
        // These are few, and without an order: begun with, they are sorted; begun at the newest, all turns were looked at.
        "parked" => "id IN (SELECT own.id FROM turns AS own WHERE own.parked_at IS NOT NULL)",
        "held" | "paused" => "id IN (SELECT own.id FROM turns AS own WHERE own.held_until IS NOT NULL)",
        "completed" => "turns.state = 'completed'",
        "idle" => "turns.state = 'idle'",
        "skipped" => "turns.state = 'skipped'",
        _ => "turns.state = 'faulted'",
    }
}

pub(super) fn summary(row: &Row) -> Summary {
    let (summary, unreadable) = Shown::read(row, summarized);
    Summary { unreadable, ..summary }
}

/// Adds the ratings of turns, or what of them cannot be read.
pub(super) fn add_ratings(connection: &mut Connection<'_>, turns: &mut [Summary]) -> Result<(), LedgerError> {
    for turns in turns.chunks_mut(AT_ONCE) {
        let marks = vec!["?"; turns.len()].join(", ");
        let asked = sql(format!("SELECT * FROM ratings WHERE turn IN ({marks}) ORDER BY rowid"));
        let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in connection.rows(asked.bind_all(turns.iter().map(|own| own.id.as_str())))? {
            rows.entry(row.get("turn")?).or_default().push(row);
        }
        for turn in turns {
            let own = rows.get(&turn.id).map(Vec::as_slice).unwrap_or_default();
            match own.iter().map(rating).collect() {
                Ok(ratings) => turn.ratings = ratings,
                Err::<Vec<_>, LedgerError>(error) => turn.unreadable.push(error.to_string()),
            }
        }
    }
    Ok(())
}

fn summarized(row: &Shown<'_>) -> Summary {
    let (held_until, parked_at) = (row.time("held_until"), row.time("parked_at"));
    let state = row.word("stands");
    let is_asked = row.value("is_asked").unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of tokens")]
    let tokens = |column| row.value::<f64>(column).unwrap_or_default() as u64;
    Summary {
        id: row.word("id"),
        persona: row.word("email"),
        archetype: row.word("archetype"),
        paused_since: row.time("paused_since").filter(|_| state == State::Paused.name()),
        state,
        outcome: row.word("outcome"),
        attempt: row.count("attempt"),
        begun_at: row.time("begun_at").or(row.time("started_at")).unwrap_or_default(),
        started_at: row.time("started_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        held_until,
        parked_at,
        then: held_until.or(parked_at).map(|_| Then::of(is_asked)),
        strategy: row.text("strategy"),
        settings_hash: row.text("settings_hash"),
        plugin: row.text("plugin"),
        plugin_version: row.text("plugin_version"),
        generation: row.number("generation"),
        plugin_sha256: row.text("plugin_sha256"),
        served_as: row.text("served_as"),
        model: row.text("model"),
        stop_reason: row.text("stop_reason"),
        // Those of a day that is not over are in its journal.
        actions: row.count::<u32>("actions").max(row.count("called")),
        action_errors: row.count("action_errors"),
        ratings: Vec::new(),
        model_calls: row.count("model_calls"),
        usage: Usage {
            input: tokens("input"),
            output: tokens("output"),
            cache_write_5m: tokens("cache_write_5m"),
            cache_write_1h: tokens("cache_write_1h"),
            cache_read: tokens("cache_read"),
        },
        cost_usd: row.value("cost_usd"),
        undelivered: row.count("undelivered"),
        fault_stage: row.text("fault_stage"),
        fault_code: row.text("fault_code"),
        fault_message: row.text("fault_message"),
        fault_hint: row.text("fault_hint"),
        skip_reason: row.text("skip_reason"),
        last_failure: row.text("last_failure"),
        unreadable: Vec::new(),
    }
}

/// The ratings of a turn, markers included, in the order in which they were given.
pub(super) fn ratings_of(connection: &mut Connection<'_>, turn: &str) -> Result<Vec<Rating>, LedgerError> {
    let rows = connection.rows(sql("SELECT * FROM ratings WHERE turn = ? ORDER BY rowid").bind(turn))?;
    rows.iter().map(rating).collect()
}

pub(super) fn rating(row: &Row) -> Result<Rating, LedgerError> {
    let score: i64 = row.get("score")?;
    let read = u8::try_from(score).ok().and_then(|score| Score::try_from(score).ok());
    let score = read.ok_or_else(|| LedgerError::Row { column: "score", value: score.to_string() })?;
    Ok(Rating { module: row.get("module")?, score, notes: row.get("notes")? })
}
