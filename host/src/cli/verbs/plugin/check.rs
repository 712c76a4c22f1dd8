//! `plugin check`: whether the host would take a component, and what its calls cost. A list of
//! findings; what else can be found out about a component is one more entry of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::ask::{Asked, Cost, ask};
use super::component::{self, strategy};
use super::finding::{Finding, Verdict};
use super::given::{self, Given};
use crate::behavior::{Called, Generation, Source};
use crate::cli::args::Check;
use crate::cli::next::quoted;
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, Output, styled};
use crate::cli::text::{grouped, size};
use crate::cli::verbs::turns;
use crate::cli::{Exit, Failure, load};
use crate::config::Plugins;
use crate::reload::Replay;
use crate::workshop::{Answers, No, Sample};
use domain::behavior::{Problem, RatingReport, Severity};
use domain::code::Code;
use domain::ids::{PluginName, StrategyName};
use domain::plugin::ReplayPolicy;
use domain::strategy::{Limits, Strategy};

/// Components from this size on take seconds to compile, so that this is said first.
const LARGE: usize = 1 << 20;
/// Who uses more of a limit than this, in percent, is told so.
const NEAR: u64 = 50;

/// What becomes of a build that does nothing worse than to fail with the sample.
pub(super) const ALL_THE_SAME: &str = "the host loads it all the same, unless turns of the past speak against it; a turn like the sample ends in a fault";

/// Checks a component. Ends with [`Exit::BadInput`] when the host would not use it, or not with the
/// settings that were given, or nothing of what a sample call gave.
///
/// # Errors
/// When the component is refused at once, or what was given beside it cannot be used.
pub async fn check(args: &Check, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let given = Given { persona: args.persona.as_deref(), ..Given::default() };
    let sample = given.sample()?;
    let source = component::read(&args.file)?;
    let mut findings = vec![of_file(&args.file, &source)];
    say_if_large(&source, output);
    let generation = component::loaded(&args.file, &source, file).await?;
    findings.extend(of_load(&generation));
    findings.extend(of_self_test(generation.self_test()));
    let strategies = strategies(args, generation.plugin(), file)?;
    for strategy in &strategies {
        let asked = ask(&generation, strategy, &sample).await;
        findings.extend(of_calls(strategy, &asked, args.settings.is_some()));
    }
    findings.extend(of_past(&generation, strategies, file).await?);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    let document = json!({ "file": args.file, "verdict": verdict, "findings": findings });
    output.print(&document, || text(&findings, verdict))?;
    match verdict {
        Verdict::Refused => {
            let message = format!("{} would not be used as it is", args.file.display());
            Err(Failure::new(Exit::BadInput, Code::PluginUnfit, message).told())
        }
        _ => {
            next(&args.file, &load::config(file)?.plugins.dir, output);
            Ok(())
        }
    }
}

/// It serves where the host looks for it. A file that is there already waits for nobody.
fn next(component: &Path, folder: &Path, output: Output) {
    if component.parent() != Some(folder) {
        let [from, to] = [component, folder].map(|path| quoted(&path.display().to_string()));
        output.next_line(&format!("mkdir -p {to} && cp {from} {to}/"));
    }
}

/// What comes of calling a component that was built a moment ago: what it has to say of itself, and each
/// function with the sample. Nothing that only an operator knows: no signature, no strategy.
///
/// # Errors
/// When it cannot even be loaded.
pub(super) async fn tried(path: &Path, file: Option<&Path>, output: Output) -> Result<Vec<Finding>, Failure> {
    let source = component::read(path)?;
    say_if_large(&source, output);
    let generation = component::own(path, &source, file).await?;
    let strategy = strategy(generation.plugin(), given::settings(None)?);
    let asked = ask(&generation, &strategy, &Sample::usual()).await;
    let own = of_self_test(generation.self_test());
    Ok(own.into_iter().chain(of_calls(&strategy, &asked, false)).collect())
}

