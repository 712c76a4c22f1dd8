//! The parts of arms as somebody types them.

use crate::cli::{Exit, Failure};
use domain::code::Code;

/// How far weights may be from a sum of 1.
const ROUNDING: f64 = 1e-6;

/// Weights that can be meant: each above 0, and 1 together.
///
/// # Errors
/// When one of them is not above 0, or they are more or less than everybody.
pub(super) fn sound(weights: &[f64]) -> Result<(), Failure> {
    let bad = |message: String, hint: &str| {
        Err(Failure::new(Exit::BadInput, Code::OptionUnusable, message).hint(hint))
    };
    if let Some(weight) = weights.iter().find(|weight| !(**weight > 0.0 && weight.is_finite())) {
        return bad(
            format!("a weight is {weight}"),
            "weights are above 0; leave an arm out that nobody is to play",
        );
    }
    let total: f64 = weights.iter().sum();
    if (total - 1.0).abs() > ROUNDING {
        return bad(format!("the weights sum to {total}"), "let them sum to 1, such as 0.5,0.5");
    }
    Ok(())
}
