//! Builds a project: takes the steps of its toolchain, and puts the component where it belongs in one
//! move, so that whoever watches the file never sees half of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::language::Language;
use super::project::{Project, ProjectError};
use super::step::{Step, StepError};
use super::template::CONTRACT;
use super::toolchain::{Entry, Mark, Plan, Surroundings, plan};
use domain::ids::Sha256Hex;

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it is.
    pub component: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// Its digest.
    pub digest: Sha256Hex,
    /// How long it took.
    pub took: Duration,
}

/// Why a project was not built. What was built before is still there.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The project is none.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A tool is missing or failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The tools succeeded, and the component is not there.
    #[error("{} was not built: {cause}", path.display())]
    NothingMade {
        /// Where it was expected.
        path: PathBuf,
        /// What may be wrong.
        cause: &'static str,
    },
}

impl BuildError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Project(error) => error.hint(),
            Self::Step(error) => error.hint().to_owned(),
            Self::NothingMade { .. } => "correct the project, and build again".to_owned(),
        }
    }

    /// What a tool printed before it failed.
    #[must_use]
    pub fn output(&self) -> &str {
        match self {
            Self::Step(error) => error.output(),
            _ => "",
        }
    }
}

/// Builds a project. `about_to` is told each step before it is taken.
///
/// # Errors
/// When a tool is missing or fails, or a file cannot be read or written.
pub fn build(
    project: &Project,
    around: &Surroundings,
    about_to: &mut dyn FnMut(&Step),
) -> Result<Built, BuildError> {
    let began = Instant::now();
    // The tools are called in the project's folder, whose name is relative to ours.
    let folder = project.folder.canonicalize().map_err(|error| failed(&project.folder, "read", &error))?;
    let project = Project { folder, ..project.clone() };
    let component = project.component();
    let part = Path::new("dist").join(format!(".{}.part", project.name));
    write_contract(&project)?;
    let plan = plan(&project, around, &part)?;
    let part = project.folder.join(part);
    make_folder(&component)?;
    take(&plan, about_to)?;
    let bytes = fs::read(&plan.made).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            BuildError::NothingMade { path: plan.made.clone(), cause: plan.nothing_made }
        }
        _ => failed(&plan.made, "read", &error),
    })?;
    if plan.made != part {
        fs::write(&part, &bytes).map_err(|error| failed(&part, "written", &error))?;
    }
    fs::rename(&part, &component).map_err(|error| failed(&component, "written", &error))?;
    Ok(Built { component, bytes: bytes.len(), digest: Sha256Hex::of(&bytes), took: began.elapsed() })
}

fn take(plan: &Plan, about_to: &mut dyn FnMut(&Step)) -> Result<(), BuildError> {
    let prepared = plan.prepared.as_ref().is_none_or(Mark::stands);
    let prepare = if prepared { &[][..] } else { &plan.prepare };
    for step in prepare {
        about_to(step);
        step.take()?;
    }
    if let (false, Some(mark)) = (prepared, &plan.prepared) {
        fs::write(&mark.path, &mark.content).map_err(|error| failed(&mark.path, "written", &error))?;
    }
    if let Some(Entry { path, content }) = &plan.entry {
        make_folder(path)?;
        fs::write(path, content).map_err(|error| failed(path, "written", &error))?;
    }
    for step in &plan.compile {
        about_to(step);
        step.take()?;
    }
    Ok(())
}

impl Mark {
    fn stands(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|content| content == self.content)
    }
}

/// The contract that the project is built against, where it has none. A Rust project needs one only
/// beside an SDK of its own.
fn write_contract(project: &Project) -> Result<(), BuildError> {
    let needed = project.language != Language::Rust || project.folder.join("persona-plugin").is_dir();
    if !needed || project.folder.join("wit").exists() {
        return Ok(());
    }
    let path = project.folder.join("wit/behavior.wit");
    make_folder(&path)?;
    fs::write(&path, CONTRACT).map_err(|error| failed(&path, "written", &error))
}

/// Makes the folder of a file.
fn make_folder(file: &Path) -> Result<(), BuildError> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| failed(folder, "made", &error))
}

fn failed(path: &Path, verb: &str, error: &io::Error) -> BuildError {
    BuildError::Project(ProjectError::file(path, verb, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(line: &str, folder: &Path) -> Step {
        Step {
            purpose: "compile",
            program: "sh".into(),
            arguments: vec!["-c".to_owned(), line.to_owned()],
            folder: folder.to_owned(),
            without: Vec::new(),
            with: Vec::new(),
            install: "",
            advice: &[],
        }
    }

    #[test]
    fn what_is_prepared_is_prepared_once_until_it_is_asked_for_otherwise() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut plan = Plan {
            prepare: vec![step("true", folder.path())],
            prepared: Some(Mark { path: folder.path().join("mark"), content: "one".to_owned() }),
            entry: None,
            compile: vec![step("true", folder.path())],
            made: PathBuf::new(),
            nothing_made: "",
        };
        let taken = |plan: &Plan| {
            let mut steps = 0;
            take(plan, &mut |_| steps += 1).expect("it succeeds");
            steps
        };
        assert_eq!((taken(&plan), taken(&plan)), (2, 1));
        plan.prepared.as_mut().expect("a mark").content = "two".to_owned();
        assert_eq!((taken(&plan), taken(&plan)), (2, 1));

        // What failed is not marked, so that it is done again.
        plan.prepare[0] = step("false", folder.path());
        plan.prepared.as_mut().expect("a mark").content = "three".to_owned();
        take(&plan, &mut |_| {}).expect_err("it fails");
        take(&plan, &mut |_| {}).expect_err("it fails again");
    }
}
