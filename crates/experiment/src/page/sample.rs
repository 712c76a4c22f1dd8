//! For tests, also those of whoever shows reports (feature `sample`): the report of an experiment that is well under way, and what else may become of one.

use crate::report::{Check, Outcome, Report, Scope, Status};
use domain::experiment::{ArmName, Design};

/// Ten personas, two arms, more than twenty of thirty rounds, a second phase, and three warnings.
pub fn sample() -> Report {
    let sample = include_str!("../../tests/it/sample.json");
    serde_json::from_str(sample).expect("the sample is a report")
}

/// The same with a check that failed, no prices, and a second treatment of which nothing can be said.
pub fn in_trouble() -> Report {
    let mut report = sample();
    let lost = "turns that were completed are unevenly spread over the arms (daily 240, brief 171): find out what \
                loses them before you compare what is left";
    let unhealthy = Check::new("srm-completed", Status::Unhealthy, "arms/stages/completed", lost);
    report.health.push(unhealthy.with_p(Some(0.000_67)));
    let alike = "nearly all ratings of brief are 4";
    report.health.push(Check::new("mode-share", Status::Warning, "arms/brief/rater", alike));
    report.progress.cost = None;
    for arm in &mut report.arms {
        arm.metrics.retain(|own| own.metric.name() != "cost");
        arm.cost_per_point = None;
    }
    let warm = ArmName::new("warm");
    report.plan.arms.push(warm.clone());
    let mut arm = report.arms[1].clone();
    arm.arm = warm.clone();
    report.arms.push(arm);
    let mut second = report.comparisons[0].clone();
    second.treatment = warm;
    second.verdict.outcome = Outcome::Inconclusive;
    second.verdict.sentence = "nothing can be said yet of warm against daily".to_owned();
    second.verdict.because = "a verdict needs 10 finished rounds that are not all alike".to_owned();
    second.verdict.caveat = None;
    second.verdict.crossings.clear();
    second.primary.anytime = None;
    second.primary.sign_e = None;
    second.leave_one_out = None;
    second.course.clear();
    second.guardrails[0].broken = true;
    report.comparisons.push(second);
    report
}

/// The same as a split, in which each persona played one arm.
pub fn split() -> Report {
    let mut report = sample();
    report.plan.design = Design::Split;
    let comparison = &mut report.comparisons[0];
    comparison.verdict.scope = Scope::Population;
    comparison.verdict.crossings.clear();
    comparison.course.clear();
    let primary = &mut comparison.primary;
    (primary.catalogue, primary.clustered, primary.anytime, primary.sign_e) = (None, None, None, None);
    let ordinal = &mut comparison.ordinal;
    (ordinal.wins, ordinal.ties, ordinal.losses) = (0, 0, 0);
    (ordinal.dominance, ordinal.superiority) = (None, None);
    (ordinal.sign_p, ordinal.wilcoxon_p) = (None, None);
    report
}

/// The same with names from a neighbour that means no good.
pub fn hostile() -> Report {
    let evil = "<script>alert(1)</script>|`[x](http://evil.example)\u{1b}[2J\u{202e}\n# ";
    let mut report = sample();
    report.plan.key = evil.to_owned();
    report.plan.question = evil.to_owned();
    report.identity.source = evil.to_owned();
    report.health[0].message = evil.to_owned();
    report.phases[0].why = evil.to_owned();
    let comparison = &mut report.comparisons[0];
    comparison.personas[0].persona = evil.to_owned();
    comparison.modules[0].module = evil.to_owned();
    comparison.verdict.sentence = evil.to_owned();
    comparison.control = ArmName::new(evil);
    report.arms[0].arm = ArmName::new(evil);
    report
}
