//! `experiment power`: what an experiment of some size can find.

use serde_json::json;

use crate::cli::args::Power;
use crate::cli::output::Output;
use crate::cli::text::{grouped, set};
use crate::cli::{Exit, Failure};
use domain::code::Code;
use domain::experiment::Design;
use experiment::analysis::out_of_reach;
use experiment::statistics::{SPLIT_PERSONAS, Study, floor};

/// What is known of such an experiment.
struct Found {
    design: Design,
    study: Study,
    power: Option<f64>,
    detectable: Option<f64>,
    needed: Option<u32>,
    turns: u64,
    cost: Option<f64>,
    floor: f64,
    warnings: Vec<String>,
}

/// Answers questions of planning.
///
/// # Errors
/// When a number cannot be meant.
pub fn power(args: &Power, output: Output) -> Result<(), Failure> {
    checked(args)?;
    let found = found(args);
    let Found { design, study, .. } = &found;
    let document = json!({
        "design": design, "personas": args.personas, "modules": args.modules, "blocks": args.blocks,
        "pairsPerPersona": study.pairs, "effect": args.effect, "effectSd": args.effect_sd,
        "noiseSd": args.noise_sd, "personaSd": study.persona_sd, "alpha": args.alpha,
        "standardError": study.se(), "power": found.power, "targetPower": args.power,
        "detectable": found.detectable, "personasNeeded": found.needed,
        "floor": (*design == Design::Crossover).then_some(found.floor), "turns": found.turns,
        "cost": found.cost, "warnings": found.warnings,
    });
    output.print(&document, || text(args, &found))
}

fn found(args: &Power) -> Found {
    let design = Design::from(args.design);
    let study = Study {
        personas: args.personas,
        pairs: f64::from(args.modules) * f64::from(args.blocks),
        effect_sd: args.effect_sd,
        noise_sd: args.noise_sd,
        persona_sd: (design == Design::Split).then_some(args.persona_sd),
        alpha: args.alpha,
    };
    let arms = if design == Design::Split { 1 } else { 2 };
    let turns = u64::from(args.personas) * u64::from(args.blocks) * arms;
    #[expect(clippy::cast_precision_loss, reason = "counts of turns")]
    let cost = args.turn_cost.map(|cost| cost * turns as f64);
    Found {
        design,
        power: study.power(args.effect),
        detectable: study.detectable(args.power),
        needed: study.needed(args.effect, args.power),
        study,
        turns,
        cost,
        floor: floor(args.personas as usize),
        warnings: warnings(args, design),
    }
}

fn text(args: &Power, found: &Found) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut lines = vec![format!(
        "{} personas in a {}, {} blocks of {} modules: {} turns{}",
        args.personas,
        if found.design == Design::Split { "split" } else { "crossover" },
        args.blocks,
        args.modules,
        grouped(found.turns),
        found.cost.map_or_else(String::new, |cost| format!(", about ${cost:.2}"))
    )];
    lines.push(match found.power {
        Some(power) => format!(
            "an effect of {} points is found by Student's test in {} of such experiments",
            args.effect,
            percent(power)
        ),
        None => "too few personas for any test between personas".to_owned(),
    });
    if let Some(detectable) = found.detectable {
        let often = percent(args.power);
        lines.push(format!("the smallest effect that it finds in {often} of them is {detectable:.2} points"));
    }
    let what = format!("{} points in {} of them", args.effect, percent(args.power));
    lines.push(match found.needed {
        Some(needed) => format!("to find {what} takes {} personas", grouped(u64::from(needed))),
        None => format!("no number of personas finds {what}"),
    });
    if found.design == Design::Crossover {
        lines.push(format!(
            "a verdict on new personas asks for the exact test, too, whose smallest p-value is {}",
            found.floor
        ));
    }
    lines
        .extend(found.warnings.iter().map(|warning| set("warning: ", 2, warning, 100).trim_end().to_owned()));
    lines.join("\n") + "\n"
}

fn warnings(args: &Power, design: Design) -> Vec<String> {
    let mut warnings = Vec::new();
    if design == Design::Crossover {
        warnings.extend(out_of_reach(args.personas as usize, args.alpha));
    }
    if design == Design::Split && args.personas < SPLIT_PERSONAS {
        warnings.push(format!(
            "a split of {} personas is underpowered by design: take {SPLIT_PERSONAS} or more, or a crossover",
            args.personas
        ));
    }
    warnings
}

fn checked(args: &Power) -> Result<(), Failure> {
    let bad = |message: String, hint: &str| {
        Err(Failure::new(Exit::BadInput, Code::OptionUnusable, message).hint(hint))
    };
    for (name, number) in
        [("--personas", args.personas), ("--modules", args.modules), ("--blocks", args.blocks)]
    {
        if number == 0 {
            return bad(format!("{name} is 0"), "write a whole number above 0");
        }
    }
    let spreads =
        [("--effect-sd", args.effect_sd), ("--noise-sd", args.noise_sd), ("--persona-sd", args.persona_sd)];
    for (name, number) in spreads {
        if !(number >= 0.0 && number.is_finite()) {
            return bad(format!("{name} is {number}"), "a standard deviation is 0 or more");
        }
    }
    if args.noise_sd == 0.0 {
        return bad(
            "--noise-sd is 0".to_owned(),
            "ratings always vary: write a standard deviation above 0, such as 1",
        );
    }
    if !(args.effect.abs() > 0.0 && args.effect.is_finite()) {
        return bad(
            format!("--effect is {}", args.effect),
            "write the difference that is to be found, such as 0.25",
        );
    }
    if !(args.alpha > 0.0 && args.alpha < 0.5) {
        return bad(
            format!("--alpha is {}", args.alpha),
            "write the accepted rate of false alarms, such as 0.05",
        );
    }
    if !(args.power > args.alpha && args.power < 1.0) {
        return bad(
            format!("--power is {}", args.power),
            "write a chance above alpha and below 1, such as 0.8",
        );
    }
    Ok(())
}
