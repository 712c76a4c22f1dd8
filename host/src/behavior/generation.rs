//! One loaded build of a plugin: immutable, shared, and pinned by every turn that uses it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;

use super::artifact::Artifact;
use super::call::{CallError, Called, call};
use super::check;
use super::engine::Engine;
use super::proof::{Answer, Proof, Prover, Question, Trial, Unproven, misunderstood};
use super::refusal::Origin;
use super::source::Source;
use super::state::{CallState, Surroundings};
use super::v0_1;
use domain::behavior::{
    Descriptor, Failure, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};
use domain::ids::{GenerationNumber, PluginName, Sha256Hex};
use domain::persona::Persona;
use domain::strategy::Strategy;

const CHECK_SETTINGS: &str = "check-settings";

/// One loaded build of a plugin.
pub struct Generation {
    engine: wasmtime::Engine,
    prover: Prover,
    plugin: PluginName,
    number: GenerationNumber,
    digest: Sha256Hex,
    origin: Origin,
    /// What it has shown, before any turn could get it.
    pub(super) proof: Proof,
    warning: Option<String>,
    compiled: Duration,
    /// A second version of the contract makes this an enum.
    linked: v0_1::Linked,
    /// Makes it count in [`Engine::generations`].
    _counted: Arc<()>,
}

/// Everything about a build that is known before a turn calls it for the first time.
pub(super) struct Loaded<'a> {
    pub(super) source: &'a Source,
    pub(super) number: GenerationNumber,
    pub(super) digest: Sha256Hex,
    pub(super) proof: Proof,
    pub(super) warning: Option<String>,
    pub(super) compiled: Duration,
    pub(super) linked: v0_1::Linked,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("plugin", &self.plugin)
            .field("number", &self.number)
            .field("digest", &self.digest)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// A linked plugin that has shown itself.
    pub(super) fn new(engine: &Engine, loaded: Loaded<'_>) -> Self {
        let Loaded { source, number, digest, proof, warning, compiled, linked } = loaded;
        Self {
            engine: engine.machine.wasmtime.clone(),
            prover: engine.prover.clone(),
            plugin: source.plugin.clone(),
            number,
            digest,
            origin: source.origin.clone(),
            proof,
            warning,
            compiled,
            linked,
            _counted: Arc::clone(&engine.generations),
        }
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &PluginName {
        &self.plugin
    }

    /// Which build of it, counted by whoever loads.
    #[must_use]
    pub fn number(&self) -> GenerationNumber {
        self.number
    }

    /// The digest of the component.
    #[must_use]
    pub fn digest(&self) -> &Sha256Hex {
        &self.digest
    }

    /// Where it is from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The size of its machine code in memory, in bytes.
    #[must_use]
    pub fn code(&self) -> usize {
        self.linked.code
    }

    /// How long it took to make machine code of it, or to find that in the cache.
    #[must_use]
    pub fn compiled(&self) -> Duration {
        self.compiled
    }

    /// What was let pass, though it is not as it should be.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Writes down everything that was let pass.
    pub fn warn(&mut self, warnings: &[String]) {
        self.warning = Some(warnings.join("\n")).filter(|warning| !warning.is_empty());
    }

    /// Whether it ships cases of its own.
    #[must_use]
    pub fn has_self_test(&self) -> bool {
        self.linked.has_self_test()
    }

    /// The version of the contract that it was built for, such as `0.1.0`.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.proof.contract
    }

    /// What it imports, by name.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.proof.imports
    }

    /// What it says of itself.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.proof.descriptor
    }

    /// What came of the cases that it ships, when it was proven; a problem for each that failed.
    #[must_use]
    pub fn self_test(&self) -> Called<Vec<Problem>> {
        self.proof.self_test.clone().of("self-test")
    }

    /// Finds what is wrong with a strategy's settings: by the plugin's schema first and, if that has
    /// nothing to say, by asking the plugin. Both in a child, unless that was done when it was proven: a
    /// schema can take for ever.
    pub async fn check_settings(&self, strategy: &Strategy) -> Called<Vec<Problem>> {
        match self.proof.of(&Trial::of(strategy)) {
            Some(called) => called.clone().of(CHECK_SETTINGS),
            None => self.check_settings_anew(strategy).await,
        }
    }

    /// The same, and always in a child.
    pub async fn check_settings_anew(&self, strategy: &Strategy) -> Called<Vec<Problem>> {
        let called = match self.try_settings(vec![Trial::of(strategy)]).await {
            Ok((mut tried, _)) => tried.swap_remove(0),
            Err(Unproven { wrong, is_passing, .. }) => {
                let error = CallError::Unproven { message: wrong.message, is_passing };
                Called::unmade(CHECK_SETTINGS, Err(error))
            }
        };
        called.of(CHECK_SETTINGS)
    }

    /// Asks a child about settings, one answer for each. Gives also the machine code, which it was lent.
    pub(super) async fn try_settings(
        &self,
        trials: Vec<Trial>,
    ) -> Result<(Vec<Called<Vec<Problem>>>, Artifact), Unproven> {
        let code = self.linked.machine_code().map_err(|_| misunderstood())?;
        let artifact = Artifact::fresh(code);
        let (count, schema) = (trials.len(), self.proof.descriptor.settings_schema.clone());
        let question = Question::Try { schema, trials, sha256: artifact.sha256() };
        match self.prover.ask(&question, artifact.bytes()).await? {
            (Answer::Tried(tried), _) if tried.len() == count => Ok((tried, artifact)),
            _ => Err(misunderstood()),
        }
    }

    /// The question that opens the turn.
    pub async fn compose_turn(
        &self,
        strategy: &Strategy,
        who: &Persona,
        ctx: &TurnContext,
    ) -> Called<TurnRequest> {
        let settings = strategy.settings.to_string();
        self.call("compose-turn", strategy, of(ctx), async |store: &mut Store<CallState>| {
            self.linked.compose_turn(store, who, ctx, &settings).await
        })
        .await
        .checked(|request| check::turn_request(request, &ctx.tools))
    }

    /// The question for the ratings.
    pub async fn compose_rating(
        &self,
        strategy: &Strategy,
        who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
    ) -> Called<RatingRequest> {
        let settings = strategy.settings.to_string();
        self.call("compose-rating", strategy, of(ctx), async |store: &mut Store<CallState>| {
            self.linked.compose_rating(store, who, ctx, outcome, &settings).await
        })
        .await
        .checked(check::rating_request)
    }

    /// The ratings in the model's reply.
    pub async fn parse_rating(
        &self,
        strategy: &Strategy,
        who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        reply: &str,
    ) -> Called<RatingReport> {
        let settings = strategy.settings.to_string();
        self.call("parse-rating", strategy, of(ctx), async |store: &mut Store<CallState>| {
            self.linked.parse_rating(store, who, ctx, outcome, reply, &settings).await
        })
        .await
        .checked(|report| check::rating_report(report, &outcome.modules_used))
    }

    async fn call<T>(
        &self,
        function: &'static str,
        strategy: &Strategy,
        surroundings: Surroundings,
        body: impl AsyncFnOnce(&mut Store<CallState>) -> wasmtime::Result<Result<T, Failure>>,
    ) -> Called<T> {
        call(&self.engine, function, &strategy.limits, surroundings, body).await
    }
}

fn of(ctx: &TurnContext) -> Surroundings {
    Surroundings { now_ms: ctx.now_ms, seed: ctx.seed }
}
