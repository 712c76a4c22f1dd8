//! What is drawn, and the same in words.

use super::pieces::{compared, section};
use crate::numbers::{counted, difference, interval, level, money, plain, value};
use crate::page::model::{
    Block, Figure, Forest, ForestRow, Histogram, Plane, PlanePoint, Plot, Section, Track, TrackPoint,
};
use crate::page::place::{Path, Place};
use crate::page::words;
use crate::report::{ArmMetric, ArmSummary, Comparison, Report};
use domain::experiment::{Design, Metric};

/// The effect over rounds, and by persona.
pub(super) fn effect(report: &Report, comparison: &Comparison) -> Section {
    let lead = format!(
        "Right of, or above, zero {} is rated higher than {}. Inside the shaded band a difference is too small to \
         matter.",
        comparison.treatment, comparison.control
    );
    // A split is judged once, at its end: there are no rounds to draw.
    let rounds = (report.plan.design == Design::Crossover).then(|| track(report, comparison));
    let figures = rounds.into_iter().chain([forest(report, comparison)]).map(Block::Figure).collect();
    section(compared(comparison, "pictures"), "The effect in pictures", lead, figures)
}

/// How ratings are spread, and what they cost.
pub(super) fn arms(report: &Report) -> Section {
    let figures = vec![Block::Figure(histogram(report)), Block::Figure(plane(report))];
    let lead = "Each arm by itself: what ratings it got, and what its turns cost.";
    section(Path::of("arms"), "The arms in pictures", lead, figures)
}

fn figure(path: Path, title: &str, description: String, plot: Option<Plot>) -> Figure {
    Figure { place: Place::at(path), title: title.to_owned(), description, plot }
}

fn track(report: &Report, comparison: &Comparison) -> Figure {
    let (plan, metric) = (&report.plan, comparison.primary.metric);
    let path = compared(comparison, "course");
    let title = "The effect, round by round";
    let Some(last) = comparison.course.last() else {
        let why = "No round is over yet, so there is nothing to draw.";
        return figure(path, title, why.to_owned(), None);
    };
    let write = |number| difference(metric, number);
    let sure = match (last.low, last.high) {
        (Some(_), Some(_)) => format!(" (interval {})", interval(last.low, last.high, write)),
        _ => String::new(),
    };
    let money = last.cost.map_or(String::new(), |cost| format!(", {} spent", money(cost)));
    let description = format!(
        "After {} the effect over rounds is {}{sure}{money}. The interval is made for looking after every round, and begins with the tenth. \
         Differences inside ±{} do not matter.",
        counted(last.round.into(), "round", "rounds"),
        write(last.effect),
        value(metric, plan.margin)
    );
    let points = comparison.course.iter().map(|look| TrackPoint {
        round: look.round,
        effect: look.effect,
        interval: look.low.zip(look.high),
    });
    let plot = Track {
        planned: plan.planned_blocks.max(last.round),
        margin: plan.margin,
        unit: words::unit(metric),
        points: points.collect(),
    };
    figure(path, title, description, Some(Plot::Track(plot)))
}

fn forest(report: &Report, comparison: &Comparison) -> Figure {
    let (plan, primary) = (&report.plan, &comparison.primary);
    let path = compared(comparison, "personas/forest");
    let title = "The effect by persona";
    let rows: Vec<ForestRow> = (comparison.personas.iter())
        .map(|own| ForestRow {
            name: own.persona.clone(),
            effect: own.effect,
            interval: own.low.zip(own.high),
        })
        .collect();
    if rows.is_empty() {
        return figure(
            path,
            title,
            "No persona has a pair yet, so there is nothing to draw.".to_owned(),
            None,
        );
    }
    let extreme = |smallest: bool| {
        let order = |a: &&ForestRow, b: &&ForestRow| a.effect.total_cmp(&b.effect);
        let found = if smallest { rows.iter().min_by(order) } else { rows.iter().max_by(order) };
        found
            .map_or(String::new(), |own| format!("{} ({})", difference(primary.metric, own.effect), own.name))
    };
    let above = rows.iter().filter(|row| row.effect > 0.0).count() as u64;
    let bars = match plan.design {
        Design::Crossover => {
            format!("Bars are {} intervals of the persona's own blocks; the", level(plan.alpha))
        }
        Design::Split => "Each is a persona's own mean less that of the other arm; the".to_owned(),
    };
    let description = format!(
        "{} of {} above zero; from {} to {}. {bars} diamond is all of them together, for new personas.",
        counted(above, "persona", "personas"),
        rows.len(),
        extreme(true),
        extreme(false)
    );
    let overall = primary.effect.map(|effect| ForestRow {
        name: "all together".to_owned(),
        effect,
        interval: primary.population.as_ref().map(|own| (own.low, own.high)),
    });
    let plot = Forest { margin: plan.margin, unit: words::unit(primary.metric), rows, overall };
    figure(path, title, description, Some(Plot::Forest(plot)))
}

fn histogram(report: &Report) -> Figure {
    let arms: Vec<(String, [u64; 5])> =
        report.arms.iter().map(|arm| (arm.arm.to_string(), arm.distribution)).collect();
    let path = Path::of("arms/distribution");
    let title = "How the ratings are spread";
    if arms.iter().all(|(_, counts)| counts.iter().all(|count| *count == 0)) {
        return figure(path, title, "There is no rating yet, so there is nothing to draw.".to_owned(), None);
    }
    let described: Vec<String> = (arms.iter())
        .map(|(arm, counts)| {
            let counts: Vec<String> =
                (1..).zip(counts).map(|(rating, count)| format!("{rating}: {count}")).collect();
            format!("{arm} – {}", counts.join(", "))
        })
        .collect();
    let description = format!("How many ratings of each value. {}.", described.join(". "));
    figure(path, title, description, Some(Plot::Histogram(Histogram { arms })))
}

fn plane(report: &Report) -> Figure {
    let points: Vec<Result<PlanePoint, &ArmSummary>> =
        report.arms.iter().map(|arm| point(arm).ok_or(arm)).collect();
    let unknown: Vec<&str> =
        (points.iter()).filter_map(|point| point.as_ref().err().map(|arm| arm.arm.as_str())).collect();
    let points: Vec<PlanePoint> = points.iter().filter_map(|point| point.as_ref().ok().cloned()).collect();
    let path = Path::of("arms/metrics/cost");
    let title = "What a turn costs, and how it is rated";
    if !unknown.is_empty() {
        let description = format!(
            "Nothing is drawn, because the cost or the rating of {} is not known. Give its model a price in the \
             configuration, or a column `cost` in the rows, and it is here.",
            unknown.join(" and ")
        );
        return figure(path, title, description, None);
    }
    let described: Vec<String> = (points.iter())
        .map(|own| {
            format!("{} costs {} a turn and is rated {}", own.arm, money(own.cost), plain(own.rating, 2))
        })
        .collect();
    let description = format!("{}. Further up is better, further left is cheaper.", described.join("; "));
    figure(path, title, description, Some(Plot::Plane(Plane { points })))
}

fn point(arm: &ArmSummary) -> Option<PlanePoint> {
    let metric = |metric| arm.metrics.iter().find(|own: &&ArmMetric| own.metric == metric);
    let (cost, rating) = (metric(Metric::Cost)?, metric(Metric::Rating)?);
    Some(PlanePoint {
        arm: arm.arm.to_string(),
        cost: cost.mean?,
        cost_interval: cost.low.zip(cost.high),
        rating: rating.mean?,
        rating_interval: rating.low.zip(rating.high),
    })
}
