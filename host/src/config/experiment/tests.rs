//! What is left out, and each mistake.

use std::collections::BTreeSet;
use std::path::Path;

use super::parse_experiment;
use crate::config::ConfigError;
use domain::experiment::{ArmName, Design, Experiment, Metric, Who};
use domain::ids::StrategyName;

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
    assert_eq!((experiment.seed.as_str(), experiment.version, &experiment.who), ("brief-1", 1, &Who::All));
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
    let group =
        |from: f64, to: f64| variant(&format!("exclusive = {{ group = \"g\", from = {from}, to = {to} }}"));
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
