//! The child: the same program, asked about one build. It limits itself, reads the question, and answers. It
//! knows no configuration, no ledger and no environment.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use jsonschema::Validator;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use wasmparser::WasmFeatures;
use wasmtime::Store;
use wasmtime::component::Component;

use super::answer::{self, Answer, MARK, Proof, Question, STAGES, Trial};
use super::limits;
use crate::behavior::artifact::Artifact;
use crate::behavior::call::{Called, call};
use crate::behavior::check;
use crate::behavior::contract::{self, Mismatch, Names, damaged, drifted};
use crate::behavior::machine::Machine;
use crate::behavior::refusal::LoadStage;
use crate::behavior::state::{CallState, Surroundings};
use crate::behavior::surface::{Misfit, Surface, first_names};
use crate::behavior::v0_1::Linked;
use domain::behavior::{Descriptor, Problem};
use domain::strategy::Limits;

/// The argument that makes a persona-host a child. It is no verb: nobody types it.
pub(super) const VERB: &str = "prove-plugin";
/// The stack on which bytes that nobody has looked at are read and compiled.
const READING: usize = 2 << 20;
/// The stack on which what came of it is loaded and called: half of that of the host's own threads, so that
/// what goes well here goes well there.
const LOADING: usize = 1 << 20;
/// What all cases of a self-test may use together.
const SELF_TEST_FUEL: u64 = 5_000_000_000;
const SELF_TEST_TIME: Duration = Duration::from_secs(10);
/// The computing time that the host's own part of a step may take: a schema to read, settings to validate.
const STEP: Duration = Duration::from_secs(4);
/// The most problems that are taken from a schema.
const MOST_PROBLEMS: usize = 100;

/// If this process was started as a child, answers as one; to be asked before anything is set up.
#[must_use]
pub fn answer_as_child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != VERB {
        return None;
    }
    let numbers: Vec<u64> = arguments.filter_map(|number| number.to_str()?.parse().ok()).collect();
    Some(match numbers[..] {
        [memory, milliseconds, most] => end(answer(memory, Duration::from_millis(milliseconds), most)),
        _ => ExitCode::FAILURE,
    })
}

fn end(answered: io::Result<()>) -> ExitCode {
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever asked reads this, and quotes it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(memory: u64, time: Duration, most: u64) -> io::Result<()> {
    limits::take(memory, time)?;
    let (question, about) = answer::read_question(io::stdin().lock(), most)?;
    thread::spawn(end_with_the_parent);
    let answered = on_a_stack(READING, || match question {
        Question::Look => Ok((Answer::Seen(look(&about)), None)),
        Question::Prove(trials) => prove(&about, trials),
        Question::Try { schema, trials, sha256 } => {
            let artifact = Artifact::handed_over(about, sha256);
            on_a_stack(LOADING, || try_settings(&artifact, schema.as_ref(), &trials))
        }
    });
    let (answer, artifact) = answered.unwrap_or_else(|refused| (refused, None));
    let code = artifact.as_ref().map_or(&[][..], Artifact::bytes);
    answer::write_answer(io::stdout().lock(), &answer, code)
}

/// The parent holds the other end of our input as long as it waits. If it is gone, nobody waits.
fn end_with_the_parent() {
    let mut nothing = [0; 1];
    let _ = io::stdin().read(&mut nothing);
    std::process::exit(1);
}

/// An answer, and the machine code that belongs to it.
type Answered = Result<(Answer, Option<Artifact>), Answer>;

fn look(component: &[u8]) -> Result<Surface, Misfit> {
    reach(LoadStage::Contract);
    let mut surface = Surface::of(component)?;
    // Names can be right and what they stand for not, or so deep that nobody can read it: then this ends here.
    if let Err(error) = wasmparser::Validator::new_with_features(WasmFeatures::all()).validate_all(component)
    {
        surface.contract = None;
        surface.misfit.get_or_insert(damaged(&error, component.len()).into());
    }
    Ok(surface)
}

fn prove(component: &[u8], trials: Vec<Trial>) -> Answered {
    reach(LoadStage::Contract);
    let contract = contract::version(component).map_err(|wrong| refused(LoadStage::Contract, wrong))?;
    let names = Names::of(component).map_err(|wrong| refused(LoadStage::Contract, wrong))?;
    reach(LoadStage::Compile);
    let machine = machine()?;
    let began = Instant::now();
    let compiled = machine.wasmtime.precompile_component(component);
    let compiled = compiled.map_err(|error| refused(LoadStage::Compile, uncompiled(&error)))?;
    let most = answer::most_code(component.len());
    if compiled.len() > most {
        return Err(refused(LoadStage::Compile, too_much_code(compiled.len(), most)));
    }
    let took = began.elapsed();
    let artifact = Artifact::fresh(compiled);
    let loaded = on_a_stack(LOADING, || {
        let shown = Shown { machine: &machine, linked: linked(&machine, &artifact)?, runtime: runtime()? };
        let described = shown.describe()?;
        let validator = validator(described.settings_schema.as_ref())?;
        Ok(Proof {
            contract,
            imports: first_names(names.imports),
            self_test: shown.self_test(),
            tried: trials
                .into_iter()
                .map(|trial| {
                    let called = shown.try_settings(validator.as_ref(), &trial);
                    (trial, called)
                })
                .collect(),
            descriptor: described,
            compiled: took,
        })
    });
    loaded.map(|proof| (Answer::Proven(Box::new(proof), artifact.sha256()), Some(artifact)))
}

fn try_settings(artifact: &Artifact, schema: Option<&Value>, trials: &[Trial]) -> Answered {
    let machine = machine()?;
    let shown = Shown { machine: &machine, linked: linked(&machine, artifact)?, runtime: runtime()? };
    let validator = validator(schema)?;
    let tried = trials.iter().map(|trial| shown.try_settings(validator.as_ref(), trial)).collect();
    Ok((Answer::Tried(tried), None))
}

/// A plugin that can be called.
struct Shown<'a> {
    machine: &'a Machine,
    linked: Linked,
    runtime: Runtime,
}

