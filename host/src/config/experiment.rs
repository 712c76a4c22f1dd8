//! An experiment file: its keys, and one sentence for each way in which it cannot be meant.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use super::file::syntax;
use super::resolve::json_of;
use domain::experiment::{
    Arm, ArmName, Design, Exclusive, Experiment, Guardrail, Metric, Plan, Stopping, Who,
};
use domain::ids::StrategyName;

/// Differences below this hardly matter on a scale from 1 to 5.
const USUAL_MARGIN: f64 = 0.2;
const USUAL_ALPHA: f64 = 0.05;
const USUAL_BLOCKS: u32 = 30;
/// The longest name of an experiment or an arm: it is a column of reports and part of file names.
const LONGEST_NAME: usize = 60;

/// An experiment file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: String,
    question: String,
    #[serde(default = "crossover")]
    design: Design,
    arms: Vec<WrittenArm>,
    #[serde(default)]
    personas: WrittenWho,
    #[serde(default = "rating")]
    primary: Metric,
    #[serde(default)]
    secondary: Vec<Metric>,
    #[serde(default)]
    guardrails: Vec<Guardrail>,
    margin: Option<f64>,
    alpha: Option<f64>,
    blocks: Option<u32>,
    #[serde(default = "sequential")]
    stopping: Stopping,
    budget: Option<f64>,
    starts: Option<toml::value::Datetime>,
    ends: Option<toml::value::Datetime>,
    seed: Option<String>,
    version: Option<u32>,
    minimum_version: Option<u32>,
    traffic: Option<f64>,
    exclusive: Option<Exclusive>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenArm {
    name: String,
    strategy: String,
    #[serde(default)]
    control: bool,
    #[serde(default)]
    settings: toml::Table,
    weight: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenWho {
    archetypes: Option<Vec<String>>,
    emails: Option<Vec<String>>,
}

/// Reads the text of an experiment file. `strategies` are the ones that there are.
///
/// # Errors
/// When it is no TOML, has a key that does not exist, or cannot be meant.
pub fn parse_experiment(
    path: &Path,
    text: &str,
    strategies: &BTreeSet<StrategyName>,
) -> Result<Experiment, ConfigError> {
    let written: Written = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
    checked(written, strategies).map_err(|Unmeant { problem, hint }| ConfigError::Experiment {
        path: path.to_owned(),
        problem,
        hint,
    })
}

/// Reads an experiment file.
///
/// # Errors
/// See [`parse_experiment`]; also when it cannot be read.
pub fn read_experiment(path: &Path, strategies: &BTreeSet<StrategyName>) -> Result<Experiment, ConfigError> {
    let text = read_file(path).map_err(|cause| ConfigError::NoExperiment { path: path.to_owned(), cause })?;
    parse_experiment(path, &text, strategies)
}

fn read_file(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        // Opening a pipe would wait for somebody who writes.
        return Err(io::Error::other("it is no regular file"));
    }
    std::fs::read_to_string(path)
}

/// The experiment files of a folder, by name. A folder that does not exist has none.
#[must_use]
pub fn experiment_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

/// What is wrong with a file that can be read, and what to write instead.
struct Unmeant {
    problem: String,
    hint: String,
}

fn unmeant<T>(problem: impl Into<String>, hint: impl Into<String>) -> Result<T, Unmeant> {
    Err(Unmeant { problem: problem.into(), hint: hint.into() })
}

