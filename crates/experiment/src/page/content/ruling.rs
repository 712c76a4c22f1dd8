//! The verdict: what follows, how sure, for whom, at what price, and why it may be wrong.

use super::pieces::{compared, fact, sentence, stopped};
use crate::numbers::{self, NONE, count, counted, difference, interval, level, or_none, p, plain};
use crate::page::model::{Fact, Ruling, Stop};
use crate::page::place::{Path, Place};
use crate::page::words;
use crate::report::{Anytime, Check, Comparison, MetricComparison, Outcome, Report, Status};
use domain::experiment::{Design, Plan, Stopping};

/// The verdict on one treatment.
pub(super) fn ruling(report: &Report, comparison: &Comparison) -> Ruling {
    let verdict = &comparison.verdict;
    let caveat = verdict.caveat.as_deref().map_or_else(
        || "No health check speaks against it, and no single persona decides it.".to_owned(),
        sentence,
    );
    Ruling {
        place: Place::at(compared(comparison, "")),
        heading: format!("{} against {}", comparison.treatment, comparison.control),
        outcome: verdict.outcome,
        word: verdict.outcome.name(),
        hangs: hangs(comparison),
        stand_ins: report.identity.stand_ins.then_some(SCRIPTED),
        // It begins with the name of an arm, which stays as it is.
        sentence: stopped(&verdict.sentence),
        stop: unhealthy(&report.health).or_else(|| broken(comparison)),
        because: sentence(&verdict.because),
        caveat,
        facts: facts(report, comparison),
    }
}

/// What nobody should take for an opinion.
const SCRIPTED: &str = "A scripted Claude gave these ratings, so they mean nothing: this shows that the experiment runs, \
                        and what it would find.";

/// Whether somebody alone could turn it.
fn hangs(comparison: &Comparison) -> Option<String> {
    let decisive = comparison.leave_one_out.as_ref().map(|own| own.decisive.as_slice()).unwrap_or_default();
    match decisive {
        _ if comparison.verdict.outcome == Outcome::Inconclusive => None,
        [] => None,
        [only] => Some(format!("hangs on one persona, {}", only.persona)),
        several => Some(format!("hangs on single personas, any one of {}", several.len())),
    }
}

/// Why not to decide on it.
fn unhealthy(health: &[Check]) -> Option<Stop> {
    let broken: Vec<&Check> = health.iter().filter(|check| check.status == Status::Unhealthy).collect();
    let first = broken.first()?;
    let more = match broken.len() - 1 {
        0 => String::new(),
        1 => " One more check is unhealthy.".to_owned(),
        more => format!(" {more} more checks are unhealthy."),
    };
    Some(Stop { order: "Do not decide on this.", why: format!("{}{more}", sentence(&first.message)) })
}

/// Why not to take it, whatever the verdict.
fn broken(comparison: &Comparison) -> Option<Stop> {
    let broken = comparison.guardrails.iter().filter(|own| own.broken);
    let named: Vec<&str> = broken.map(|own| words::metric(own.comparison.metric)).collect();
    let why = format!("It is worse by more than is allowed: {}.", named.join("; "));
    (!named.is_empty()).then_some(Stop { order: "A guardrail is broken.", why })
}

