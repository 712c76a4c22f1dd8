//! `init`: a folder to begin in. What is there stays as it is.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::next::quoted;
use crate::cli::output::{FAINT, GOOD, Output, styled};
use crate::cli::{Exit, Failure};
use crate::config::{self, commented};
use crate::private;
use domain::code::Code;

/// The file that the program reads where nobody names another.
const FILE: &str = "persona-host.toml";
/// By which an editor completes it.
const SCHEMA: &str = "persona-host.schema.json";
/// An experiment, beside the folder of those that the daemon's turns take part in.
const EXPERIMENT: &str = "experiment.toml";
const EXPERIMENT_TEXT: &str = include_str!("../../../../examples/experiment.toml");

/// Makes what is missing, and says what to type next.
///
/// # Errors
/// When something cannot be made.
pub fn init(dir: &Path, output: Output) -> Result<(), Failure> {
    let refused = |path: &Path, cause: std::io::Error| {
        Failure::new(Exit::File, Code::FileUnwritable, format!("{} cannot be made: {cause}", path.display()))
            .hint("name a folder that this user may write to")
    };
    let schema = serde_json::to_string_pretty(&config::schema())
        .map_err(|error| Failure::new(Exit::Unexpected, Code::Unexpected, error.to_string()))?;
    let files = [
        (FILE, commented(&format!("./{SCHEMA}"))),
        (SCHEMA, schema + "\n"),
        (EXPERIMENT, EXPERIMENT_TEXT.to_owned()),
    ];
    let (mut made, mut kept) = (Vec::new(), Vec::new());
    for name in ["plugins", "experiments"] {
        let path = dir.join(name);
        let list = if path.is_dir() { &mut kept } else { &mut made };
        private::folders(&path).map_err(|cause| refused(&path, cause))?;
        list.push(path);
    }
    for (name, text) in files {
        let path = dir.join(name);
        let is_new = private::new(&path, text.as_bytes()).map_err(|cause| refused(&path, cause))?;
        if is_new { made.push(path) } else { kept.push(path) }
    }
    let next = next(dir, output);
    let document = json!({ "folder": dir, "made": made, "kept": kept, "next": next });
    output.print(&document, || text(&made, &kept))?;
    next.iter().for_each(|line| output.next_line(line));
    Ok(())
}

fn next(dir: &Path, output: Output) -> Vec<String> {
    let there =
        if dir == Path::new(".") { None } else { Some(format!("cd {}", quoted(&dir.display().to_string()))) };
    let commands = [
        output.typed(&["validate"]),
        output.typed(&["demo", "--once"]),
        output.typed(&["experiment", "run", EXPERIMENT, "--stand-ins"]),
        output.typed(&["run"]),
    ];
    there.into_iter().chain(commands).collect()
}

fn text(made: &[PathBuf], kept: &[PathBuf]) -> String {
    let made = made.iter().map(|path| format!("  {} {}\n", styled(GOOD, "made"), path.display()));
    let kept = kept.iter().map(|path| {
        format!(
            "  {} {}{}\n",
            styled(FAINT, "kept"),
            path.display(),
            styled(FAINT, ", which is there already")
        )
    });
    made.chain(kept).collect()
}
