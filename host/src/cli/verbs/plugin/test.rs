//! `plugin test`: the cases of a project, and the snapshots of what came out.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::ask::{Cost, ask};
use super::build::{built, shown};
use super::component::{self, strategy};
use super::difference;
use crate::behavior::Generation;
use crate::cli::args::Test;
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, Output, styled, text_width};
use crate::cli::text::{grouped, printable, set};
use crate::cli::{Exit, Failure};
use crate::workshop::{Case, Project, differences, snapshot};
use domain::code::Code;

/// How one case went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    case: String,
    about: Option<String>,
    passed: bool,
    fuel: u64,
    calls: Vec<Cost>,
    differences: Vec<String>,
    snapshot: Snapshot,
    /// The lines that changed, with a few around them; empty unless the snapshot differs.
    diff: Vec<String>,
}

/// What became of a case's snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Snapshot {
    /// There is none.
    None,
    /// It is as it was.
    Same,
    /// It is not as it was.
    Differs,
    /// It was written.
    Written,
}

/// Runs the cases of a project. Ends with [`Exit::No`] when one of them fails.
///
/// # Errors
/// When the project cannot be built, its component is refused, or a case is none.
pub async fn test(args: &Test, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let cases = cases(&args.dir.join("cases"))?;
    let path = component_of(args, output)?;
    let generation = component::loaded(&path, &component::read(&path)?, file).await?;
    let mut verdicts = Vec::with_capacity(cases.len());
    for (case, snapshot) in &cases {
        let verdict = judge(&generation, case, snapshot, args.update).await?;
        output.show(&verdict.text())?;
        verdicts.push(verdict);
    }
    let passed = verdicts.iter().filter(|verdict| verdict.passed).count();
    let failed = verdicts.len() - passed;
    let document = json!({
        "component": path, "sha256": generation.digest(), "passed": passed, "failed": failed, "cases": verdicts,
    });
    output.print(&document, || {
        let failed = if failed == 0 { String::new() } else { styled(BAD, format!(", {failed} failed")) };
        format!("\n{}{failed}\n", styled(HEAD, format!("{passed} passed")))
    })?;
    match failed {
        0 => {
            output.next(&["plugin", "check", &path.display().to_string()]);
            Ok(())
        }
        failed => {
            let message = format!("{failed} of {} cases failed", passed + failed);
            Err(Failure::new(Exit::No, Code::CasesFailed, message).told())
        }
    }
}

/// The component to test: the one that was named, or the project's.
fn component_of(args: &Test, output: Output) -> Result<PathBuf, Failure> {
    if let Some(file) = &args.file {
        return Ok(file.clone());
    }
    let project = Project::open(&args.dir)?;
    if !args.no_build {
        built(&project, output)?;
    }
    Ok(shown(&project))
}

/// The cases of a folder by name, each with the path of its snapshot.
fn cases(folder: &Path) -> Result<Vec<(Case, PathBuf)>, Failure> {
    let hint = "write one, such as {\"expect\": {\"turn\": {\"contains\": [\"…\"]}}}";
    let unreadable = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::File, Code::FileUnreadable, format!("{} cannot be read: {error}", path.display()))
            .hint(hint)
    };
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    if paths.is_empty() {
        let message = format!("there is no case in {}", folder.display());
        return Err(Failure::new(Exit::BadInput, Code::CaseUnusable, message).hint(hint));
    }
    let case = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let case = Case::parse(&name, &text).map_err(|error| {
            let failure =
                Failure::new(Exit::BadInput, Code::CaseUnusable, format!("{}: {error}", path.display()));
            failure.hint(error.hint().unwrap_or("correct the case"))
        })?;
        Ok((case, path.with_extension("snap")))
    };
    paths.iter().map(case).collect()
}

async fn judge(generation: &Generation, case: &Case, path: &Path, update: bool) -> Result<Verdict, Failure> {
    let strategy = strategy(generation.plugin(), case.settings.clone());
    let asked = ask(generation, &strategy, &case.sample).await;
    let differences = differences(&case.expected, &asked.answers);
    let (snapshot, diff) = compared(path, &snapshot(&asked.answers), update)?;
    Ok(Verdict {
        case: case.name.clone(),
        about: case.about.clone(),
        passed: differences.is_empty() && snapshot != Snapshot::Differs,
        fuel: asked.fuel(),
        calls: asked.calls,
        differences,
        snapshot,
        diff,
    })
}

/// Compares a snapshot with what is there, or writes it.
fn compared(path: &Path, text: &str, update: bool) -> Result<(Snapshot, Vec<String>), Failure> {
    let failed = |verb: &str, error: std::io::Error| {
        Failure::new(
            Exit::File,
            if verb == "read" { Code::FileUnreadable } else { Code::FileUnwritable },
            format!("{} cannot be {verb}: {error}", path.display()),
        )
        .hint("make it accessible for this user")
    };
    let before = match std::fs::read_to_string(path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", error)),
    };
    match before {
        Some(before) if before == text => Ok((Snapshot::Same, Vec::new())),
        _ if update => {
            std::fs::write(path, text).map_err(|error| failed("written", error))?;
            Ok((Snapshot::Written, Vec::new()))
        }
        Some(before) => Ok((Snapshot::Differs, difference::lines(&before, text))),
        None => Ok((Snapshot::None, Vec::new())),
    }
}

impl Verdict {
    /// A line, and what is different under it.
    fn text(&self) -> String {
        let mark = if self.passed { styled(GOOD, "✓") } else { styled(BAD, "✗") };
        let name = printable(&self.case);
        let beside = match self.snapshot {
            Snapshot::None => "",
            Snapshot::Same => ", as in its snapshot",
            Snapshot::Differs => ", unlike its snapshot",
            Snapshot::Written => ", snapshot written",
        };
        let cost = styled(FAINT, format!("{:>9} fuel{beside}", grouped(self.fuel)));
        let mut text = format!("{mark} {name:<32} {cost}\n");
        for difference in &self.differences {
            text += &set("    ", 4, difference, text_width());
        }
        text += &difference::text(&self.diff);
        if self.snapshot == Snapshot::Differs {
            text += &format!("    {}\n", styled(ODD, "if that is meant: plugin test --update"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_written_compared_and_shown_where_it_changed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.snap");
        let compared = |text: &str, update: bool| super::compared(&path, text, update).expect("readable");
        assert_eq!(compared("one\ntwo\n", false).0, Snapshot::None);
        assert!(!path.exists(), "only --update writes");
        assert_eq!(compared("one\ntwo\n", true).0, Snapshot::Written);
        assert_eq!(compared("one\ntwo\n", false).0, Snapshot::Same);
        let (snapshot, diff) = compared("one\n2\n", false);
        assert_eq!(
            (snapshot, diff),
            (Snapshot::Differs, ["  one", "- two", "+ 2"].map(str::to_owned).into())
        );
    }
}
