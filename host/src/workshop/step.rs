//! One call of a tool that builds plugins, as a value: what is typed where. And what is to be said
//! when the tool is missing or fails.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::private::SECRETS;

/// One call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, as in "cargo cannot … the plugin".
    pub purpose: &'static str,
    /// What is called: a name, or a path that is absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it is called.
    pub folder: PathBuf,
    /// The variables of the environment that are taken away.
    pub without: Vec<String>,
    /// The variables that are set, with their values.
    pub with: Vec<(&'static str, String)>,
    /// What to do when there is no such program.
    pub install: &'static str,
    /// Words of its output, and what to do when they are in it.
    pub advice: &'static [(&'static str, &'static str)],
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// There is no such program.
    #[error("{program} is needed to {purpose} the plugin, and is not there")]
    Missing {
        /// The program.
        program: String,
        /// What it would do.
        purpose: &'static str,
        /// How it is installed.
        install: &'static str,
    },
    /// The program cannot be started.
    #[error("{program} cannot be started: {cause}")]
    Start {
        /// The program.
        program: String,
        /// The system's words.
        cause: io::Error,
    },
    /// The program failed.
    #[error("{program} cannot {purpose} the plugin ({status})")]
    Failed {
        /// The program.
        program: String,
        /// What it was to do.
        purpose: &'static str,
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
        /// What to do about it.
        hint: &'static str,
    },
}

impl StepError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { install, .. } => install,
            Self::Start { .. } => "make it executable for this user",
            Self::Failed { hint, .. } => hint,
        }
    }

    /// What the program printed, if it came to that.
    #[must_use]
    pub fn output(&self) -> &str {
        match self {
            Self::Failed { output, .. } => output,
            _ => "",
        }
    }
}

impl Step {
    /// What one would type.
    #[must_use]
    pub fn line(&self) -> String {
        let words = std::iter::once(self.called()).chain(self.arguments.iter().cloned());
        words.collect::<Vec<_>>().join(" ")
    }

    /// Takes it, and waits for its end. What it prints is kept for when it fails.
    pub(super) fn take(&self) -> Result<(), StepError> {
        let output = self.command().output().map_err(|cause| self.not_started(cause))?;
        if output.status.success() {
            return Ok(());
        }
        let printed = [output.stdout, output.stderr].concat();
        Err(self.failed(&output.status.to_string(), String::from_utf8_lossy(&printed).trim()))
    }

    /// A build runs whatever the packages bring that it fetches: of our secrets it hears nothing.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).stdin(Stdio::null());
        for name in self.without.iter().map(String::as_str).chain(SECRETS) {
            command.env_remove(name);
        }
        command.envs(self.with.iter().map(|(name, value)| (name, value)));
        command
    }

    fn not_started(&self, cause: io::Error) -> StepError {
        let program = self.called();
        match cause.kind() {
            io::ErrorKind::NotFound => {
                StepError::Missing { program, purpose: self.purpose, install: self.install }
            }
            _ => StepError::Start { program, cause },
        }
    }

    fn failed(&self, status: &str, output: &str) -> StepError {
        let known = self.advice.iter().find(|(words, _)| output.contains(words));
        StepError::Failed {
            program: self.called(),
            purpose: self.purpose,
            status: status.to_owned(),
            output: output.to_owned(),
            hint: known.map_or("what it printed stands above", |(_, advice)| advice),
        }
    }

    /// The program as one would call it: without the way to it.
    fn called(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(program: &str, arguments: &[&str]) -> Step {
        Step {
            purpose: "compile",
            program: program.into(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            folder: std::env::temp_dir(),
            without: vec!["HOME".to_owned()],
            with: vec![("GREETING", "hello".to_owned())],
            install: "type `apt-get install it`",
            advice: &[("no such target", "add the target")],
        }
    }

    #[test]
    fn a_missing_program_is_named_with_how_to_install_it() {
        let error = step("no-such-program-here", &[]).take().expect_err("there is none");
        assert_eq!(
            error.to_string(),
            "no-such-program-here is needed to compile the plugin, and is not there"
        );
        assert_eq!(error.hint(), "type `apt-get install it`");
    }

    #[test]
    fn no_build_is_told_a_secret() {
        let command = step("sh", &[]).command();
        let taken: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).collect();
        for name in ["HOME", "ANTHROPIC_API_KEY", "MANA_SERVICE_KEY_NEXT", "PERSONA_STORE_URL"] {
            assert!(taken.iter().any(|(taken, _)| *taken == name), "{name}: {taken:?}");
        }
    }

    #[test]
    fn a_known_fault_gets_its_advice_and_every_fault_its_output() {
        for (printed, hint) in
            [("no such target", "add the target"), ("syntax", "what it printed stands above")]
        {
            let error = step("sh", &["-c", &format!("echo {printed} >&2; exit 3")]).take().expect_err("3");
            assert_eq!((error.output(), error.hint()), (printed, hint));
            assert!(error.to_string().contains("sh cannot compile the plugin (exit status: 3)"), "{error}");
        }
        let environment = "test -z \"$HOME\" && test \"$GREETING\" = hello";
        step("sh", &["-c", environment]).take().expect("it succeeds");
    }
}
