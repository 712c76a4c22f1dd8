//! `experiment …`: plan, judge and hand on experiments. `experiment run` needs the daemon's parts and is in
//! `app/`; `analyze`, `power` and `assign` need nothing but their arguments.

mod analyze;
mod arms;
mod assign;
mod check;
mod ending;
mod export;
mod gate;
mod kept;
mod outlook;
mod power;
mod report;
mod view;
mod weights;

pub use analyze::analyze;
pub use arms::{check_arms, check_settings, strategy, unplayable};
pub use assign::assign;
pub use check::{check, check_neighbours};
pub use export::export;
pub use gate::gate;
pub use power::power;
pub use report::report;
