//! Version 0.1 of the contract: its generated types, and the way from and to those of the domain.

use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, HasSelf, Linker};

use super::check::{RawDescriptor, RawRating, RawRatingReport, RawRatingRequest};
use super::state::{CallState, LogLevel};
use domain::action::{Action, ActionStatus};
use domain::behavior::{
    Failure, FailureKind, OfferedTool, Problem, Severity, TurnContext, TurnOutcome, TurnRequest,
};
use domain::persona::{Cadence, Persona};

mod wire {
    wasmtime::component::bindgen!({
        path: "../wit/v0.1",
        world: "plugin",
        exports: { default: async },
    });
}

use wire::persona::behavior::{log, types};

/// The name under which a rating request carries the schema of its reply.
const REPLY_SCHEMA: &str = "reply-schema";

/// Gives plugins of this version what they import besides WASI.
pub(super) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wire::Plugin::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)
}

impl types::Host for CallState {}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.push(level, message);
    }
}

/// The optional interface with the cases that a plugin ships, and its one function.
const SELF_TEST: (&str, &str) = ("persona:behavior/self-test@0.1.0", "run");

/// A compiled plugin of this version, ready to be instantiated.
pub(super) struct Linked {
    plugin: wire::PluginPre<CallState>,
    self_test: Option<ComponentExportIndex>,
    /// The size of its machine code in memory, in bytes.
    pub(super) code: usize,
}

/// What a call gives: the outer error is wasmtime's, the inner one the plugin's.
type Answer<T> = wasmtime::Result<Result<T, Failure>>;

impl Linked {
    pub(super) fn new(linker: &Linker<CallState>, component: &Component) -> wasmtime::Result<Self> {
        let plugin = wire::PluginPre::new(linker.instantiate_pre(component)?)?;
        let interface = component.get_export_index(None, SELF_TEST.0);
        let self_test =
            interface.and_then(|interface| component.get_export_index(Some(&interface), SELF_TEST.1));
        let code = component.image_range();
        Ok(Self { plugin, self_test, code: code.end.addr() - code.start.addr() })
    }

    /// Its machine code, as it was loaded.
    pub(super) fn machine_code(&self) -> wasmtime::Result<Vec<u8>> {
        self.plugin.instance_pre().component().serialize()
    }

    /// Whether it ships cases.
    pub(super) fn has_self_test(&self) -> bool {
        self.self_test.is_some()
    }

    pub(super) async fn self_test(&self, store: &mut Store<CallState>) -> Answer<Vec<Problem>> {
        let Some(function) = &self.self_test else { return Ok(Ok(Vec::new())) };
        let instance = self.plugin.instance_pre().instantiate_async(&mut *store).await;
        let instance = instance.map_err(|error| error.context(NotInstantiated))?;
        let run = instance.get_typed_func::<(), (Vec<types::Problem>,)>(&mut *store, function);
        let run = run.map_err(|error| error.context(NotInstantiated))?;
        let (problems,) = run.call_async(store, ()).await?;
        Ok(Ok(problems.into_iter().map(Into::into).collect()))
    }

    pub(super) async fn describe(&self, store: &mut Store<CallState>) -> Answer<RawDescriptor> {
        let plugin = self.instantiate(store).await?;
        Ok(Ok(plugin.persona_behavior_behavior().call_describe(store).await?.into()))
    }

    pub(super) async fn check_settings(
        &self,
        store: &mut Store<CallState>,
        settings: &types::Json,
    ) -> Answer<Vec<Problem>> {
        let plugin = self.instantiate(store).await?;
        let problems = plugin.persona_behavior_behavior().call_check_settings(store, settings).await?;
        Ok(Ok(problems.into_iter().map(Into::into).collect()))
    }

