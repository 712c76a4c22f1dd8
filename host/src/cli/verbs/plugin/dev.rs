//! `plugin dev`: at each save build, show what is asked and read now, and load it where personas live.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::ask::ask;
use super::build::{built, shown};
use super::component::{self, Loader, put, strategy};
use super::demo::Demo;
use super::difference;
use super::given::{self, Given};
use super::running::{running, text};
use crate::cli::args::Dev;
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, Output, PLACE, styled, text_width};
use crate::cli::signals::Signals;
use crate::cli::text::{grouped, set};
use crate::cli::{Exit, Failure};
use crate::running::{Running, RunningError};
use crate::workshop::{Project, Sample, Sources, snapshot};
use domain::code::Code;

/// How often the sources are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Works on a project until Ctrl-C; with `--once`, ends with what came of the one build.
///
/// # Errors
/// When there is no project, or what was given beside it cannot be used.
pub async fn dev(args: &Dev, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let project = Project::open(&args.dir)?;
    let given = Given { persona: args.persona.as_deref(), ..Given::default() };
    let desk = Desk {
        sample: given.sample()?,
        settings: given::settings(args.settings.as_deref())?,
        project,
        loader: Loader::new(file)?,
        output,
    };
    // From the start, so that no signal is lost while something is built, or leaves a demo behind.
    let mut signals = Signals::listen();
    let demo = if args.demo {
        built(&desk.project, output)?;
        tokio::select! {
            demo = Demo::start(&desk.project, &desk.settings, output) => Some(demo?),
            () = signals.next() => return Ok(()),
        }
    } else {
        None
    };
    let url = demo.as_ref().map(Demo::url).or(args.url.as_deref());
    desk.work(&running(url, file)?, args.once, &mut signals).await
}

/// What a build is shown with.
struct Desk {
    project: Project,
    sample: Sample,
    settings: Value,
    loader: Loader,
    output: Output,
}

/// What there is to say of a build.
struct Build {
    /// It gives all that a turn needs, and was not refused.
    is_good: bool,
    document: Value,
    text: String,
    /// What it asks and reads, for the next one.
    answers: String,
}

impl Desk {
    async fn work(&self, host: &Running, once: bool, signals: &mut Signals) -> Result<(), Failure> {
        let mut before: Option<String> = None;
        loop {
            let sources = Sources::of(&self.project.folder);
            // A signal ends it also while the build shows itself: that is killed then.
            let passed = tokio::select! {
                passed = self.pass(host, before.as_deref()) => passed,
                () = signals.next() => return Ok(()),
            };
            if once {
                return self.end(passed.map_err(|failure| failure.ending(Exit::BadInput))?);
            }
            match passed {
                Ok(build) => {
                    if !self.output.line(&build.document, || build.text)? {
                        return Ok(());
                    }
                    before = Some(build.answers);
                }
                Err(failure) => self.output.line_of_failure(failure),
            }
            self.output.say(&styled(FAINT, "\n  waiting for the next save; Ctrl-C ends this"));
            tokio::select! {
                () = changed(&self.project.folder, &sources) => {}
                () = signals.next() => return Ok(()),
            }
        }
    }

    /// The answer of the one build that was asked for.
    fn end(&self, build: Build) -> Result<(), Failure> {
        self.output.print(&build.document, || build.text)?;
        match build.is_good {
            true => Ok(()),
            false => {
                let message = "it is built, and does not give all that a turn needs, or is refused";
                Err(Failure::new(Exit::BadInput, Code::PluginUnfit, message).told())
            }
        }
    }

