//! The measure that decides, asked in every way.

use super::pieces::{compared, fact, section};
use crate::numbers::{
    count, counted, difference, floor, interval, level, or_none, p, percent, plain, signed, value,
};
use crate::page::model::{Block, Fact, Section};
use crate::page::words;
use crate::report::{Comparison, Estimate, Report};
use domain::experiment::{Design, Plan};

/// The measure that decides.
pub(super) fn primary(report: &Report, comparison: &Comparison) -> Section {
    let plan = &report.plan;
    let metric = comparison.primary.metric;
    let lead = format!(
        "What decides is the {}; {}. Every difference is {} minus {}.",
        words::metric(metric),
        words::direction(metric),
        comparison.treatment,
        comparison.control
    );
    let mut facts = effect(plan, comparison);
    facts.extend(intervals(plan, comparison));
    facts.extend(exact(plan, comparison));
    facts.extend(looks(plan, comparison));
    let order = "The same by the order of ratings alone, without trusting that the step from 1 to 2 is as large as \
                 that from 4 to 5:";
    let blocks =
        vec![Block::Facts(facts), Block::Text(order.to_owned()), Block::Facts(ordinal(plan, comparison))];
    section(compared(comparison, "primary"), "The measure that decides", lead, blocks)
}

fn effect(plan: &Plan, comparison: &Comparison) -> Vec<Fact> {
    let own = &comparison.primary;
    let metric = own.metric;
    let here = |path: &str| compared(comparison, &format!("primary/{path}"));
    let relative = or_none(own.relative, |part| format!("{} %", signed(part * 100.0, 1)));
    let mean = |mean| or_none(mean, |mean| value(metric, mean));
    vec![
        fact(
            here("effect"),
            words::OVER_PERSONAS,
            or_none(own.effect, |effect| difference(metric, effect)),
            format!(
                "{}; {relative} of {}'s {}, from {} of {}; below {} it does not matter",
                match plan.design {
                    Design::Crossover => {
                        "the average of the personas' own differences, each persona counting the same"
                    }
                    Design::Split => "the mean of one arm's personas less that of the other's",
                },
                comparison.control,
                mean(own.control_mean),
                counted(own.n, "value", "values"),
                counted(own.personas, "persona", "personas"),
                value(metric, plan.margin)
            ),
        ),
        fact(
            here("controlMean"),
            format!("Mean of {}", comparison.control),
            mean(own.control_mean),
            "over its personas",
        ),
        fact(
            here("treatmentMean"),
            format!("Mean of {}", comparison.treatment),
            mean(own.treatment_mean),
            "over its personas",
        ),
        fact(
            here("weightedByPairs"),
            match plan.design {
                Design::Crossover => "Effect by pairs",
                Design::Split => "Effect by ratings",
            },
            or_none(own.weighted_by_pairs, |effect| difference(metric, effect)),
            "the same with every one of them counting the same, so that busy personas count more",
        ),
    ]
}

/// A split has no interval for these personas: each of them was seen in one arm only.
fn intervals(plan: &Plan, comparison: &Comparison) -> Vec<Fact> {
    let own = &comparison.primary;
    let sure = level(plan.alpha);
    let line = |path: &str, name: &str, estimate: Option<&Estimate>, meaning: &str| {
        let write = |end| difference(own.metric, end);
        let shown = estimate.map_or_else(
            || interval(None, None, write),
            |own| format!("{}, {}", interval(Some(own.low), Some(own.high), write), p(own.p)),
        );
        let doubt = estimate.map_or(String::new(), |estimate| {
            let freedom =
                estimate.df.map_or(String::new(), |df| format!(", {} degrees of freedom", plain(df, 0)));
            format!(" (standard error {}{freedom})", plain(estimate.se, 3))
        });
        fact(compared(comparison, &format!("primary/{path}")), name, shown, format!("{meaning}{doubt}"))
    };
    let population = line(
        "population",
        "For new personas",
        own.population.as_ref(),
        &format!("{sure} interval for one look: would other personas like these show it, too?"),
    );
    if plan.design == Design::Split {
        return vec![population];
    }
    let catalogue = line(
        "catalogue",
        "For these personas",
        own.catalogue.as_ref(),
        &format!("{sure} interval for one look: would the same personas show it again?"),
    );
    let clustered = line(
        "clustered",
        "By pairs, clustered",
        own.clustered.as_ref(),
        "every pair counting the same, with the doubt of whole personas",
    );
    vec![catalogue, population, clustered]
}

