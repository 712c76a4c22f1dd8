//! Experiments in the ledger: plans, who takes part, assignments, money.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

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
        let statement = sqlx::query(
            "INSERT INTO experiments (key, version, plan, sha256, registered_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(experiment.key())
        .bind(i64::from(experiment.version))
        .bind(json_text(experiment))
        .bind(sha256.as_str())
        .bind(self.now_ms());
        self.execute(REGISTER, statement).await?;
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
        let row = sqlx::query(
            "SELECT plan, sha256 FROM experiments WHERE key = ? AND (?2 IS NULL OR version = ?2)
             ORDER BY version DESC LIMIT 1",
        )
        .bind(key)
        .bind(version.map(i64::from))
        .fetch_optional(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        row.map(|row| {
            let text = |column| row.try_get::<String, _>(column).map_err(LedgerError::doing(READ));
            let sha256 = json("sha256", &json_text(&text("sha256")?))?;
            Ok(Registered { experiment: json("plan", &text("plan")?)?, sha256 })
        })
        .transpose()
    }

    /// The keys of all registered experiments, for messages.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn experiment_keys(&self) -> Result<Vec<String>, LedgerError> {
        let keys = sqlx::query_scalar("SELECT DISTINCT key FROM experiments ORDER BY key");
        keys.fetch_all(&self.readers).await.map_err(LedgerError::doing(READ))
    }

    /// Writes down who takes part, as they are now; who is known stays as they were.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn enlist(&self, experiment: &Experiment, personas: &[Persona]) -> Result<(), LedgerError> {
        let mut transaction = self.write(REGISTER).await?;
        for persona in personas {
            sqlx::query(
                "INSERT INTO participants (experiment, version, email, persona) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )
            .bind(experiment.key())
            .bind(i64::from(experiment.version))
            .bind(&persona.email)
            .bind(json_text(persona))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::doing(REGISTER))?;
        }
        transaction.commit().await.map_err(LedgerError::doing(REGISTER))
    }

    /// Who takes part, by address.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn participants(&self, experiment: &Experiment) -> Result<Vec<Persona>, LedgerError> {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT persona FROM participants WHERE experiment = ? AND version = ? ORDER BY email",
        )
        .bind(experiment.key())
        .bind(i64::from(experiment.version))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        readable(READ, rows.iter().map(|text| json("persona", text)))
    }

    /// Every persona that the ledger has seen, as it was in its last turn.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn personas(&self) -> Result<Vec<Persona>, LedgerError> {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT contexts.persona FROM contexts JOIN turns ON turns.id = contexts.turn
             GROUP BY turns.email HAVING max(turns.started_at) ORDER BY turns.email",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        readable(READ, rows.iter().map(|text| json("persona", text)))
    }

    /// The assignment that a turn has.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn assignment(&self, turn: TurnId) -> Result<Option<Assignment>, LedgerError> {
        let row = sqlx::query("SELECT * FROM assignments WHERE turn = ?")
            .bind(turn.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(LedgerError::doing(READ))?;
        Ok(row.map(|row| assigned(&row)).transpose()?.map(|assigned| assigned.assignment))
    }

    /// Every assignment of an experiment, of all versions, in the order in which they were made; of one
    /// persona or of all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn assignments(&self, key: &str, email: Option<&str>) -> Result<Vec<Assigned>, LedgerError> {
        let rows = sqlx::query(
            "SELECT * FROM assignments WHERE experiment = ? AND (?2 IS NULL OR persona = ?2)
             ORDER BY version, persona, block, place",
        )
        .bind(key)
        .bind(email)
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let read = rows.iter().map(assigned);
        // Of one persona it is the past that its next place follows from, which has to be whole.
        if email.is_some() { read.collect() } else { readable(READ, read) }
    }

    /// Gives a turn its arm. A turn that has one keeps it.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the place is taken by another turn.
    pub async fn assign(&self, turn: TurnId, email: &str, place: &Assignment) -> Result<(), LedgerError> {
        let statement = sqlx::query(
            "INSERT INTO assignments (turn, experiment, version, persona, block, place, arm, assigned_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (turn) DO NOTHING",
        )
        .bind(turn.to_string())
        .bind(&place.experiment)
        .bind(i64::from(place.version))
        .bind(email)
        .bind(i64::from(place.block))
        .bind(i64::from(place.place))
        .bind(place.arm.as_str())
        .bind(self.now_ms());
        self.execute(ASSIGN, statement).await?;
        Ok(())
    }

    /// What the turns of an experiment have cost, in US dollars; none if some price is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn spent(&self, key: &str, version: u32) -> Result<Option<f64>, LedgerError> {
        sqlx::query_scalar(
            "SELECT CASE WHEN count(*) = count(cost) THEN total(cost) / 1e9 END
             FROM usage JOIN assignments ON assignments.turn = usage.turn
             WHERE assignments.experiment = ? AND assignments.version = ?",
        )
        .bind(key)
        .bind(i64::from(version))
        .fetch_one(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))
    }

    /// What a turn under one of these strategies usually costs, in US dollars: the mean of the newest hundred whose
    /// price is known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn usual_cost(&self, strategies: &[StrategyName]) -> Result<Option<f64>, LedgerError> {
        let names: Vec<&str> = strategies.iter().map(StrategyName::as_str).collect();
        sqlx::query_scalar(
            "SELECT avg(cost) FROM (
                 SELECT (SELECT total(cost) / 1e9 FROM usage WHERE usage.turn = turns.id) AS cost FROM turns
                 WHERE strategy IN (SELECT value FROM json_each(?)) AND state = 'completed'
                     AND NOT EXISTS (SELECT 1 FROM usage WHERE usage.turn = turns.id AND cost IS NULL)
                 ORDER BY started_at DESC LIMIT 100)",
        )
        .bind(json_text(&names))
        .fetch_one(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))
    }
}

fn assigned(row: &SqliteRow) -> Result<Assigned, LedgerError> {
    let text = |column| row.try_get::<String, _>(column).map_err(LedgerError::doing(READ));
    let number = |column: &'static str| -> Result<u32, LedgerError> {
        whole(column, row.try_get(column).map_err(LedgerError::doing(READ))?)
    };
    Ok(Assigned {
        persona: text("persona")?,
        assignment: Assignment {
            experiment: text("experiment")?,
            version: number("version")?,
            block: number("block")?,
            place: number("place")?,
            arm: ArmName::new(text("arm")?),
        },
    })
}
