//! `plugin build`: a project's component, and whether its functions answer.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::check::{ALL_THE_SAME, tried};
use super::finding::{Finding, Verdict};
use super::page::Page;
use crate::cli::output::{BAD, FAINT, Output, styled};
use crate::cli::text::{printable, size};
use crate::cli::{Exit, Failure, load};
use crate::workshop::{self, BuildError, Built, Project, ProjectError};
use domain::code::Code;

/// Builds the project in `dir`, and calls each function once. Ends with [`Exit::BadInput`] when one gives
/// no answer that the host could use; the component is there all the same, to be looked at.
///
/// # Errors
/// When there is none, a tool is missing or fails, or what was built cannot be loaded.
pub async fn build(dir: &Path, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let project = Project::open(dir)?;
    let built = built(&project, output)?;
    // As it was typed, so that it can be typed again.
    let component = shown(&project);
    let mut findings = tried(&component, file, output).await?;
    findings.retain(|finding| finding.verdict != Verdict::Ok);
    let refused = findings.iter().any(|finding| finding.verdict == Verdict::Refused);
    let end = if findings.iter().any(Finding::keeps_out) {
        "it is built, and the host would not use it"
    } else {
        "it is built, and fails the sample calls"
    };
    let document = json!({
        "name": project.name, "language": project.language, "component": component,
        "bytes": built.bytes, "sha256": built.digest, "tookMs": built.took.as_millis(), "findings": findings,
    });
    output.print(&document, || {
        let mut page = Page::default();
        page.heading(&format!("{}, built from {}", project.name, project.language));
        page.fact("component", &component.display().to_string());
        page.fact("size", &size(built.bytes));
        page.fact("sha256", built.digest.as_str());
        page.fact("took", &format!("{:.1} s", built.took.as_secs_f64()));
        let mut text = page.into_text();
        if !findings.is_empty() {
            text += &format!("\n{}", findings.iter().map(Finding::text).collect::<String>());
        }
        if refused {
            let all_the_same = if findings.iter().any(Finding::keeps_out) { "" } else { ALL_THE_SAME };
            text += &format!("\n{}\n", styled(BAD, format!("{end}\n{all_the_same}").trim_end()));
        }
        text
    })?;
    match refused {
        true => Err(Failure::new(Exit::BadInput, Code::PluginUnfit, end).told()),
        false => {
            output.next(&["plugin", "test", &dir.display().to_string()]);
            Ok(())
        }
    }
}

/// Builds a project, with a line for each step.
pub(super) fn built(project: &Project, output: Output) -> Result<Built, Failure> {
    let mut about_to = |step: &workshop::Step| {
        output.progress(&styled(FAINT, format!("  {}", printable(&step.line()))));
    };
    workshop::build(project, &load::surroundings(), &mut about_to).map_err(|error| told(&error, output))
}

/// Where the component of a project is, as one would type it.
pub(super) fn shown(project: &Project) -> PathBuf {
    let component = project.component();
    component.strip_prefix(".").map(Path::to_owned).unwrap_or(component)
}

/// What a tool printed goes before the error for people, and into it for programs.
fn told(error: &BuildError, output: Output) -> Failure {
    let (sentence, printed) = (error.to_string(), error.output());
    for line in printed.lines() {
        output.say(&printable(line));
    }
    let message = match printed {
        "" => sentence,
        _ if !output.json => sentence,
        _ => format!("{sentence}\n{printed}"),
    };
    let (exit, code) = match error {
        BuildError::Project(error) => end_of(error),
        BuildError::Step(_) | BuildError::NothingMade { .. } => (Exit::BadInput, Code::BuildFailed),
    };
    Failure::new(exit, code, message).hint(error.hint())
}

fn end_of(error: &ProjectError) -> (Exit, Code) {
    match error {
        ProjectError::NoFolder(_) => (Exit::File, Code::NoProject),
        ProjectError::File { .. } => (Exit::File, Code::FileUnreadable),
        ProjectError::NoProject(_) => (Exit::BadInput, Code::NoProject),
        ProjectError::Name { .. } => (Exit::BadInput, Code::PluginName),
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        let (exit, code) = end_of(&error);
        Self::new(exit, code, error.to_string()).hint(error.hint())
    }
}