fn exact(plan: &Plan, comparison: &Comparison) -> Option<Fact> {
    let flip = comparison.primary.sign_flip.as_ref()?;
    let ways = if flip.exact { "every way" } else { "100,000 drawn ways" };
    let what = match plan.design {
        Design::Crossover => "to flip the signs of whole personas",
        Design::Split => "to deal the personas to the arms anew",
    };
    let tried = if flip.exact { "was" } else { "were" };
    let meaning = format!(
        "{ways} {what} {tried} tried, with no assumption about how ratings are spread; with this many personas p \
         cannot be smaller than {}",
        floor(flip.floor)
    );
    Some(fact(compared(comparison, "primary/signFlip"), "Exact test", p(flip.p), meaning))
}

/// What stays valid when one looks every day.
fn looks(plan: &Plan, comparison: &Comparison) -> Vec<Fact> {
    let own = &comparison.primary;
    let mut facts = Vec::new();
    if let Some(anytime) = &own.anytime {
        let shown = interval(Some(anytime.low), Some(anytime.high), |end| difference(own.metric, end));
        let meaning = format!(
            "stays valid, approximately, also when one looks after every round, and is wider for it; around {}, the mean of {}",
            difference(own.metric, anytime.effect),
            counted(anytime.rounds, "round", "rounds")
        );
        let path = compared(comparison, "primary/anytime");
        facts.push(fact(path, "Looking after every round", format!("{shown}, {}", p(anytime.p)), meaning));
    }
    if let Some(sign) = &own.sign_e {
        let meaning = format!(
            "what a bet against \"both are alike\" has made of 1: {} won, {} lost; {} is enough, and the most so far \
             was {} ({})",
            counted(sign.wins, "round", "rounds"),
            count(sign.losses),
            plain(1.0 / plan.alpha_of_each(), 0),
            plain(sign.max_e, 2),
            p(sign.p)
        );
        facts.push(fact(
            compared(comparison, "primary/signE"),
            "Evidence (e-value)",
            plain(sign.e, 2),
            meaning,
        ));
    }
    facts
}

fn ordinal(plan: &Plan, comparison: &Comparison) -> Vec<Fact> {
    let own = &comparison.ordinal;
    let here = |path: &str| compared(comparison, &format!("ordinal/{path}"));
    let size = own.magnitude.as_deref().map_or(String::new(), |size| format!("; {size}"));
    let chance = |chance: Option<f64>| or_none(chance, p);
    let unpaired = [
        fact(
            here("cliffsDelta"),
            "Shift of all ratings",
            or_none(own.cliffs_delta, |delta| signed(delta, 2)),
            format!("all ratings against all, without pairs (Cliff's delta, −1 to +1){size}"),
        ),
        fact(
            here("brunnerMunzelP"),
            "By the personas' means",
            chance(own.brunner_munzel_p),
            "whether one arm's personas tend to rate higher, without pairs (Brunner and Munzel's test)",
        ),
    ];
    match plan.design {
        Design::Split => unpaired.into(),
        Design::Crossover => [pairs(comparison), unpaired.into()].concat(),
    }
}

/// What pairs tell.
fn pairs(comparison: &Comparison) -> Vec<Fact> {
    let own = &comparison.ordinal;
    let here = |path: &str| compared(comparison, &format!("ordinal/{path}"));
    let chance = |chance: Option<f64>| or_none(chance, p);
    vec![
        fact(
            here("wins"),
            "Won, alike, lost",
            format!("{} / {} / {}", count(own.wins), count(own.ties), count(own.losses)),
            format!("pairs in which {} was rated higher, the same, lower", comparison.treatment),
        ),
        fact(
            here("dominance"),
            "Lead",
            or_none(own.dominance, |lead| signed(lead, 2)),
            "won less lost, in parts of all pairs: −1 lost all, +1 won all",
        ),
        fact(
            here("superiority"),
            "Chance to be better",
            or_none(own.superiority, percent),
            format!("that {} is the better one of a pair; 50 % is a draw", comparison.treatment),
        ),
        fact(
            here("wilcoxonP"),
            "By ranks of personas",
            chance(own.wilcoxon_p),
            "whether the personas' effects lean to one side (Wilcoxon's test)",
        ),
        fact(
            here("signP"),
            "By won pairs",
            chance(own.sign_p),
            "pairs of one persona are alike, so this one is too sure (sign test)",
        ),
    ]
}
