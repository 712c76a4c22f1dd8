//! `experiment power`: what an experiment of some size can find.

use serde_json::json;

use crate::cli::args::Power;
use crate::cli::output::Output;
use crate::cli::text::{grouped, set};
use crate::cli::{Exit, Failure};
use domain::experiment::Design;
use experiment::statistics::{SPLIT_PERSONAS, Study, floor};

/// Answers questions of planning.
///
/// # Errors
/// When a number cannot be meant.
pub fn power(args: &Power, output: Output) -> Result<(), Failure> {
    checked(args)?;
    let design = Design::from(args.design);
    let study = Study {
        personas: args.personas,
        pairs: f64::from(args.modules) * f64::from(args.blocks),
        effect_sd: args.effect_sd,
        noise_sd: args.noise_sd,
        persona_sd: (design == Design::Split).then_some(args.persona_sd),
        alpha: args.alpha,
    };
    let (power, detectable) = (study.power(args.effect), study.detectable(args.power));
    let needed = study.needed(args.effect, args.power);
    let turns =
        u64::from(args.personas) * u64::from(args.blocks) * if design == Design::Split { 1 } else { 2 };
    #[expect(clippy::cast_precision_loss, reason = "counts of turns")]
    let cost = args.turn_cost.map(|cost| cost * turns as f64);
    let warnings = warnings(args, design);
    let floor = floor(args.personas as usize);
    let document = json!({
        "design": design, "personas": args.personas, "modules": args.modules, "blocks": args.blocks,
        "pairsPerPersona": study.pairs, "effect": args.effect, "effectSd": args.effect_sd,
        "noiseSd": args.noise_sd, "personaSd": study.persona_sd, "alpha": args.alpha,
        "standardError": study.se(), "power": power, "targetPower": args.power, "detectable": detectable,
        "personasNeeded": needed, "floor": (design == Design::Crossover).then_some(floor), "turns": turns,
        "cost": cost, "warnings": warnings,
    });
    output.print(&document, || {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let mut lines = vec![format!(
            "{} personas in a {}, {} blocks of {} modules: {} turns{}",
            args.personas,
            if design == Design::Split { "split" } else { "crossover" },
            args.blocks,
            args.modules,
            grouped(turns),
            cost.map_or_else(String::new, |cost| format!(", about ${cost:.2}"))
        )];
        lines.push(match power {
            Some(power) => format!(
                "an effect of {} points is found by Student's test in {} of such experiments",
                args.effect,
                percent(power)
            ),
            None => "too few personas for any test between personas".to_owned(),
        });
        if let Some(detectable) = detectable {
            lines.push(format!(
                "the smallest effect that it finds in {} of them is {detectable:.2} points",
                percent(args.power)
            ));
        }
        lines.push(match needed {
            Some(needed) => format!(
                "to find {} points in {} of them takes {} personas",
                args.effect,
                percent(args.power),
                grouped(u64::from(needed))
            ),
            None => format!(
                "no number of personas finds {} points in {} of them",
                args.effect,
                percent(args.power)
            ),
        });
        if design == Design::Crossover {
            lines.push(format!(
                "a verdict on new personas asks for the exact test, too, whose smallest p-value is {floor}"
            ));
        }
        lines.extend(warnings.iter().map(|warning| set("warning: ", 2, warning, 100).trim_end().to_owned()));
        lines.join("\n") + "\n"
    })
}

fn warnings(args: &Power, design: Design) -> Vec<String> {
    let mut warnings = Vec::new();
    let floor = floor(args.personas as usize);
    if design == Design::Crossover && floor > args.alpha {
        warnings.push(format!(
            "{} personas can never reach p < {} between personas: the smallest p-value of the exact test is {floor}; a verdict on new ones is out of reach, whatever Student's test finds; take six or more",
            args.personas, args.alpha
        ));
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
    let bad = |message: String, hint: &str| Err(Failure::new(Exit::BadInput, message).hint(hint));
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
