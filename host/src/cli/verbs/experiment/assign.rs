//! `experiment assign`: where units land, computed and not looked up.

use std::collections::BTreeSet;

use serde::Serialize;

use super::weights::sound;
use crate::cli::args::Assign;
use crate::cli::output::Column::{Flowing, Number, Whole};
use crate::cli::output::{Output, table};
use crate::cli::text::printable;
use crate::cli::{Exit, Failure};
use domain::code::Code;
use experiment::assignment::{choose, order_of_block, point_by_version, ranges};

/// Everybody's places.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Places {
    key: String,
    seed: String,
    hash_version: u32,
    arms: Vec<String>,
    weights: Vec<f64>,
    traffic: f64,
    units: Vec<Place>,
}

/// Where a unit lands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    unit: String,
    /// 0 to 1.
    bucket: f64,
    /// It takes part.
    included: bool,
    /// Its arm in a split design.
    arm: Option<String>,
    /// The order of arms in each block of a crossover, by letters: A is the first arm.
    orders: Vec<String>,
    /// The same by name.
    order_arms: Vec<Vec<String>>,
}

/// Shows where units land.
///
/// # Errors
/// When arms, weights, share or hash version cannot be meant.
pub fn assign(args: &Assign, output: Output) -> Result<(), Failure> {
    let weights = checked(args)?;
    let seed = args.seed.clone().unwrap_or_else(|| args.key.clone());
    let ranges = ranges(args.arms.len(), args.traffic, &weights);
    let place = |unit: &String| -> Result<Place, Failure> {
        let bucket = point_by_version(&seed, unit, args.hash_version).ok_or_else(|| {
            let message = format!("there is no hash version {}", args.hash_version);
            Failure::new(Exit::BadInput, Code::OptionUnusable, message)
                .hint("use 2; 1 is only there to check old assignments")
        })?;
        let orders: Vec<Vec<usize>> =
            (0..args.blocks).map(|block| order_of_block(&seed, block, unit, args.arms.len())).collect();
        let letter = |arm: &usize| char::from(b'A' + u8::try_from(*arm).unwrap_or(25).min(25));
        let name = |arm: &usize| args.arms[*arm].clone();
        Ok(Place {
            unit: unit.clone(),
            bucket,
            included: bucket < args.traffic,
            arm: choose(bucket, &ranges).map(|arm| args.arms[arm].clone()),
            orders: orders.iter().map(|order| order.iter().map(letter).collect()).collect(),
            order_arms: orders.iter().map(|order| order.iter().map(name).collect()).collect(),
        })
    };
    let places = Places {
        key: args.key.clone(),
        units: args.units.iter().map(place).collect::<Result<_, _>>()?,
        seed,
        hash_version: args.hash_version,
        arms: args.arms.clone(),
        weights,
        traffic: args.traffic,
    };
    output.print(&places, || text(&places))
}

fn checked(args: &Assign) -> Result<Vec<f64>, Failure> {
    let bad = |message: String, hint: &str| {
        Err(Failure::new(Exit::BadInput, Code::OptionUnusable, message).hint(hint))
    };
    if args.arms.len() < 2 {
        return bad(
            "one arm cannot be compared with anything".to_owned(),
            "name two or more: --arms control,brief",
        );
    }
    if args.arms.len() > 26 {
        return bad(format!("{} arms are too many", args.arms.len()), "an experiment has up to 26");
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = args.arms.iter().find(|arm| !seen.insert(arm.as_str())) {
        return bad(format!("two arms are called {twice:?}"), "give each arm a name of its own");
    }
    if !(args.traffic > 0.0 && args.traffic <= 1.0) {
        return bad(
            format!("--traffic is {}", args.traffic),
            "write the part that takes part: above 0, at most 1",
        );
    }
    if args.weights.is_empty() {
        #[expect(clippy::cast_precision_loss, reason = "a handful of arms")]
        return Ok(vec![1.0 / args.arms.len() as f64; args.arms.len()]);
    }
    if args.weights.len() != args.arms.len() {
        let message = format!("{} weights do not fit {} arms", args.weights.len(), args.arms.len());
        return bad(message, "give each arm a weight, or none of them");
    }
    sound(&args.weights)?;
    Ok(args.weights.clone())
}

fn text(places: &Places) -> String {
    let mut table =
        table([Whole("unit"), Number("point"), Whole("arm if split"), Flowing("blocks if crossover")]);
    for place in &places.units {
        let arm = place.arm.as_deref().unwrap_or("takes no part");
        table.add_row([
            printable(&place.unit),
            format!("{:.4}", place.bucket),
            printable(arm),
            place.orders.join(" "),
        ]);
    }
    let letters: Vec<String> = (b'A'..)
        .zip(&places.arms)
        .map(|(letter, arm)| format!("{} is {}", char::from(letter), printable(arm)))
        .collect();
    format!(
        "{table}\n\n{}; seed {:?}, hash version {}\n",
        letters.join(", "),
        places.seed,
        places.hash_version
    )
}