impl Shown<'_> {
    /// The first call.
    fn describe(&self) -> Result<Descriptor, Answer> {
        reach(LoadStage::Describe);
        let limits = Limits::default();
        allow(limits.time);
        let described = self.runtime.block_on(call(
            &self.machine.wasmtime,
            "describe",
            &limits,
            Surroundings::NONE,
            async |store: &mut Store<CallState>| self.linked.describe(store).await,
        ));
        described.checked(check::descriptor).result.map_err(|error| Answer::Refused {
            stage: LoadStage::Describe,
            message: error.to_string(),
            hint: error.hint().to_owned(),
            is_passing: error.is_passing(),
        })
    }

    /// Runs the cases that it ships; a problem for each that fails.
    fn self_test(&self) -> Called<Vec<Problem>> {
        const FUNCTION: &str = "self-test";
        if !self.linked.has_self_test() {
            return Called::without_call(FUNCTION, Vec::new());
        }
        reach(LoadStage::SelfTest);
        // Many calls in one: it may take what many calls may take.
        let limits = Limits { fuel: SELF_TEST_FUEL, time: SELF_TEST_TIME, ..Limits::default() };
        allow(limits.time);
        let run = async |store: &mut Store<CallState>| self.linked.self_test(store).await;
        let called = call(&self.machine.wasmtime, FUNCTION, &limits, Surroundings::NONE, run);
        self.runtime.block_on(called).checked(|problems| Ok((check::plugin_problems(problems), Vec::new())))
    }

    /// Finds what is wrong with settings: by the plugin's schema first and, if that has nothing to say, by
    /// asking the plugin.
    fn try_settings(&self, validator: Option<&Validator>, trial: &Trial) -> Called<Vec<Problem>> {
        const FUNCTION: &str = "check-settings";
        reach(LoadStage::Settings);
        allow(trial.limits.time);
        let problems = broken_rules(validator, &trial.settings);
        if !problems.is_empty() {
            return Called::without_call(FUNCTION, check::plugin_problems(problems));
        }
        let settings = trial.settings.to_string();
        let run = async |store: &mut Store<CallState>| self.linked.check_settings(store, &settings).await;
        let called = call(&self.machine.wasmtime, FUNCTION, &trial.limits, Surroundings::NONE, run);
        self.runtime.block_on(called).checked(|problems| Ok((check::plugin_problems(problems), Vec::new())))
    }
}

