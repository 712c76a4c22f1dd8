//! `experiment export`: every observation, for other tools.

use std::path::Path;

use super::{kept, view};
use crate::cli::Failure;
use crate::cli::args::{Export, Rows};
use crate::cli::output::Output;
use serde_json::json;

use domain::observation::Observation;
use experiment::rows::{write_csv, write_json_lines};

/// Writes the observations of an experiment, of one phase or of all.
///
/// # Errors
/// When there is no such experiment, or the file cannot be written.
pub async fn export(args: &Export, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let record = kept::record(&args.of, config).await?;
    let wanted = |turn: &Observation| args.of.phase.is_none_or(|phase| phase == turn.phase);
    let observations: Vec<Observation> = record.observations().into_iter().filter(wanted).collect();
    let rows = || match args.form {
        Rows::Csv => write_csv(&observations),
        Rows::JsonLines => write_json_lines(&observations),
    };
    match &args.out {
        None => output.print(&observations, rows),
        Some(path) => {
            view::write_whole(path, rows().as_bytes())?;
            let document = json!({ "written": path, "turns": observations.len() });
            output.say(&format!("{} turns written to {}", observations.len(), path.display()));
            output.print(&document, String::new)?;
            if matches!(args.form, Rows::Csv) {
                output.next(&["experiment", "analyze", &path.display().to_string()]);
            }
            Ok(())
        }
    }
}
