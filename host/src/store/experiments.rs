//! Experiments in the ledger: plans, assignments, exposures and phases.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{instant, json, json_text, whole};
use super::{Ledger, LedgerError};
use crate::domain::experiment::{ArmName, Assignment, Experiment, Exposure, Phase, PhaseArm};
use crate::domain::ids::{Sha256Hex, StrategyName, TurnId};
use crate::domain::persona::Persona;

const REGISTER: &str = "register an experiment";
const ASSIGN: &str = "assign a turn to an arm";
const EXPOSE: &str = "keep an exposure";
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
    /// The turn.
    pub turn: String,
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
        sqlx::query(
            "INSERT INTO experiments (key, version, plan, sha256, registered_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(experiment.key())
        .bind(i64::from(experiment.version))
        .bind(json_text(experiment))
        .bind(sha256.as_str())
        .bind(self.now_ms())
        .execute(&self.writer)
        .await
        .map_err(LedgerError::doing(REGISTER))?;
        let registered = self.experiment(experiment.key(), Some(experiment.version)).await?;
        if registered.is_some_and(|registered| registered.sha256 != sha256) {
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
        rows.iter().map(|text| json("persona", text)).collect()
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
        rows.iter().map(|text| json("persona", text)).collect()
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
        rows.iter().map(assigned).collect()
    }

    /// Gives a turn its arm. A turn that has one keeps it.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the place is taken by another turn.
    pub async fn assign(&self, turn: TurnId, email: &str, place: &Assignment) -> Result<(), LedgerError> {
        sqlx::query(
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
        .bind(self.now_ms())
        .execute(&self.writer)
        .await
        .map_err(LedgerError::doing(ASSIGN))?;
        Ok(())
    }

    /// Writes down that the arm's prompt was composed, and returns the phase that it belongs to. When the
    /// arm is made of something else than before, that is a new one.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn expose(
        &self,
        turn: TurnId,
        place: &Assignment,
        exposure: &Exposure,
    ) -> Result<u32, LedgerError> {
        let mut transaction = self.write(EXPOSE).await?;
        let phase = phase_of(&mut transaction, turn, place, &exposure.arm, self.now_ms()).await?;
        let arm = &exposure.arm;
        sqlx::query(
            "INSERT INTO exposures (turn, phase, strategy, plugin, plugin_sha256, generation, settings_hash, model,
                 tools_sha256, persona_sha256, exposed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (turn) DO UPDATE SET phase = excluded.phase, strategy = excluded.strategy,
                 plugin = excluded.plugin, plugin_sha256 = excluded.plugin_sha256,
                 generation = excluded.generation, settings_hash = excluded.settings_hash,
                 model = excluded.model, tools_sha256 = excluded.tools_sha256,
                 persona_sha256 = excluded.persona_sha256, exposed_at = excluded.exposed_at",
        )
        .bind(turn.to_string())
        .bind(i64::from(phase))
        .bind(&arm.strategy)
        .bind(&arm.plugin)
        .bind(&arm.plugin_sha256)
        .bind(i64::try_from(exposure.generation.0).unwrap_or(i64::MAX))
        .bind(&arm.settings_hash)
        .bind(&arm.model)
        .bind(arm.tools_sha256.as_deref().unwrap_or_default())
        .bind(exposure.persona_sha256.as_str())
        .bind(self.now_ms())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::doing(EXPOSE))?;
        transaction.commit().await.map_err(LedgerError::doing(EXPOSE))?;
        Ok(phase)
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

    /// The phases of an experiment, with what each arm was made of there.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn phases(&self, key: &str, version: u32) -> Result<Vec<Phase>, LedgerError> {
        let rows = sqlx::query(
            "SELECT number, opened_at, why FROM phases WHERE experiment = ? AND version = ? ORDER BY number",
        )
        .bind(key)
        .bind(i64::from(version))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let mut phases = Vec::with_capacity(rows.len());
        for row in rows {
            let number: i64 = row.try_get("number").map_err(LedgerError::doing(READ))?;
            let opened: i64 = row.try_get("opened_at").map_err(LedgerError::doing(READ))?;
            let (arms, turns) = self.phase_arms(key, version, number).await?;
            phases.push(Phase {
                number: whole("number", number)?,
                opened: Some(instant("opened_at", opened)?.to_rfc3339()),
                why: row.try_get("why").map_err(LedgerError::doing(READ))?,
                turns,
                arms,
            });
        }
        Ok(phases)
    }

    async fn phase_arms(
        &self,
        key: &str,
        version: u32,
        phase: i64,
    ) -> Result<(Vec<PhaseArm>, u64), LedgerError> {
        let rows = sqlx::query(
            "SELECT arm, strategy, plugin, plugin_sha256, settings_hash, model, min(tools_sha256) AS tools_sha256,
                 count(*) AS turns
             FROM exposures JOIN assignments ON assignments.turn = exposures.turn
             WHERE experiment = ? AND version = ? AND phase = ?
             GROUP BY arm, strategy, plugin, plugin_sha256, settings_hash, model ORDER BY arm",
        )
        .bind(key)
        .bind(i64::from(version))
        .bind(phase)
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let mut turns = 0;
        for row in &rows {
            let of_arm: i64 = row.try_get("turns").map_err(LedgerError::doing(READ))?;
            turns += whole::<u64>("turns", of_arm)?;
        }
        Ok((rows.iter().map(phase_arm).collect::<Result<_, _>>()?, turns))
    }
}

