//! Methods as plain functions on numbers: estimates, tests, intervals. They know nothing of experiments.

mod cuped;
mod draws;
mod mean;
mod multiplicity;
mod ordinal;
mod paired;
mod power;
mod proportion;
mod rater;
mod ratio;
mod sequential;
mod spread;
mod srm;

pub use cuped::adjusted;
pub use draws::Draws;
pub use mean::{Difference, Moments, one_sided, student, welch};
pub use multiplicity::{benjamini_hochberg, holm};
pub use ordinal::{brunner_munzel, cliffs_delta, magnitude, sign_test, spearman, wilcoxon_pratt};
pub use paired::{clustered, permutation, sign_flip, within};
pub use power::{SPLIT_PERSONAS, Study, floor, miller};
pub use proportion::{mcnemar, newcombe, pass_hat, superiority, wilson};
pub use rater::{compression, entropy, icc1, mode_share};
pub use ratio::ratio_difference;
pub use sequential::{FIRST_LOOK, anytime, half_width, nearly_alike, sign_e_course};
pub use spread::{median, quantile};
pub use srm::{ALARM, MIN_PER_ARM, chi_square, is_testable};