fn say_if_large(source: &Source, output: Output) {
    if source.bytes.len() > LARGE {
        let line = format!("  compiling {}; the next time it comes from the cache", size(source.bytes.len()));
        output.say(&styled(FAINT, line));
    }
}

/// The settings to check: those that were given, or those of the strategies that use a plugin of this
/// name, or none.
fn strategies(args: &Check, plugin: &PluginName, file: Option<&Path>) -> Result<Vec<Strategy>, Failure> {
    let settings = given::settings(args.settings.as_deref())?;
    let mut configured = load::config(file)?.strategies;
    configured.retain(|strategy| strategy.plugin == *plugin && args.settings.is_none());
    Ok(if configured.is_empty() { vec![strategy(plugin, settings)] } else { configured })
}

fn of_file(path: &Path, source: &Source) -> Finding {
    let says = format!("{}, {}", path.display(), size(source.bytes.len()));
    let name = source.plugin.as_str();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) && path.extension().is_some_and(|end| end == "wasm") {
        return Finding::ok("file", says);
    }
    let hint = "call it NAME.wasm, of letters, digits, `-` and `_`: the host looks for plugins by that name";
    Finding::warn("file", says, hint)
}

/// What loading it has shown.
fn of_load(generation: &Generation) -> Vec<Finding> {
    let described = generation.descriptor();
    let wasi = generation.imports().iter().filter_map(|name| name.strip_prefix("wasi:"));
    let packages: BTreeSet<&str> = wasi.filter_map(|name| name.split('/').next()).collect();
    let imports = if packages.is_empty() {
        "nothing of WASI".to_owned()
    } else {
        let packages = packages.into_iter().collect::<Vec<_>>().join(", ");
        format!("WASI's {packages}: they are there, and show it nothing")
    };
    let schema = if described.settings_schema.is_some() { "" } else { " (no schema for settings)" };
    let compiled = generation.compiled().as_millis();
    let mut findings = vec![
        Finding::ok(
            "contract",
            format!("{}, sha256 {}", generation.contract(), generation.digest().as_str()),
        ),
        Finding::ok("imports", imports),
        Finding::ok(
            "load",
            format!("compiled in {compiled} ms, {} of machine code", size(generation.code())),
        ),
        Finding::ok(
            "describe",
            format!("{} {}: {}{schema}", described.name, described.version, described.summary),
        ),
    ];
    if let Some(warning) = generation.warning() {
        findings.push(Finding::warn(
            "trust",
            warning,
            "sign it, and put the signature beside it as NAME.wasm.sig",
        ));
    }
    findings
}

/// What the cases have shown that it ships; nothing if it ships none.
fn of_self_test(called: Called<Vec<Problem>>) -> Option<Finding> {
    let call = Cost::of(&called);
    let name = call.function;
    let finding = match called.result {
        // No call was made.
        Ok(_) if call.fuel == 0 => return None,
        Ok(problems) => {
            let errors: Vec<String> =
                problems.iter().filter(|problem| problem.severity == Severity::Error).map(sentence).collect();
            if errors.is_empty() {
                told(Finding::ok(name, "its own cases pass"), &problems)
            } else {
                let says = format!("cases of its own fail: {}", errors.join("; "));
                Finding::refused(name, says, "mend the plugin, or the cases that it ships")
            }
        }
        Err(error) => Finding::refused(name, error.to_string(), error.hint()),
    };
    Some(Finding { call: Some(call), ..finding })
}

/// What turns of the past have shown; nothing where no ledger has any.
async fn of_past(
    generation: &Generation,
    strategies: Vec<Strategy>,
    file: Option<&Path>,
) -> Result<Option<Finding>, Failure> {
    let Plugins { replay: policy, replay_turns, .. } = load::config(file)?.plugins;
    let Ok(ledger) = turns::open(None, file).await else { return Ok(None) };
    if policy == ReplayPolicy::Off {
        return Ok(None);
    }
    let names: Vec<StrategyName> = strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let turns = ledger.kept_turns(&names, replay_turns).await?;
    let strategies: Vec<Arc<Strategy>> = strategies.into_iter().map(Arc::new).collect();
    let replay = Replay::of(generation, None, &strategies, &turns).await;
    let hint = "`persona-host plugin replay FILE` shows each difference";
    Ok(match (replay.worse(), policy) {
        _ if replay.0.is_empty() => None,
        (0, _) => Some(Finding::ok("replay", format!("as good in {} turns of the past", replay.0.len()))),
        (_, ReplayPolicy::Refuse) => Some(Finding::refused("replay", replay.to_string(), hint)),
        _ => Some(Finding::warn("replay", replay.to_string(), hint)),
    })
}