    pub(super) async fn compose_turn(
        &self,
        store: &mut Store<CallState>,
        who: &Persona,
        ctx: &TurnContext,
        settings: &types::Json,
    ) -> Answer<TurnRequest> {
        let plugin = self.instantiate(store).await?;
        let answer = plugin
            .persona_behavior_behavior()
            .call_compose_turn(store, &who.into(), &ctx.into(), settings)
            .await?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    pub(super) async fn compose_rating(
        &self,
        store: &mut Store<CallState>,
        who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        settings: &types::Json,
    ) -> Answer<RawRatingRequest> {
        let plugin = self.instantiate(store).await?;
        let answer = plugin
            .persona_behavior_behavior()
            .call_compose_rating(store, &who.into(), &ctx.into(), &outcome.into(), settings)
            .await?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    pub(super) async fn parse_rating(
        &self,
        store: &mut Store<CallState>,
        who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        reply: &str,
        settings: &types::Json,
    ) -> Answer<RawRatingReport> {
        let plugin = self.instantiate(store).await?;
        let answer = plugin
            .persona_behavior_behavior()
            .call_parse_rating(store, &who.into(), &ctx.into(), &outcome.into(), reply, settings)
            .await?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    /// The types of the exported functions are compared here, and not before.
    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<wire::Plugin> {
        self.plugin.instantiate_async(store).await.map_err(|error| error.context(NotInstantiated))
    }
}

/// Marks an error that came before the function was called.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be instantiated")]
pub(super) struct NotInstantiated;

impl From<&Persona> for types::Persona {
    fn from(who: &Persona) -> Self {
        Self {
            id: who.id.as_str().to_owned(),
            email: who.email.clone(),
            archetype: who.archetype.clone(),
            system_prompt: who.system_prompt.clone(),
            module_mix: who
                .module_mix
                .iter()
                .map(|entry| types::ModuleWeight { module: entry.module.clone(), weight: entry.weight })
                .collect(),
            cadence: match who.cadence {
                Cadence::Hourly => types::Cadence::Hourly,
                Cadence::Daily => types::Cadence::Daily,
                Cadence::Weekdays => types::Cadence::Weekdays,
            },
            extras: Vec::new(),
        }
    }
}

impl From<&TurnContext> for types::TurnContext {
    fn from(ctx: &TurnContext) -> Self {
        Self {
            turn_id: ctx.turn_id.clone(),
            now_ms: ctx.now_ms,
            local_date: ctx.local_date.clone(),
            last_active_ms: ctx.last_active_ms,
            seed: ctx.seed,
            tools: ctx.tools.iter().map(Into::into).collect(),
            memory: ctx.memory.as_ref().map(ToString::to_string),
            extras: Vec::new(),
        }
    }
}

impl From<&OfferedTool> for types::Tool {
    fn from(tool: &OfferedTool) -> Self {
        Self { name: tool.name.clone(), module: tool.module.clone(), description: tool.description.clone() }
    }
}

impl From<&TurnOutcome> for types::TurnOutcome {
    fn from(outcome: &TurnOutcome) -> Self {
        Self {
            actions: outcome.actions.iter().map(Into::into).collect(),
            modules_used: outcome.modules_used.clone(),
            final_text: outcome.final_text.clone(),
            stop_reason: outcome.stop_reason.clone(),
            extras: Vec::new(),
        }
    }
}

impl From<&Action> for types::Action {
    fn from(action: &Action) -> Self {
        Self {
            index: action.index,
            tool: action.tool.clone(),
            module: action.module.clone(),
            input: action.input.to_string(),
            status: match action.status {
                ActionStatus::Ok => types::ActionStatus::Ok,
                ActionStatus::Error => types::ActionStatus::Error,
                ActionStatus::Unknown => types::ActionStatus::Unknown,
            },
            detail: action.error.clone(),
        }
    }
}

impl From<types::Descriptor> for RawDescriptor {
    fn from(descriptor: types::Descriptor) -> Self {
        Self {
            name: descriptor.name,
            version: descriptor.version,
            summary: descriptor.summary,
            settings_schema: descriptor.settings_schema,
        }
    }
}

impl From<types::TurnRequest> for TurnRequest {
    fn from(request: types::TurnRequest) -> Self {
        Self {
            system: request.system,
            user: request.user,
            allowed_tools: request.allowed_tools,
            max_rounds: request.max_rounds,
        }
    }
}

impl From<types::RatingRequest> for RawRatingRequest {
    fn from(request: types::RatingRequest) -> Self {
        let mut extras = request.extras.into_iter();
        Self {
            system: request.system,
            user: request.user,
            reply_schema: extras.find(|(name, _)| name == REPLY_SCHEMA).map(|(_, schema)| schema),
        }
    }
}

impl From<types::RatingReport> for RawRatingReport {
    fn from(report: types::RatingReport) -> Self {
        Self {
            ratings: report
                .ratings
                .into_iter()
                .map(|rating| RawRating { module: rating.module, score: rating.score, notes: rating.notes })
                .collect(),
            problems: report.problems.into_iter().map(Into::into).collect(),
            memory: report.memory,
        }
    }
}

impl From<types::Problem> for Problem {
    fn from(problem: types::Problem) -> Self {
        let severity = match problem.severity {
            types::Severity::Info => Severity::Info,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Error => Severity::Error,
        };
        Self { severity, path: problem.path, message: problem.message }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self {
            kind: match failure.kind {
                types::FailureKind::Settings => FailureKind::Settings,
                types::FailureKind::Input => FailureKind::Input,
                types::FailureKind::Output => FailureKind::Output,
                types::FailureKind::Skip => FailureKind::Skip,
                types::FailureKind::Internal => FailureKind::Internal,
            },
            code: failure.code,
            message: failure.message,
            // What is no JSON is still something to show.
            detail: failure
                .detail
                .map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))),
        }
    }
}
