//! What may be spent, in dollars.

use super::sources::Sources;
use crate::config::shown::Origin;
use crate::config::{ConfigError, file};
use domain::budget::Limits;
use domain::ids::StrategyName;
use domain::strategy::Strategy;
use domain::usage::NanoUsd;

/// More than anybody means, and exact in billionths.
const MOST: f64 = 1e6;

pub(super) fn budget(
    sources: &mut Sources<'_>,
    file: file::Budget,
    strategies: &[Strategy],
) -> Result<Limits, ConfigError> {
    let mut of = |key: &str, dollars: Option<f64>| {
        let key = format!("budget.{key}");
        match dollars {
            Some(dollars) => amount(sources, key, dollars).map(Some),
            None => {
                sources.show(&key, "no limit".to_owned(), Origin::Default);
                Ok(None)
            }
        }
    };
    let (turn, persona_day, day) =
        (of("turn", file.turn)?, of("persona_day", file.persona_day)?, of("day", file.day)?);
    let mut limits = Limits { turn, persona_day, day, ..Limits::default() };
    for (name, dollars) in file.strategies {
        let key = format!("budget.strategies.{name}");
        if !strategies.iter().any(|own| own.name.as_str() == name) {
            let known: Vec<_> = strategies.iter().map(|own| own.name.as_str()).collect();
            return Err(ConfigError::NoSuchStrategy { key, name, known: known.join(", ") });
        }
        limits.strategies.insert(StrategyName::new(name), amount(sources, key, dollars)?);
    }
    for (arm, dollars) in file.arms {
        let key = format!("budget.arms.{arm:?}");
        if arm.split('/').filter(|part| !part.is_empty()).count() != 2 {
            let problem = "must name an arm as \"experiment/arm\"".to_owned();
            return Err(ConfigError::Value { name: "budget.arms".to_owned(), problem, raw: arm });
        }
        limits.arms.insert(arm, amount(sources, key, dollars)?);
    }
    Ok(limits)
}

/// An amount of the file.
fn amount(sources: &mut Sources<'_>, key: String, dollars: f64) -> Result<NanoUsd, ConfigError> {
    let amount = nano(&key, dollars)?;
    let origin = sources.file.clone();
    sources.show(&key, amount.to_string(), origin);
    Ok(amount)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the limits that are checked before"
)]
fn nano(key: &str, dollars: f64) -> Result<NanoUsd, ConfigError> {
    if (0.0..=MOST).contains(&dollars) {
        return Ok(NanoUsd((dollars * 1e9).round() as u64));
    }
    let problem = format!("must be an amount in US dollars from 0 to {MOST}");
    Err(ConfigError::Value { name: key.to_owned(), problem, raw: dollars.to_string() })
}