/// What calling it has shown.
fn of_calls(strategy: &Strategy, asked: &Asked, given: bool) -> Vec<Finding> {
    let Answers { settings, turn, rating, report, .. } = &asked.answers;
    let mut findings = Vec::new();
    for call in &asked.calls {
        let limits = &strategy.limits;
        let finding = match call.function {
            "check-settings" => of_settings(strategy, settings.as_ref(), given),
            "compose-turn" => of_answer(call, limits, turn.as_ref().and_then(|turn| turn.as_ref().err())),
            "compose-rating" => {
                of_answer(call, limits, rating.as_ref().and_then(|rating| rating.as_ref().err()))
            }
            _ => of_report(call, limits, report.as_ref()),
        };
        let finding = told(finding, &call.put_right);
        if call.function == "compose-turn" {
            findings.push(of_limits(strategy));
        }
        findings.push(Finding { strategy: Some(strategy.name.clone()), call: Some(call.clone()), ..finding });
    }
    if asked.answers.report.is_none() {
        let why = "not all functions were called, because a turn would have ended here";
        let hint =
            "see what stands above; other settings come with --settings, another persona with --persona";
        findings.push(Finding::warn("sample turn", why, hint));
    }
    findings
}

/// What the percentages of the calls are of.
fn of_limits(strategy: &Strategy) -> Finding {
    let Limits { fuel, time, memory, transfer, log_lines } = strategy.limits;
    let says = format!(
        "{} fuel, {} ms, {}, {} handed over, {log_lines} log lines for each call",
        grouped(fuel),
        time.as_millis(),
        size(memory),
        size(transfer),
    );
    Finding { strategy: Some(strategy.name.clone()), ..Finding::ok("limits", says) }
}

/// Settings that were only tried, because nobody gave any, are no reason to refuse.
fn of_settings(strategy: &Strategy, answer: Option<&Result<Vec<Problem>, No>>, given: bool) -> Finding {
    let name = "check-settings";
    let whose = match (given, strategy.name.as_str() == strategy.plugin.as_str()) {
        (true, _) => "the settings".to_owned(),
        (false, true) => format!("the settings {}", strategy.settings),
        (false, false) => format!("the settings of strategy {}", strategy.name),
    };
    let problems = match answer {
        Some(Ok(problems)) => problems,
        Some(Err(no)) => {
            return Finding::refused(name, no.message.clone(), "this is for the plugin's author");
        }
        None => return Finding::ok(name, ""),
    };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let errors: Vec<String> = errors.map(sentence).collect();
    if errors.is_empty() {
        return told(Finding::ok(name, format!("{whose} are accepted")), problems);
    }
    let says = format!("{whose} are refused: {}", errors.join("; "));
    let tried = !given && strategy.settings.as_object().is_some_and(serde_json::Map::is_empty);
    if tried {
        Finding::warn(name, says, "give some that it accepts, with --settings FILE")
    } else {
        Finding::refused(name, says, "correct the settings, or the plugin's schema for them")
    }
}

/// Ratings of which the host keeps none are as good as no answer.
fn of_report(call: &Cost, limits: &Limits, answer: Option<&Result<RatingReport, No>>) -> Finding {
    let finding = match answer {
        Some(Ok(report)) if report.ratings.is_empty() && call.put_right.iter().any(is_of_a_rating) => {
            let hint = "rate each of `outcome.modules-used` at most once, from 1 to 5";
            Finding::fails(call.function, "none of the ratings that it read can be used", hint)
        }
        answer => of_answer(call, limits, answer.and_then(|answer| answer.as_ref().err())),
    };
    told(finding, answer.into_iter().flatten().flat_map(|report| &report.problems))
}

