//! The experiment that was named, in the ledger that was named.

use std::path::Path;

use crate::cli::args::Kept;
use crate::cli::verbs::turns::open;
use crate::cli::{Exit, Failure};
use crate::evidence::Record;
use experiment::report::Report;

/// Where the ledger may be that is meant.
const OTHER_LEDGER: &str = "name the experiment's with --ledger; `experiment run FILE --stand-ins` keeps one in \
                            persona-host-experiments/KEY/ledger.db";

/// The report of one phase of an experiment in the ledger that was named, or of its last.
///
/// # Errors
/// When there is no ledger, no such experiment in it, or nothing to compare yet.
pub(super) async fn analyzed(kept: &Kept, config: Option<&Path>) -> Result<Report, Failure> {
    Ok(record(kept, config).await?.report(kept.phase)?)
}

/// The ledger that was named, and the named or newest version of the experiment in it.
///
/// # Errors
/// When there is no ledger, or no such experiment in it.
pub(super) async fn record(kept: &Kept, config: Option<&Path>) -> Result<Record, Failure> {
    let ledger = open(kept.ledger.as_deref(), config).await;
    let ledger = ledger.map_err(|failure| match failure.exit() {
        Exit::File => failure.hint(OTHER_LEDGER),
        _ => failure,
    })?;
    Ok(Record::read(&ledger, &kept.key, kept.plan_version).await?)
}
