//! Experiments in the ledger: plans, who takes part, assignments, money.

use super::database::{Row, Statement, sql};
use super::roster::ADDRESSES;
use super::row::{json, json_text, readable, whole};
use super::{Ledger, LedgerError};
use domain::experiment::{ArmName, Assignment, Experiment};
use domain::ids::{Sha256Hex, StrategyName, TurnId};
use domain::persona::Persona;

const REGISTER: &str = "register an experiment";
const ASSIGN: &str = "assign a turn to an arm";
const READ: &str = "read an experiment";

/// What the ledger holds of an experiment under one version.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The plan.
    pub experiment: Experiment,
    /// Its digest.
    pub sha256: Sha256Hex,
}

/// An assignment as it was made, for the audit.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// Whose.
    pub persona: String,
    /// Its place in the experiment.
    pub assignment: Assignment,
}

impl Ledger {
    /// Registers a plan; one that is registered stays as it is.
    ///
    /// # Errors
    /// [`LedgerError::OtherPlan`] when the key and version stand for another plan.
    pub async fn register(&self, experiment: &Experiment) -> Result<(), LedgerError> {
        let sha256 = experiment.sha256();
        let statement =
            sql("INSERT INTO experiments (key, version, plan, sha256, registered_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING")
            .bind(experiment.key())
            .bind(experiment.version)
            .bind(json_text(experiment))
            .bind(sha256.as_str())
            .bind(self.now_ms());
        self.run(REGISTER, statement).await?;
        let registered = self.experiment(experiment.key(), Some(experiment.version)).await?;
        if registered.is_some_and(|registered| registered.experiment.sha256() != sha256) {
            return Err(LedgerError::OtherPlan {
                key: experiment.key().to_owned(),
                version: experiment.version,
            });
        }
        Ok(())
    }

