//! Exposures, and the phases that they open: stretches in which nothing but the arm differed.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{instant, whole};
use super::{Ledger, LedgerError};
use domain::experiment::{ArmName, Assignment, Exposure, Phase, PhaseArm};
use domain::ids::TurnId;

const EXPOSE: &str = "keep an exposure";
const READ: &str = "read the phases of an experiment";

impl Ledger {
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