fn checked(written: Written, strategies: &BTreeSet<StrategyName>) -> Result<Experiment, Unmeant> {
    named("key", &written.key)?;
    let (arms, weights) = arms(written.arms, written.design, strategies)?;
    let who = who(written.personas)?;
    if written.margin.is_none() && written.primary != Metric::Rating {
        let problem = format!("it is decided by {} and has no margin", written.primary.name());
        return unmeant(
            problem,
            "write `margin`: the smallest difference that matters, in the metric's unit",
        );
    }
    let margin = written.margin.unwrap_or(USUAL_MARGIN);
    let alpha = written.alpha.unwrap_or(USUAL_ALPHA);
    let traffic = written.traffic.unwrap_or(1.0);
    positive("margin", margin)?;
    if !(alpha > 0.0 && alpha < 0.5) {
        return unmeant(format!("alpha is {alpha}"), "write the accepted rate of false alarms, such as 0.05");
    }
    if !(traffic > 0.0 && traffic <= 1.0) {
        return unmeant(
            format!("traffic is {traffic}"),
            "write the part that takes part: above 0, at most 1",
        );
    }
    if written.blocks == Some(0) {
        return unmeant("blocks is 0", "write how many blocks each persona is to finish, such as 30");
    }
    if let Some(budget) = written.budget {
        positive("budget", budget)?;
    }
    for guardrail in &written.guardrails {
        positive(&format!("the margin of the guardrail {}", guardrail.metric.name()), guardrail.margin)?;
    }
    metrics(written.primary, &written.secondary)?;
    if let Some(Exclusive { group, from, to }) = &written.exclusive
        && !(0.0 <= *from && from < to && *to <= 1.0)
    {
        let problem = format!("its range of the exclusive group {group:?} is {from} to {to}");
        return unmeant(problem, "write from and to with 0 ≤ from < to ≤ 1");
    }
    let starts = written.starts.map(|at| instant("starts", at)).transpose()?;
    let ends = written.ends.map(|at| instant("ends", at)).transpose()?;
    if let (Some(starts), Some(ends)) = (starts, ends)
        && ends <= starts
    {
        return unmeant(format!("it ends {ends} and starts {starts}"), "let it end after it starts");
    }
    let version = written.version.unwrap_or(1);
    let minimum_version = written.minimum_version.unwrap_or(0);
    if minimum_version > version {
        let problem = format!("minimum_version {minimum_version} is above version {version}");
        return unmeant(problem, "nobody could take part: lower it, or raise the version");
    }
    Ok(Experiment {
        seed: written.seed.unwrap_or_else(|| written.key.clone()),
        plan: Plan {
            key: written.key,
            question: written.question,
            design: written.design,
            arms: arms.iter().map(|arm| arm.name.clone()).collect(),
            weights,
            primary: written.primary,
            secondary: written.secondary,
            guardrails: written.guardrails,
            margin,
            alpha,
            planned_blocks: written.blocks.unwrap_or(USUAL_BLOCKS),
            stopping: written.stopping,
        },
        arms,
        who,
        version,
        minimum_version,
        traffic,
        exclusive: written.exclusive,
        budget: written.budget,
        starts,
        ends,
    })
}

/// The arms, the control first, and their weights, which sum to 1.
fn arms(
    written: Vec<WrittenArm>,
    design: Design,
    strategies: &BTreeSet<StrategyName>,
) -> Result<(Vec<Arm>, Vec<f64>), Unmeant> {
    if written.len() < 2 {
        let problem = format!("it has {} arm{}", written.len(), if written.len() == 1 { "" } else { "s" });
        return unmeant(
            problem,
            "a comparison needs two or more: add an [[arms]] section with name and strategy",
        );
    }
    let mut seen = BTreeSet::new();
    for arm in &written {
        named("the name of an arm", &arm.name)?;
        if !seen.insert(arm.name.to_ascii_lowercase()) {
            let hint = "give each arm a name of its own; small letters and capitals are no difference";
            return unmeant(format!("two arms are called {:?}", arm.name), hint);
        }
        if !strategies.contains(&StrategyName::new(&arm.strategy)) {
            let known: Vec<&str> = strategies.iter().map(StrategyName::as_str).collect();
            let problem =
                format!("its arm {:?} names the strategy {:?}, which does not exist", arm.name, arm.strategy);
            let hint = format!(
                "name one of {}, or add [strategies.{}] to the configuration",
                known.join(", "),
                arm.strategy
            );
            return unmeant(problem, hint);
        }
        let weight = arm.weight.unwrap_or(1.0);
        if !(weight > 0.0 && weight.is_finite()) {
            let problem = format!("the weight of its arm {:?} is {weight}", arm.name);
            return unmeant(problem, "weights are above 0; leave an arm out that nobody is to play");
        }
        if design == Design::Crossover && arm.weight.is_some_and(|weight| (weight - 1.0).abs() > f64::EPSILON)
        {
            let problem = format!("its arm {:?} has a weight in a crossover", arm.name);
            return unmeant(
                problem,
                "everybody plays every arm there: leave it out, or use design = \"split\"",
            );
        }
    }
    let control = control(&written)?;
    let total: f64 = written.iter().map(|arm| arm.weight.unwrap_or(1.0)).sum();
    let (mut arms, mut weights) = (Vec::with_capacity(written.len()), Vec::with_capacity(written.len()));
    for (position, arm) in written.into_iter().enumerate() {
        let at = if position == control { 0 } else { arms.len() };
        weights.insert(at, arm.weight.unwrap_or(1.0) / total);
        let settings = json_of(toml::Value::Table(arm.settings));
        let arm = Arm {
            settings: settings.as_object().cloned().unwrap_or_default(),
            name: ArmName::new(arm.name),
            strategy: StrategyName::new(arm.strategy),
        };
        arms.insert(at, arm);
    }
    alike(&arms)?;
    Ok((arms, weights))
}

