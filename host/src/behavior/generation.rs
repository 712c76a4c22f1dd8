//! One loaded build of a plugin: immutable, shared, and pinned by every turn that uses it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;
use wasmtime::Store;

use super::call::{Called, call};
use super::check;
use super::contract::Mismatch;
use super::engine::Engine;
use super::refusal::Origin;
use super::source::Source;
use super::state::{CallState, Surroundings};
use super::v0_1;
use domain::behavior::{
    Descriptor, Failure, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};
use domain::ids::{GenerationNumber, PluginName, Sha256Hex};
use domain::persona::Persona;
use domain::strategy::{Limits, Strategy};

/// What all cases of a self-test may use together.
const SELF_TEST_FUEL: u64 = 5_000_000_000;
const SELF_TEST_TIME: Duration = Duration::from_secs(10);

/// One loaded build of a plugin.
pub struct Generation {
    engine: wasmtime::Engine,
    plugin: PluginName,
    number: GenerationNumber,
    digest: Sha256Hex,
    origin: Origin,
    contract: String,
    descriptor: Descriptor,
    settings: Option<Validator>,
    warning: Option<String>,
    compiled: Duration,
    /// A second version of the contract makes this an enum.
    linked: v0_1::Linked,
    /// Makes it count in [`Engine::generations`].
    _counted: Arc<()>,
}

/// Everything about a build that is known before it is called for the first time.
pub(super) struct Loaded<'a> {
    pub(super) source: &'a Source,
    pub(super) number: GenerationNumber,
    pub(super) digest: Sha256Hex,
    pub(super) contract: String,
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
    /// Asks a linked plugin what it is.
    pub(super) async fn new(engine: &Engine, loaded: Loaded<'_>) -> Result<Self, Mismatch> {
        let Loaded { source, number, digest, contract, warning, compiled, linked } = loaded;
        let described = call(
            &engine.wasmtime,
            "describe",
            &Limits::default(),
            Surroundings::NONE,
            async |store: &mut Store<CallState>| linked.describe(store).await,
        )
        .await
        .checked(check::descriptor);
        let descriptor = described.result.map_err(|error| Mismatch::new(error.to_string(), error.hint()))?;
        let settings = descriptor.settings_schema.as_ref().map(jsonschema::validator_for).transpose();
        let settings = settings.map_err(|error| {
            Mismatch::new(
                format!("its settings schema is not a JSON Schema: {error}"),
                "correct `settings-schema` in what `describe` returns",
            )
        })?;
        Ok(Self {
            engine: engine.wasmtime.clone(),
            plugin: source.plugin.clone(),
            number,
            digest,
            origin: source.origin.clone(),
            contract,
            descriptor,
            settings,
            warning,
            compiled,
            linked,
            _counted: Arc::clone(&engine.generations),
        })
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

    /// Whether it ships cases of its own.
    #[must_use]
    pub fn has_self_test(&self) -> bool {
        self.linked.has_self_test()
    }

    /// The version of the contract that it was built for, such as `0.1.0`.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.contract
    }

    /// What it says of itself.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Runs the cases that it ships; a problem for each that fails.
    pub async fn self_test(&self) -> Called<Vec<Problem>> {
        const FUNCTION: &str = "self-test";
        if !self.has_self_test() {
            return Called::without_call(FUNCTION, Vec::new());
        }
        // Many calls in one: it may take what many calls may take.
        let limits = Limits { fuel: SELF_TEST_FUEL, time: SELF_TEST_TIME, ..Limits::default() };
        call(&self.engine, FUNCTION, &limits, Surroundings::NONE, async |store: &mut Store<CallState>| {
            self.linked.self_test(store).await
        })
        .await
        .checked(|problems| Ok((check::plugin_problems(problems), Vec::new())))
    }

    /// Finds what is wrong with a strategy's settings: by the plugin's schema first and, if that has
    /// nothing to say, by asking the plugin.
    pub async fn check_settings(&self, strategy: &Strategy) -> Called<Vec<Problem>> {
        const FUNCTION: &str = "check-settings";
        let problems = self.broken_rules(&strategy.settings);
        if !problems.is_empty() {
            return Called::without_call(FUNCTION, problems);
        }
        let settings = strategy.settings.to_string();
        self.call(FUNCTION, strategy, Surroundings::NONE, async |store: &mut Store<CallState>| {
            self.linked.check_settings(store, &settings).await
        })
        .await
        .checked(|problems| Ok((check::plugin_problems(problems), Vec::new())))
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

    /// What the schema says about a settings document.
    fn broken_rules(&self, settings: &Value) -> Vec<Problem> {
        if !settings.is_object() {
            return vec![Problem::error(None, "the settings have to be an object")];
        }
        let Some(schema) = &self.settings else { return Vec::new() };
        schema
            .iter_errors(settings)
            .map(|error| Problem::error(Some(error.instance_path().to_string()), error.to_string()))
            .collect()
    }
}

fn of(ctx: &TurnContext) -> Surroundings {
    Surroundings { now_ms: ctx.now_ms, seed: ctx.seed }
}