/// Whether the host dropped a rating for it, and not the memory, whose place is a pointer.
fn is_of_a_rating(problem: &Problem) -> bool {
    let module = problem.path.as_deref().is_some_and(|path| !path.starts_with('/'));
    module && problem.severity == Severity::Error
}

/// What a call has cost beside its limits, and what it means that it said no.
fn of_answer(call: &Cost, limits: &Limits, no: Option<&No>) -> Finding {
    let (name, hint) = (call.function, call.hint.unwrap_or_default());
    match no {
        Some(No { kind, message }) => match kind.as_str() {
            "skip" | "input" | "output" | "settings" | "internal" => {
                Finding::warn(name, format!("says {kind}: {message}"), hint)
            }
            _ => Finding::fails(name, message.clone(), hint),
        },
        None => {
            let lines = call.log.len() as u64 + call.log_dropped;
            let says = format!(
                "{} fuel ({} %), {:.1} ms ({} %), {} ({} %), {lines} log lines",
                grouped(call.fuel),
                percent(call.fuel, limits.fuel),
                call.took.as_secs_f64() * 1000.0,
                percent(micros(call.took), micros(limits.time)),
                size(call.memory),
                percent(call.memory as u64, limits.memory as u64),
            );
            match near(call, limits) {
                Some(hint) => Finding::warn(name, says, hint),
                None => Finding::ok(name, says),
            }
        }
    }
}

/// What to do about a call that came near a limit, or lost log lines.
fn near(call: &Cost, limits: &Limits) -> Option<String> {
    if call.log_dropped > 0 {
        return Some(format!("write less to the log: only the last {} lines are kept", limits.log_lines));
    }
    let fuel = ("fuel", percent(call.fuel, limits.fuel));
    let time = ("time", percent(micros(call.took), micros(limits.time)));
    let memory = ("memory", percent(call.memory as u64, limits.memory as u64));
    let (what, percent) = [fuel, time, memory].into_iter().find(|(_, percent)| *percent > NEAR)?;
    Some(format!("it uses {percent} % of its {what}: use less, or raise the strategy's limit `{what}`"))
}

/// A finding with the problems that were told beside it.
fn told<'p>(mut finding: Finding, problems: impl IntoIterator<Item = &'p Problem>) -> Finding {
    for problem in problems {
        finding.says += &format!("\n{}", sentence(problem));
        if problem.severity > Severity::Info {
            finding.verdict = finding.verdict.max(Verdict::Warn);
        }
    }
    finding
}

fn sentence(problem: &Problem) -> String {
    match problem.path.as_deref() {
        Some(path) if !path.is_empty() => format!("{path}: {}", problem.message),
        _ => problem.message.clone(),
    }
}

fn percent(used: u64, limit: u64) -> u64 {
    used.saturating_mul(100) / limit.max(1)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn text(findings: &[Finding], verdict: Verdict) -> String {
    let lines: String = findings.iter().map(Finding::text).collect();
    let number = |wanted| findings.iter().filter(|finding| finding.verdict == wanted).count();
    let end = match verdict {
        Verdict::Ok => styled(GOOD, "the host would use it"),
        Verdict::Warn => {
            let odd = number(Verdict::Warn);
            styled(HEAD, format!("the host would use it; {odd} to look at (marked with !)"))
        }
        Verdict::Refused => {
            let bad = number(Verdict::Refused);
            let end = if findings.iter().any(Finding::keeps_out) {
                format!("the host would not use it: {bad} refused (marked with ✗)")
            } else {
                format!("it fails the sample calls: {bad} of no use (marked with ✗)\n{ALL_THE_SAME}")
            };
            styled(BAD, end)
        }
    };
    format!("{lines}\n{end}\n")
}