/// What must not get worse, in a line.
fn guardrails(comparison: &Comparison) -> Option<Fact> {
    let all = &comparison.guardrails;
    let broken = all.iter().filter(|own| own.broken).count();
    let hold = all.iter().filter(|own| own.holds && !own.broken).count();
    let open = all.len() - broken - hold;
    let holds = if hold == 1 { "holds" } else { "hold" };
    let counts = [(hold, holds), (open, "not shown"), (broken, "broken")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let meaning = "measures that must not get worse by more than was allowed beforehand";
    (!all.is_empty())
        .then(|| fact(compared(comparison, "guardrails"), "Guardrails", counts.join(", "), meaning))
}

/// The effect that the verdict's interval is of, with its name.
fn judged(plan: &Plan, primary: &MetricComparison) -> (&'static str, Option<f64>) {
    let of_rounds = plan.design == Design::Crossover && plan.stopping == Stopping::Sequential;
    match primary.anytime.as_ref().filter(|_| of_rounds) {
        Some(rounds) => (words::OVER_ROUNDS, Some(rounds.effect)),
        None => (words::OVER_PERSONAS, primary.effect),
    }
}

/// What it came to say at looks before this one.
fn earlier_looks(comparison: &Comparison) -> Option<Fact> {
    let crossings = &comparison.verdict.crossings;
    let said: Vec<String> =
        (crossings.iter()).map(|own| format!("{} after round {}", own.outcome.name(), own.round)).collect();
    let meaning = match crossings.as_slice() {
        [] => return None,
        [_] => "what the interval came to say, and has said at every look since",
        _ => "what the interval came to say; each stood until the next took it back",
    };
    Some(fact(compared(comparison, "verdict/crossings"), "First said", said.join(", "), meaning))
}

fn facts(report: &Report, comparison: &Comparison) -> Vec<Fact> {
    let (plan, progress, primary) = (&report.plan, &report.progress, &comparison.primary);
    let metric = primary.metric;
    let here = |path| compared(comparison, path);
    let (name, effect) = judged(plan, primary);
    let effect = or_none(effect, |effect| difference(metric, effect));
    let mut facts = vec![
        fact(
            here("verdict/effect"),
            name,
            effect,
            format!(
                "{} minus {}, in {}; differences below {} do not matter",
                comparison.treatment,
                comparison.control,
                words::unit(metric),
                numbers::value(metric, plan.margin)
            ),
        ),
        certain(report, comparison),
        fact(
            here("verdict/scope"),
            "Speaks about",
            words::scope(comparison.verdict.scope),
            match plan.design {
                Design::Crossover => words::for_new_ones(&comparison.verdict, progress),
                Design::Split => {
                    "each of these was in one arm only, so nothing is said about them alone".to_owned()
                }
            },
        ),
        evidence(report, comparison),
        fact(
            Path::of("progress/rounds"),
            "Rounds",
            format!("{} of {}", count(progress.rounds.into()), count(progress.planned_rounds.into())),
            rounds(report),
        ),
        fact(
            Path::of("progress/cost"),
            "Cost so far",
            or_none(progress.cost, numbers::money),
            match progress.cost {
                Some(_) => "of all turns, in US dollars",
                None => "not known: some turn has no price",
            },
        ),
    ];
    facts.extend(earlier_looks(comparison));
    facts.extend(guardrails(comparison));
    facts
}

/// What a round is, and what is in them.
fn rounds(report: &Report) -> String {
    let personas = counted(report.progress.personas, "persona", "personas");
    match report.plan.design {
        Design::Crossover => format!(
            "a round is one block of each of the {personas}; {} complete",
            counted(report.progress.complete_blocks, "block is", "blocks are")
        ),
        Design::Split => format!("a round is one block of each of the {personas}"),
    }
}

/// The interval that the verdict is taken from.
fn certain(report: &Report, comparison: &Comparison) -> Fact {
    let (plan, primary) = (&report.plan, &comparison.primary);
    let write = |end| difference(primary.metric, end);
    let path = compared(comparison, "verdict/interval");
    if let (Design::Crossover, Some(own)) = (plan.design, &primary.anytime) {
        let meaning = format!(
            "the effect is in there, {} sure; looking after every round takes nothing from that",
            level(report.plan.alpha_of_each())
        );
        return fact(path, "Interval", interval(Some(own.low), Some(own.high), write), meaning);
    }
    let own = match plan.design {
        Design::Crossover => primary.catalogue.as_ref(),
        Design::Split => primary.population.as_ref(),
    };
    let shown = interval(own.map(|own| own.low), own.map(|own| own.high), write);
    fact(path, "Interval", shown, format!("the effect is in there, {} sure, for one look", level(plan.alpha)))
}

/// What speaks against "both are alike".
fn evidence(report: &Report, comparison: &Comparison) -> Fact {
    let path = compared(comparison, "verdict/evidence");
    let primary = &comparison.primary;
    if let (Design::Crossover, Some(anytime)) = (report.plan.design, &primary.anytime) {
        let (value, meaning) = so_far(report, primary, anytime);
        return fact(path, "Evidence", value, meaning);
    }
    let exact = primary.sign_flip.as_ref().map_or_else(|| NONE.to_owned(), |own| p(own.p));
    let meaning = "for new personas: the chance of a difference like this if both arms were alike, exact";
    fact(path, "Evidence", exact, meaning)
}

/// The same for whoever looks after every round. A chance of 1 is no number to read anything from.
fn so_far(report: &Report, primary: &MetricComparison, anytime: &Anytime) -> (String, String) {
    let enough = report.plan.alpha_of_each();
    let odds = primary.sign_e.as_ref().map_or_else(String::new, |own| {
        format!("; e-value {} ({} is strong)", plain(own.e, 2), plain(1.0 / enough, 0))
    });
    if anytime.p >= CERTAIN {
        return (
            "none so far".to_owned(),
            format!("rounds like these are common where both arms are alike{odds}"),
        );
    }
    let several = report.comparisons.len() > 1;
    let shared = if several { format!("; below {} it counts", plain(enough, 3)) } else { String::new() };
    let meaning = format!("the chance of a difference like this if both arms were alike{shared}{odds}");
    (p(anytime.p), meaning)
}

/// From here on a p-value is written as 1.
const CERTAIN: f64 = 0.9995;