    /// A registered experiment, under one version or the newest.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn experiment(
        &self,
        key: &str,
        version: Option<u32>,
    ) -> Result<Option<Registered>, LedgerError> {
        let asked =
            sql("SELECT plan, sha256 FROM experiments WHERE key = ?1 AND (?2 IS NULL OR version = ?2)
             ORDER BY version DESC LIMIT 1");
        let Some(row) = self.row(READ, asked.bind(key).bind(version)).await? else { return Ok(None) };
        let (plan, sha256): (String, String) = (row.get("plan")?, row.get("sha256")?);
        Ok(Some(Registered {
            experiment: json("plan", &plan)?,
            sha256: json("sha256", &json_text(&sha256))?,
        }))
    }

    /// The keys of all registered experiments, for messages.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn experiment_keys(&self) -> Result<Vec<String>, LedgerError> {
        let rows = self.rows(READ, sql("SELECT DISTINCT key FROM experiments ORDER BY key")).await?;
        rows.iter().map(|row| row.get("key")).collect()
    }

    /// Writes down who takes part, as they are now; who is known stays as they were.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn enlist(&self, experiment: &Experiment, personas: &[Persona]) -> Result<(), LedgerError> {
        let enlist = |persona: &Persona| {
            sql("INSERT INTO participants (experiment, version, email, persona) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO NOTHING")
            .bind(experiment.key())
            .bind(experiment.version)
            .bind(&persona.email)
            .bind(json_text(persona))
        };
        let all: Vec<Statement> = personas.iter().map(enlist).collect();
        self.write(REGISTER, move |connection| {
            all.iter().try_for_each(|statement| connection.run(statement.clone()).map(drop))
        })
        .await
    }

    /// Who takes part, by address.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn participants(&self, experiment: &Experiment) -> Result<Vec<Persona>, LedgerError> {
        let asked =
            sql("SELECT persona FROM participants WHERE experiment = ? AND version = ? ORDER BY email");
        let rows = self.rows(READ, asked.bind(experiment.key()).bind(experiment.version)).await?;
        readable(READ, rows.iter().map(persona))
    }

    /// Every persona that the ledger has seen, as it was in its last turn.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn personas(&self) -> Result<Vec<Persona>, LedgerError> {
        let asked = sql(format!(
            "{ADDRESSES} SELECT persona FROM (SELECT email, (SELECT contexts.persona FROM turns
                 JOIN contexts ON contexts.turn = turns.id WHERE turns.email = addresses.email
                 ORDER BY turns.started_at DESC, turns.id DESC LIMIT 1) AS persona FROM addresses) AS everybody
             WHERE persona IS NOT NULL ORDER BY email"
        ));
        readable(READ, self.rows(READ, asked).await?.iter().map(persona))
    }

    /// The assignment that a turn has.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn assignment(&self, turn: TurnId) -> Result<Option<Assignment>, LedgerError> {
        let row = self.row(READ, sql("SELECT * FROM assignments WHERE turn = ?").bind(turn)).await?;
        Ok(row.map(|row| assigned(&row)).transpose()?.map(|assigned| assigned.assignment))
    }

    /// Every assignment of an experiment, of all versions, in the order in which they were made; of one
    /// persona or of all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn assignments(&self, key: &str, email: Option<&str>) -> Result<Vec<Assigned>, LedgerError> {
        let asked = sql("SELECT * FROM assignments WHERE experiment = ?1 AND (?2 IS NULL OR persona = ?2)
             ORDER BY version, persona, block, place");
        let rows = self.rows(READ, asked.bind(key).bind(email)).await?;
        let read = rows.iter().map(assigned);
        // Of one persona it is the past that its next place follows from, which has to be whole.
        if email.is_some() { read.collect() } else { readable(READ, read) }
    }

    /// Gives a turn its arm. A turn that has one keeps it.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the place is taken by another turn.
    pub async fn assign(&self, turn: TurnId, email: &str, place: &Assignment) -> Result<(), LedgerError> {
        let statement = sql(
            "INSERT INTO assignments (turn, experiment, version, persona, block, place, arm, assigned_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (turn) DO NOTHING",
        )
        .bind(turn)
        .bind(&place.experiment)
        .bind(place.version)
        .bind(email)
        .bind(place.block)
        .bind(place.place)
        .bind(place.arm.as_str())
        .bind(self.now_ms());
        self.run(ASSIGN, statement).await?;
        Ok(())
    }

    /// What the turns of an experiment have cost, in US dollars; none if some price is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn spent(&self, key: &str, version: u32) -> Result<Option<f64>, LedgerError> {
        let asked = sql(
            "SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END AS cost
             FROM usage JOIN assignments ON assignments.turn = usage.turn
             WHERE assignments.experiment = ? AND assignments.version = ?",
        );
        self.one(READ, asked.bind(key).bind(version)).await?.get("cost")
    }

    /// What a turn under one of these strategies usually costs, in US dollars: the mean of the newest hundred whose
    /// price is known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn usual_cost(&self, strategies: &[StrategyName]) -> Result<Option<f64>, LedgerError> {
        let marks = vec!["?"; strategies.len()].join(", ");
        let asked = sql(format!(
            "SELECT avg(cost) AS cost FROM (
                 SELECT (SELECT coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 FROM usage
                     WHERE usage.turn = turns.id) AS cost FROM turns
                 WHERE strategy IN ({marks}) AND state = 'completed'
                     AND NOT EXISTS (SELECT 1 FROM usage WHERE usage.turn = turns.id AND cost IS NULL)
                 ORDER BY started_at DESC LIMIT 100) AS newest"
        ));
        let asked = asked.bind_all(strategies.iter().map(StrategyName::as_str));
        self.one(READ, asked).await?.get("cost")
    }
}

fn persona(row: &Row) -> Result<Persona, LedgerError> {
    json("persona", &row.get::<String>("persona")?)
}

pub(super) fn assigned(row: &Row) -> Result<Assigned, LedgerError> {
    let number = |column: &'static str| -> Result<u32, LedgerError> { whole(column, row.get(column)?) };
    Ok(Assigned {
        persona: row.get("persona")?,
        assignment: Assignment {
            experiment: row.get("experiment")?,
            version: number("version")?,
            block: number("block")?,
            place: number("place")?,
            arm: ArmName::new(row.get::<String>("arm")?),
        },
    })
}