/// Which of them is the control.
fn control(arms: &[WrittenArm]) -> Result<usize, Unmeant> {
    let marked: Vec<usize> = (0..arms.len()).filter(|arm| arms[*arm].control).collect();
    match marked.as_slice() {
        [one] => Ok(*one),
        [] => match arms.iter().position(|arm| arm.name == ArmName::CONTROL) {
            Some(one) => Ok(one),
            None => unmeant(
                "none of its arms is the control",
                "mark the arm that is in use today: control = true",
            ),
        },
        _ => unmeant("it has more than one control", "mark exactly one arm with control = true"),
    }
}

/// Two arms that are the same are an A/A test, which is allowed and said in the question; a third is a slip.
fn alike(arms: &[Arm]) -> Result<(), Unmeant> {
    let same = |a: &Arm, b: &Arm| a.strategy == b.strategy && a.settings == b.settings;
    let slip = arms.len() > 2
        && arms.iter().enumerate().any(|(at, arm)| arms[..at].iter().any(|earlier| same(arm, earlier)));
    if slip {
        return unmeant("two of its arms are the same", "let them differ in strategy or settings");
    }
    Ok(())
}

fn who(written: WrittenWho) -> Result<Who, Unmeant> {
    let nobody = || unmeant("personas lists nobody", "name some, or leave it out for everybody");
    match (written.archetypes, written.emails) {
        (None, None) => Ok(Who::All),
        (Some(list), None) | (None, Some(list)) if list.is_empty() => nobody(),
        (Some(archetypes), None) => Ok(Who::Archetypes(archetypes)),
        (None, Some(emails)) if emails.len() == 1 => unmeant(
            "one persona takes part",
            "one persona cannot tell a strategy from chance: list six or more",
        ),
        (None, Some(emails)) => Ok(Who::Personas(emails)),
        (Some(_), Some(_)) => unmeant(
            "personas has archetypes and emails",
            "choose by one of them; leave both out for everybody",
        ),
    }
}

fn metrics(primary: Metric, secondary: &[Metric]) -> Result<(), Unmeant> {
    let mut seen = BTreeSet::from([primary]);
    for metric in secondary {
        if !seen.insert(*metric) {
            let problem = format!("the metric {:?} is listed twice", metric.name());
            return unmeant(problem, "list each metric once, as primary or as secondary");
        }
    }
    Ok(())
}

fn named(what: &str, name: &str) -> Result<(), Unmeant> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fine) || name.starts_with('.') {
        let hint =
            format!("use up to {LONGEST_NAME} letters, digits, '-', '_' and '.', such as \"brief-2026-11\"");
        return unmeant(format!("{what} is {name:?}"), hint);
    }
    Ok(())
}

fn positive(what: &str, number: f64) -> Result<(), Unmeant> {
    if number > 0.0 && number.is_finite() {
        return Ok(());
    }
    unmeant(format!("{what} is {number}"), "write a number above 0")
}

fn instant(what: &str, at: toml::value::Datetime) -> Result<chrono::DateTime<chrono::Utc>, Unmeant> {
    let text = at.to_string();
    // A date alone is its midnight in UTC.
    let whole = if at.time.is_none() { format!("{text}T00:00:00Z") } else { text.clone() };
    match chrono::DateTime::parse_from_rfc3339(&whole) {
        Ok(at) => Ok(at.to_utc()),
        Err(_) => unmeant(
            format!("{what} is {text}"),
            "write a date, or an instant with its offset: 2026-12-01 or 2026-12-01T08:00:00Z",
        ),
    }
}

fn crossover() -> Design {
    Design::Crossover
}

fn rating() -> Metric {
    Metric::Rating
}

