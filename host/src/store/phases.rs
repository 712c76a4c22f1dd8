//! Exposures, and the phases that they open: stretches in which nothing but the arm differed.

use super::database::{Connection, Row, sql};
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
        let (place, exposure, now) = (place.clone(), exposure.clone(), self.now_ms());
        self.write(EXPOSE, move |connection| {
            let arm = &exposure.arm;
            let phase = phase_of(connection, turn, &place, arm, now)?;
            connection.run(
                sql("INSERT INTO exposures (turn, phase, strategy, plugin, plugin_sha256, generation, settings_hash, model,
                         tools_sha256, persona_sha256, exposed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT (turn) DO UPDATE SET phase = excluded.phase, strategy = excluded.strategy,
                         plugin = excluded.plugin, plugin_sha256 = excluded.plugin_sha256,
                         generation = excluded.generation, settings_hash = excluded.settings_hash,
                         model = excluded.model, tools_sha256 = excluded.tools_sha256,
                         persona_sha256 = excluded.persona_sha256, exposed_at = excluded.exposed_at")
                .bind(turn)
                .bind(phase)
                .bind(&arm.strategy)
                .bind(&arm.plugin)
                .bind(&arm.plugin_sha256)
                .bind(i64::try_from(exposure.generation.0).unwrap_or(i64::MAX))
                .bind(&arm.settings_hash)
                .bind(&arm.model)
                .bind(arm.tools_sha256.as_deref().unwrap_or_default())
                .bind(exposure.persona_sha256.as_str())
                .bind(now),
            )?;
            Ok(phase)
        })
        .await
    }

    /// The phases of an experiment, with what each arm was made of there.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn phases(&self, key: &str, version: u32) -> Result<Vec<Phase>, LedgerError> {
        let key = key.to_owned();
        self.read(READ, move |connection| {
            let asked = sql(
                "SELECT number, opened_at, why FROM phases WHERE experiment = ? AND version = ? ORDER BY number",
            );
            let rows = connection.rows(asked.bind(&key).bind(version))?;
            let mut phases = Vec::with_capacity(rows.len());
            for row in rows {
                let number: i64 = row.get("number")?;
                let (arms, turns) = phase_arms(connection, &key, version, number)?;
                phases.push(Phase {
                    number: whole("number", number)?,
                    opened: Some(instant("opened_at", row.get("opened_at")?)?.to_rfc3339()),
                    why: row.get("why")?,
                    turns,
                    arms,
                });
            }
            Ok(phases)
        })
        .await
    }
}

fn phase_arms(
    connection: &mut Connection<'_>,
    key: &str,
    version: u32,
    phase: i64,
) -> Result<(Vec<PhaseArm>, u64), LedgerError> {
    let asked = sql(
        "SELECT arm, strategy, plugin, plugin_sha256, settings_hash, model, min(tools_sha256) AS tools_sha256,
             count(*) AS turns
         FROM exposures JOIN assignments ON assignments.turn = exposures.turn
         WHERE experiment = ? AND version = ? AND phase = ?
         GROUP BY arm, strategy, plugin, plugin_sha256, settings_hash, model ORDER BY arm",
    );
    let rows = connection.rows(asked.bind(key).bind(version).bind(phase))?;
    let mut turns = 0;
    for row in &rows {
        turns += whole::<u64>("turns", row.get("turns")?)?;
    }
    Ok((rows.iter().map(phase_arm).collect::<Result<_, _>>()?, turns))
}

pub(super) fn phase_arm(row: &Row) -> Result<PhaseArm, LedgerError> {
    Ok(PhaseArm {
        arm: ArmName::new(row.get::<String>("arm")?),
        strategy: row.get("strategy")?,
        plugin: row.get("plugin")?,
        plugin_sha256: row.get("plugin_sha256")?,
        settings_hash: row.get("settings_hash")?,
        model: row.get("model")?,
        tools_sha256: Some(row.get("tools_sha256")?),
    })
}

/// The phase of an exposure: the one that was open when the turn was assigned, or the open one, if the arm
/// was made of the same there; otherwise a new one. (A turn that was assigned before a swap and composes
/// after it belongs to the phase before.)
fn phase_of(
    connection: &mut Connection<'_>,
    turn: TurnId,
    place: &Assignment,
    arm: &PhaseArm,
    now: i64,
) -> Result<u32, LedgerError> {
    let asked = sql("SELECT number FROM phases WHERE experiment = ?1 AND version = ?2 AND number IN (
             (SELECT max(number) FROM phases WHERE experiment = ?1 AND version = ?2
                AND opened_at <= (SELECT assigned_at FROM assignments WHERE turn = ?3)),
             (SELECT max(number) FROM phases WHERE experiment = ?1 AND version = ?2))
         ORDER BY number");
    let candidates = connection.rows(asked.bind(&place.experiment).bind(place.version).bind(turn))?;
    let (mut why, mut last) = ("the first turn".to_owned(), 0);
    for candidate in candidates {
        let number: i64 = candidate.get("number")?;
        last = number;
        match made_of(connection, place, number)? {
            None => return whole("phase", number),
            Some(before) => match change(&before, arm) {
                None => return whole("phase", number),
                Some(changed) => why = changed,
            },
        }
    }
    let opened =
        sql("INSERT INTO phases (experiment, version, number, opened_at, why) VALUES (?, ?, ?, ?, ?)");
    let number = last + 1;
    connection.run(opened.bind(&place.experiment).bind(place.version).bind(number).bind(now).bind(why))?;
    whole("phase", number)
}

/// What the arm was made of in a phase, if it was played there.
fn made_of(
    connection: &mut Connection<'_>,
    place: &Assignment,
    phase: i64,
) -> Result<Option<PhaseArm>, LedgerError> {
    let asked = sql("SELECT arm, strategy, plugin, plugin_sha256, settings_hash, model, tools_sha256
         FROM exposures JOIN assignments ON assignments.turn = exposures.turn
         WHERE experiment = ? AND version = ? AND phase = ? AND arm = ? LIMIT 1");
    let asked = asked.bind(&place.experiment).bind(place.version).bind(phase).bind(place.arm.as_str());
    connection.row(asked)?.map(|row| phase_arm(&row)).transpose()
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
