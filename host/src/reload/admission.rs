//! What a build has to show before any turn gets it.

use std::sync::Arc;

use super::replay::Replay;
use crate::behavior::{Called, Engine, Generation, LeftOut, LoadStage, Refusal, Source, Trust, Unfit};
use domain::behavior::{Problem, Severity};
use domain::ids::GenerationNumber;
use domain::kept_turn::KeptTurn;
use domain::plugin::ReplayPolicy;
use domain::strategy::Strategy;

/// Everything that a build is measured by.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Digest and signature.
    pub trust: Trust,
    /// The strategies that use the plugin.
    pub strategies: Vec<Arc<Strategy>>,
    /// Turns of the past.
    pub turns: Vec<KeptTurn>,
    /// The generation that serves now.
    pub live: Option<Arc<Generation>>,
    /// What happens if it does worse in those turns.
    pub policy: ReplayPolicy,
    /// A strategy whose settings it does not take is left out, and no reason to refuse the build: at the
    /// start, when nothing else could serve the other strategies.
    pub lenient: bool,
}

/// A build that was let in.
#[derive(Debug)]
pub struct Admitted {
    /// The build.
    pub generation: Generation,
    /// What it made of turns of the past.
    pub replay: Replay,
    /// What is not as it should be, and was let pass.
    pub warnings: Vec<String>,
    /// Strategies whose settings it does not take, and why.
    pub left_out: LeftOut,
}

impl Admission {
    /// Loads a build and lets it show itself: the settings of each strategy, its own cases, turns of the
    /// past.
    ///
    /// # Errors
    /// When it is refused at any stage.
    pub async fn admit(
        &self,
        engine: &Engine,
        source: &Source,
        number: GenerationNumber,
    ) -> Result<Admitted, Refusal> {
        let mut generation = engine.load_for(source, number, &self.trust, &self.strategies).await?;
        let mut warnings: Vec<String> = generation.warning().map(str::to_owned).into_iter().collect();
        let left_out = self.check_settings(source, &generation, &mut warnings).await?;
        pass(generation.self_test(), "self-test: ", &mut warnings).map_err(|unfit| {
            let hint = "mend the plugin, or the cases that it ships";
            let message = format!("cases of its own fail: {}", unfit.said);
            refusal(source, LoadStage::SelfTest, message, hint, unfit.is_passing)
        })?;
        let replay = self.replay(source, &generation, &left_out, &mut warnings).await?;
        generation.warn(&warnings);
        Ok(Admitted { generation, replay, warnings, left_out })
    }

    async fn check_settings(
        &self,
        source: &Source,
        generation: &Generation,
        warnings: &mut Vec<String>,
    ) -> Result<LeftOut, Refusal> {
        let mut left_out = LeftOut::new();
        for strategy in &self.strategies {
            match settings(generation, strategy, warnings).await {
                Ok(()) => {}
                Err(unfit) if self.lenient => drop(left_out.insert(strategy.name.clone(), unfit)),
                Err(unfit) => {
                    let message = format!(
                        "it does not take the settings of strategy {}: {}",
                        strategy.name, unfit.said
                    );
                    let hint = format!("correct `settings` in [strategies.{}], or the plugin", strategy.name);
                    return Err(refusal(source, LoadStage::Settings, message, &hint, unfit.is_passing));
                }
            }
        }
        Ok(left_out)
    }

    async fn replay(
        &self,
        source: &Source,
        generation: &Generation,
        left_out: &LeftOut,
        warnings: &mut Vec<String>,
    ) -> Result<Replay, Refusal> {
        if self.policy == ReplayPolicy::Off {
            return Ok(Replay::default());
        }
        let mut strategies = self.strategies.clone();
        strategies.retain(|strategy| !left_out.contains_key(&strategy.name));
        let replay = Replay::of(generation, self.live.as_deref(), &strategies, &self.turns).await;
        match (replay.worse(), self.policy) {
            (0, _) => Ok(replay),
            (_, ReplayPolicy::Refuse) => {
                let hint = "`persona-host plugin replay FILE` shows each difference; to let it in all the same, \
                            set plugins.replay = \"warn\"";
                Err(Refusal::of(source, LoadStage::Replay, replay.to_string(), hint))
            }
            _ => {
                warnings.push(replay.to_string());
                Ok(replay)
            }
        }
    }
}

/// Whether a build takes the settings of a strategy; if not, why.
pub(super) async fn settings(
    generation: &Generation,
    strategy: &Strategy,
    warnings: &mut Vec<String>,
) -> Result<(), Unfit> {
    let called = generation.check_settings(strategy).await;
    pass(called, &format!("settings of strategy {}: ", strategy.name), warnings)
}

/// The same, of strategies that a live build left out for now: it is asked, and not what it has shown before.
pub(super) async fn settings_anew(generation: &Generation, strategy: &Strategy) -> Result<(), Unfit> {
    pass(generation.check_settings_anew(strategy).await, "", &mut Vec::new())
}

fn refusal(source: &Source, stage: LoadStage, message: String, hint: &str, is_passing: bool) -> Refusal {
    let refusal = Refusal::of(source, stage, message, hint);
    if is_passing { refusal.passing() } else { refusal }
}

/// Lets pass what is no error, as warnings; the errors are what is said against it, and so is a call that gave no
/// answer.
fn pass(called: Called<Vec<Problem>>, about: &str, warnings: &mut Vec<String>) -> Result<(), Unfit> {
    let problems =
        called.result.map_err(|error| Unfit { said: error.to_string(), is_passing: error.is_passing() })?;
    let (errors, others): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|problem| problem.severity == Severity::Error);
    if errors.is_empty() {
        let others = others.iter().filter(|problem| problem.severity == Severity::Warning);
        warnings.extend(others.map(|problem| format!("{about}{}", said(problem))));
        return Ok(());
    }
    Err(Unfit { said: errors.into_iter().map(said).collect::<Vec<_>>().join("; "), is_passing: false })
}

fn said(problem: &Problem) -> String {
    match problem.path.as_deref() {
        Some(path) if !path.is_empty() => format!("{path}: {}", problem.message),
        _ => problem.message.clone(),
    }
}