fn sequential() -> Stopping {
    Stopping::Sequential
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
key = "brief-1"
question = "Is brief as good?"
[[arms]]
name = "brief"
strategy = "brief"
settings = { minutes = 5 }
[[arms]]
name = "control"
strategy = "daily"
"#;

    fn parsed(text: &str) -> Result<Experiment, ConfigError> {
        let strategies = BTreeSet::from([StrategyName::new("brief"), StrategyName::new("daily")]);
        parse_experiment(Path::new("e.toml"), text, &strategies)
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let experiment = parsed(GOOD).unwrap();
        let plan = &experiment.plan;
        assert_eq!(plan.arms, [ArmName::new("control"), ArmName::new("brief")], "the control is first");
        assert_eq!((plan.margin, plan.alpha, plan.planned_blocks), (0.2, 0.05, 30));
        assert_eq!((plan.design, plan.primary), (Design::Crossover, Metric::Rating));
        assert_eq!(
            (experiment.seed.as_str(), experiment.version, &experiment.who),
            ("brief-1", 1, &Who::All)
        );
        assert_eq!(experiment.arms[1].settings["minutes"], 5);
        assert_eq!(plan.weights, [0.5, 0.5]);
    }

    #[test]
    fn each_mistake_is_told_in_a_sentence() {
        let with = |top: &str| GOOD.replace("question =", &format!("{top}\nquestion ="));
        for (text, said) in [
            (GOOD.replace("\"daily\"", "\"dialy\""), "names the strategy \"dialy\", which does not exist"),
            (GOOD.replace("strategy = \"brief\"", "strategy = \"brief\"\nweight = 0\n"), "is 0"),
            (GOOD.replace("name = \"control\"", "name = \"brief\""), "two arms are called"),
            (GOOD.replace("name = \"brief\"", "name = \"Control\""), "two arms are called"),
            (GOOD.replace("\"control\"", "\"other\""), "none of its arms is the control"),
            (GOOD.split("[[arms]]\nname = \"control\"").next().unwrap().to_owned(), "it has 1 arm"),
            (with("design = \"split\"").replace("settings", "weight = -2\nsettings"), "is -2"),
            (GOOD.replace("settings =", "weight = 3\nsettings ="), "has a weight in a crossover"),
            (with("margin = 0"), "margin is 0"),
            (with("margin = nan"), "margin is NaN"),
            (with("alpha = 0.7"), "alpha is 0.7"),
            (with("traffic = 0"), "traffic is 0"),
            (with("blocks = 0"), "blocks is 0"),
            (with("budget = -1"), "budget is -1"),
            (with("secondary = [\"rating\"]"), "listed twice"),
            (with("starts = 2026-12-02\nends = 2026-12-01"), "it ends 2026-12-01"),
            (with("minimum_version = 2"), "above version 1"),
            (with("exclusive = { group = \"g\", from = 0.5, to = 0.5 }"), "is 0.5 to 0.5"),
            (with("personas = { emails = [\"a@b.c\"] }"), "one persona takes part"),
            (with("personas = { emails = [] }"), "personas lists nobody"),
            (with("primary = \"tokens\""), "decided by tokens and has no margin"),
            (GOOD.replace("brief-1", "a b"), "key is \"a b\""),
            (with("colour = 1"), "unknown key"),
        ] {
            let error = parsed(&text).expect_err(said).to_string();
            assert!(error.contains(said), "{said:?} is not in {error:?}");
        }
    }

    #[test]
    fn two_experiments_collide_unless_time_group_or_personas_keep_them_apart() {
        let variant = |top: &str| parsed(&GOOD.replace("question =", &format!("{top}\nquestion ="))).unwrap();
        let group = |from: f64, to: f64| {
            variant(&format!("exclusive = {{ group = \"g\", from = {from}, to = {to} }}"))
        };
        for (a, b, collide) in [
            (variant(""), variant(""), true),
            (group(0.0, 0.5), group(0.5, 1.0), false),
            (group(0.0, 0.6), group(0.5, 1.0), true),
            (group(0.0, 0.5), variant(""), true),
            (variant("ends = 2026-12-01"), variant("starts = 2026-12-01"), false),
            (variant("ends = 2026-12-02"), variant("starts = 2026-12-01"), true),
            (
                variant("personas = { archetypes = [\"a\"] }"),
                variant("personas = { archetypes = [\"b\"] }"),
                false,
            ),
            (
                variant("personas = { archetypes = [\"a\"] }"),
                variant("personas = { emails = [\"b\", \"c\"] }"),
                true,
            ),
        ] {
            assert_eq!(a.conflict(&b).is_some(), collide);
            assert_eq!(b.conflict(&a).is_some(), collide);
        }
    }
}