    /// One build: made, compared with the one before, loaded.
    async fn pass(&self, host: &Running, before: Option<&str>) -> Result<Build, Failure> {
        let made = built(&self.project, self.output)?;
        let path = shown(&self.project);
        let source = component::read(&path)?;
        let generation = self.loader.load(&path, &source).await?;
        let strategy = strategy(generation.plugin(), self.settings.clone());
        let asked = ask(&generation, &strategy, &self.sample).await;
        let answers = snapshot(&asked.answers);
        let loaded = self.load(host, &path).await;
        let is_good = asked.answers.report.as_ref().is_some_and(Result::is_ok)
            && !matches!(loaded, Loaded::Refused { .. });
        let changes = before.map(|before| difference::lines(before, &answers));
        let document = json!({
            "sha256": made.digest, "buildMs": made.took.as_millis(), "fuel": asked.fuel(),
            "answers": answers, "changes": changes, "host": loaded.document(),
        });
        let took = made.took.as_secs_f64();
        let cost = format!("built in {took:.1} s, {} fuel for a turn", grouped(asked.fuel()));
        let body = match &changes {
            None => set("", 0, &answers, text_width()),
            Some(changes) if changes.is_empty() => "it asks and reads as before\n".to_owned(),
            Some(changes) => difference::text(changes),
        };
        let (name, cost) = (styled(HEAD, &self.project.name), styled(FAINT, cost));
        let text = format!("{name} {cost}\n\n{body}\n{}", loaded.text(host));
        Ok(Build { is_good, document, text, answers })
    }

    /// Puts the component into the plugins folder of the persona-host that runs, and waits for its word.
    async fn load(&self, host: &Running, path: &Path) -> Loaded {
        let name = &self.project.name;
        let document = match host.plugins().await {
            Ok(document) => document,
            Err(RunningError::NoAnswer { .. }) => return Loaded::Nobody,
            Err(error) => return Loaded::refused(&error),
        };
        let used = document["plugins"].as_array().into_iter().flatten();
        if !used.into_iter().any(|plugin| plugin["name"] == name.as_str()) {
            return Loaded::Unused;
        }
        let folder = PathBuf::from(text(&document, "dir"));
        if let Err(error) = put(path, &folder, name) {
            let message = format!("{} cannot be put into {}: {error}", path.display(), folder.display());
            return Loaded::Refused { message, hint: Some("it has to run on this machine".to_owned()) };
        }
        match host.change(name, "reload").await {
            Ok(answer) => {
                Loaded::Serves { result: text(&answer, "result"), generation: text(&answer, "generation") }
            }
            Err(error) => Loaded::refused(&error),
        }
    }
}

/// What became of a build in the persona-host that runs.
enum Loaded {
    /// None runs.
    Nobody,
    /// No strategy of it uses this plugin.
    Unused,
    Serves {
        result: String,
        generation: String,
    },
    Refused {
        message: String,
        hint: Option<String>,
    },
}

impl Loaded {
    fn refused(error: &RunningError) -> Self {
        let hint = match error {
            RunningError::Refused { hint, .. } => hint.clone(),
            _ => None,
        };
        Self::Refused { message: error.to_string(), hint }
    }

    fn document(&self) -> Value {
        match self {
            Self::Nobody => json!({ "result": "no persona-host runs" }),
            Self::Unused => json!({ "result": "no strategy uses it" }),
            Self::Serves { result, generation } => json!({ "result": result, "generation": generation }),
            Self::Refused { message, hint } => {
                json!({ "result": "refused", "message": message, "hint": hint })
            }
        }
    }

    fn text(&self, host: &Running) -> String {
        let at = styled(PLACE, host.base());
        match self {
            Self::Nobody => {
                let hint = "start one with `persona-host run`, or let this command do it with --demo";
                format!("{} at {at}, so it is loaded nowhere: {hint}\n", styled(ODD, "no persona-host runs"))
            }
            Self::Unused => format!(
                "{} of the persona-host at {at}: add [strategies.NAME] with this plugin, and start it again\n",
                styled(ODD, "it is used by no strategy")
            ),
            Self::Serves { result, generation } => {
                format!("{} at {at} as generation {generation}\n", styled(GOOD, format!("it is {result}")))
            }
            Self::Refused { message, hint } => {
                let mut text = set(
                    &format!("{} ", styled(BAD, "the persona-host refuses it:")),
                    2,
                    message,
                    text_width(),
                );
                if let Some(hint) = hint {
                    text += &set("  fix: ", 2, hint, text_width());
                }
                text
            }
        }
    }
}

/// Waits until the sources look otherwise than `before`.
async fn changed(folder: &Path, before: &Sources) {
    while Sources::of(folder) == *before {
        tokio::time::sleep(LOOK).await;
    }
}