fn assigned(row: &SqliteRow) -> Result<Assigned, LedgerError> {
    let text = |column| row.try_get::<String, _>(column).map_err(LedgerError::doing(READ));
    let number = |column: &'static str| -> Result<u32, LedgerError> {
        whole(column, row.try_get(column).map_err(LedgerError::doing(READ))?)
    };
    Ok(Assigned {
        turn: text("turn")?,
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

pub(super) fn phase_arm(row: &SqliteRow) -> Result<PhaseArm, LedgerError> {
    let text = |column| row.try_get::<String, _>(column).map_err(LedgerError::doing(READ));
    Ok(PhaseArm {
        arm: ArmName::new(text("arm")?),
        strategy: text("strategy")?,
        plugin: text("plugin")?,
        plugin_sha256: text("plugin_sha256")?,
        settings_hash: text("settings_hash")?,
        model: text("model")?,
        tools_sha256: Some(text("tools_sha256")?),
    })
}

/// The phase of an exposure: the one that was open when the turn was assigned, or the open one, if the arm
/// was made of the same there; otherwise a new one. (A turn that was assigned before a swap and composes
/// after it belongs to the phase before.)
async fn phase_of(
    connection: &mut SqliteConnection,
    turn: TurnId,
    place: &Assignment,
    arm: &PhaseArm,
    now: i64,
) -> Result<u32, LedgerError> {
    let key = (place.experiment.as_str(), i64::from(place.version));
    let candidates: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM phases WHERE experiment = ?1 AND version = ?2 AND number IN (
             (SELECT max(number) FROM phases WHERE experiment = ?1 AND version = ?2
                AND opened_at <= (SELECT assigned_at FROM assignments WHERE turn = ?3)),
             (SELECT max(number) FROM phases WHERE experiment = ?1 AND version = ?2))
         ORDER BY number",
    )
    .bind(key.0)
    .bind(key.1)
    .bind(turn.to_string())
    .fetch_all(&mut *connection)
    .await
    .map_err(LedgerError::doing(EXPOSE))?;
    let mut why = "the first turn".to_owned();
    for number in &candidates {
        match made_of(connection, place, *number).await? {
            None => return whole("phase", *number),
            Some(before) => match change(&before, arm) {
                None => return whole("phase", *number),
                Some(changed) => why = changed,
            },
        }
    }
    let number = candidates.last().copied().unwrap_or(0) + 1;
    sqlx::query("INSERT INTO phases (experiment, version, number, opened_at, why) VALUES (?, ?, ?, ?, ?)")
        .bind(key.0)
        .bind(key.1)
        .bind(number)
        .bind(now)
        .bind(why)
        .execute(connection)
        .await
        .map_err(LedgerError::doing(EXPOSE))?;
    whole("phase", number)
}

/// What the arm was made of in a phase, if it was played there.
async fn made_of(
    connection: &mut SqliteConnection,
    place: &Assignment,
    phase: i64,
) -> Result<Option<PhaseArm>, LedgerError> {
    let row = sqlx::query(
        "SELECT arm, strategy, plugin, plugin_sha256, settings_hash, model, tools_sha256
         FROM exposures JOIN assignments ON assignments.turn = exposures.turn
         WHERE experiment = ? AND version = ? AND phase = ? AND arm = ? LIMIT 1",
    )
    .bind(&place.experiment)
    .bind(i64::from(place.version))
    .bind(phase)
    .bind(place.arm.as_str())
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::doing(EXPOSE))?;
    row.map(|row| phase_arm(&row)).transpose()
}

/// What changed, in words. The list of tools is not looked at: it may differ from persona to persona.
fn change(before: &PhaseArm, now: &PhaseArm) -> Option<String> {
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let changes = [
        ("strategy", before.strategy.clone(), now.strategy.clone()),
        ("plugin", before.plugin.clone(), now.plugin.clone()),
        ("build of the plugin", short(&before.plugin_sha256), short(&now.plugin_sha256)),
        ("settings", short(&before.settings_hash), short(&now.settings_hash)),
        ("model", before.model.clone(), now.model.clone()),
    ];
    let told: Vec<String> = (changes.into_iter())
        .filter(|(_, before, now)| before != now)
        .map(|(what, before, now)| format!("{what} {before} → {now}"))
        .collect();
    (!told.is_empty()).then(|| format!("arm {}: {}", now.arm, told.join(", ")))
}
