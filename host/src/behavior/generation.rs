//! One loaded build of a plugin: immutable, shared, and pinned by every turn that uses it.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;
use wasmtime::Store;

use super::call::{Called, call};
use super::check;
use super::contract::Mismatch;
use super::engine::Engine;
use super::source::Source;
use super::state::{CallState, Surroundings};
use super::v0_1;
use crate::domain::behavior::{
    Descriptor, Failure, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};
use crate::domain::ids::{GenerationNumber, PluginName, Sha256Hex};
use crate::domain::persona::Persona;
use crate::domain::strategy::{Limits, Strategy};

/// One loaded build of a plugin.
pub struct Generation {
    engine: wasmtime::Engine,
    plugin: PluginName,
    number: GenerationNumber,
    digest: Sha256Hex,
    origin: String,
    contract: String,
    descriptor: Descriptor,
    settings: Option<Validator>,
    /// A second version of the contract makes this an enum.
    linked: v0_1::Linked,
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
    pub(super) async fn new(
        engine: &Engine,
        source: &Source,
        number: GenerationNumber,
        digest: Sha256Hex,
        contract: String,
        linked: v0_1::Linked,
    ) -> Result<Self, Mismatch> {
        let described = call(
            &engine.wasmtime,
            "describe",
            &Limits::default(),
            Surroundings::NONE,
            async |store: &mut Store<CallState>| linked.describe(store).await,
        )
        .await
        .checked(check::descriptor);
        let descriptor = described
            .result
            .map_err(|error| Mismatch { message: error.to_string(), hint: error.hint().to_owned() })?;
        let settings = descriptor.settings_schema.as_ref().map(jsonschema::validator_for).transpose();
        let settings = settings.map_err(|error| Mismatch {
            message: format!("its settings schema is not a JSON Schema: {error}"),
            hint: "correct `settings-schema` in what `describe` returns".to_owned(),
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
            linked,
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

    /// The file's path, or `built in`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
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