/// What the schema says about a settings document.
fn broken_rules(validator: Option<&Validator>, settings: &Value) -> Vec<Problem> {
    if !settings.is_object() {
        return vec![Problem::error(None, "the settings have to be an object")];
    }
    let errors = validator.map(|validator| validator.iter_errors(settings)).into_iter().flatten();
    errors
        .take(MOST_PROBLEMS)
        .map(|error| Problem::error(Some(error.instance_path().to_string()), error.to_string()))
        .collect()
}

fn validator(schema: Option<&Value>) -> Result<Option<Validator>, Answer> {
    allow(STEP);
    let validator = schema.map(jsonschema::validator_for).transpose();
    validator.map_err(|error| {
        let message = format!("its settings schema is not a JSON Schema: {error}");
        let hint = "correct `settings-schema` in what `describe` returns";
        refused(LoadStage::Describe, Mismatch::new(message, hint))
    })
}

fn linked(machine: &Machine, artifact: &Artifact) -> Result<Linked, Answer> {
    reach(LoadStage::Link);
    let component: wasmtime::Result<Component> = artifact.load(&machine.wasmtime);
    let component = component.map_err(|error| refused(LoadStage::Compile, uncompiled(&error)))?;
    Linked::new(&machine.linker, &component).map_err(|error| refused(LoadStage::Link, unlinked(&error)))
}

fn machine() -> Result<Machine, Answer> {
    let none = |error: &dyn std::fmt::Display| Mismatch::new(error.to_string(), "free some memory");
    Machine::new().map_err(|error| refused(LoadStage::Compile, none(&error)))
}

fn runtime() -> Result<Runtime, Answer> {
    let none = |error: io::Error| Mismatch::new(error.to_string(), "free some memory");
    Builder::new_current_thread().enable_time().build().map_err(|error| refused(LoadStage::Link, none(error)))
}

fn refused(stage: LoadStage, Mismatch { message, hint }: Mismatch) -> Answer {
    Answer::Refused { stage, message, hint, is_passing: false }
}

fn uncompiled(error: &wasmtime::Error) -> Mismatch {
    let message = format!("it cannot be compiled: {error:#}");
    let hint = advice(&message);
    Mismatch::new(message, hint)
}

/// Parts of WebAssembly that are off here, and the options of usual tools that need them.
fn advice(message: &str) -> &'static str {
    if message.contains("tail calls") {
        "build it without tail calls (componentize-qjs: without `--opt-size`)"
    } else if message.contains("component model async") {
        "build it without async functions (componentize-qjs: `--sync`, jco: `--backend-qjs-disable-async`)"
    } else {
        "rebuild the plugin with a current toolchain"
    }
}

fn too_much_code(bytes: usize, most: usize) -> Mismatch {
    Mismatch::new(
        format!(
            "it becomes {} MiB of machine code, and {} MiB is the most for its size",
            bytes >> 20,
            most >> 20
        ),
        "build it optimized for size, and without components that are instantiated over and over",
    )
}

/// The names of its imports and exports are right, and something in them is not there or of another type.
fn unlinked(error: &wasmtime::Error) -> Mismatch {
    if error.to_string().starts_with("component imports instance `wasi:") {
        return Mismatch::new(
            format!("it wants of WASI what this host does not have: {error:#}"),
            "build it with a toolchain for an earlier WASI 0.2, or use a newer persona-host",
        );
    }
    Mismatch::new(drifted(error), "rebuild it against the unchanged wit/v0.1")
}

/// Says how far this got: should the process die now, that is where.
fn reach(stage: LoadStage) {
    let mark = STAGES.iter().position(|known| *known == stage).and_then(|place| u8::try_from(place).ok());
    let mut output = io::stdout().lock();
    // A parent that does not read any more has gone, and we go with it.
    let _ = output.write_all(&[MARK, mark.unwrap_or_default()]).and_then(|()| output.flush());
}

/// A step may compute for so long, and a little more for what the host adds. That no limit can be set was
/// found out before.
fn allow(time: Duration) {
    let _ = limits::allow(time.saturating_add(STEP));
}

/// Runs `work` on a thread with a stack of this size. Its panic is ours.
fn on_a_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work);
        let ended = thread.expect("the memory for one stack is there, or nothing can be done").join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
