//! The parent: starts a child, asks it, and listens as long as it makes sense.

use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::answer::{self, ANSWER, Answer, MARK, MOST_WORDS, Question, STAGES};
use super::child::VERB;
use super::death::{Death, Ended};
use super::limits::ProofLimits;
use super::places::Places;
use super::unproven::{Unproven, misunderstood};
use crate::behavior::artifact::Artifact;
use crate::behavior::contract::Mismatch;
use crate::behavior::refusal::LoadStage;
use crate::behavior::surface::{Misfit, Surface};

/// Threads that compile in one child: what it takes must not grow with the machine.
const THREADS: usize = 4;
/// The end of what a child complains about that is kept, in bytes.
const COMPLAINT: usize = 4 << 10;

/// Who proves builds.
#[derive(Clone, Debug)]
pub(in crate::behavior) struct Prover {
    program: PathBuf,
    limits: ProofLimits,
    places: Places,
}

impl Prover {
    /// Proves by this program.
    pub(in crate::behavior) fn new(program: Option<PathBuf>, limits: ProofLimits) -> Self {
        let program = program.unwrap_or_else(this_program);
        Self { program, limits, places: Places::new() }
    }

    /// What can be seen of a component.
    pub(in crate::behavior) async fn look(&self, component: &[u8]) -> Result<Surface, Misfit> {
        match self.ask(&Question::Look, component).await {
            Ok((Answer::Seen(seen), _)) => seen,
            Ok(_) => Err(misunderstood().wrong.into()),
            Err(unproven) => Err(unproven.wrong.into()),
        }
    }

    /// Asks a child about these bytes, and waits for its answer or its end.
    pub(in crate::behavior) async fn ask(
        &self,
        question: &Question,
        about: &[u8],
    ) -> Result<(Answer, Option<Artifact>), Unproven> {
        self.places.give(|| self.ask_child(question, about)).await
    }

    async fn ask_child(
        &self,
        question: &Question,
        about: &[u8],
    ) -> Result<(Answer, Option<Artifact>), Unproven> {
        let time = self.limits.time_for(about.len());
        let wall = self.limits.wall_for(time);
        let reached = AtomicU8::new(0);
        let mut child = self.start(time, about.len()).map_err(|error| unstarted(&error))?;
        let talk = Talk { question, about, reached: &reached };
        let said = async {
            match talk.with(&mut child).await {
                Ok(said) => Ok(said),
                // It has nothing more to say, and that need not be its end.
                Err(complaint) => Err((child.wait().await, complaint)),
            }
        };
        let ended = match tokio::time::timeout(wall, said).await {
            Ok(Ok((answer, code))) => return answered(answer, code),
            Ok(Err((Ok(status), complaint))) => Ended::By(status, complaint),
            Ok(Err((Err(error), _))) => return Err(unstarted(&error)),
            // Dropping it kills it; waiting for its end here would be waiting for the machine.
            Err(_) => Ended::Late(wall),
        };
        let stage = STAGES.get(usize::from(reached.into_inner())).copied().unwrap_or(LoadStage::Contract);
        Err(Death { ended, stage, memory: self.limits.memory, time }.unproven())
    }

    /// The child gets nothing of ours: no environment, no handles, no terminal that signals it.
    fn start(&self, time: Duration, most: usize) -> std::io::Result<Child> {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS));
        let mut command = Command::new(&self.program);
        command
            .arg(VERB)
            .args(
                [u128::from(self.limits.memory), time.as_millis(), most as u128]
                    .map(|number| number.to_string()),
            )
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .arg0("persona-host")
            .process_group(0);
        command.spawn()
    }
}

/// One conversation with a child.
struct Talk<'a> {
    question: &'a Question,
    about: &'a [u8],
    reached: &'a AtomicU8,
}

impl Talk<'_> {
    /// The answer and its machine code, or what a child that died complained about.
    async fn with(&self, child: &mut Child) -> Result<(Answer, Vec<u8>), String> {
        let (Some(mut input), Some(output), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("it has no pipes".to_owned());
        };
        let say = async {
            let words = answer::asked(self.question, self.about)?;
            input.write_all(&words).await?;
            input.write_all(self.about).await?;
            input.flush().await
        };
        let listen = self.listen(BufReader::with_capacity(64 << 10, output));
        // That the child did not hear all of it shows in its answer.
        let mut talk = pin!(async { tokio::join!(say, listen).1 });
        let (mut complaining, mut complaint) = (pin!(tail(complaints)), None);
        loop {
            tokio::select! {
                heard = &mut talk => return match (heard, complaint) {
                    (Some(heard), _) => Ok(heard),
                    (None, Some(complaint)) => Err(complaint),
                    (None, None) => Err(complaining.await),
                },
                all = &mut complaining, if complaint.is_none() => complaint = Some(all),
            }
        }
    }

    /// Marks, and then the answer; nothing if the child ends before or says what nobody says.
    async fn listen(&self, mut output: impl AsyncRead + Unpin) -> Option<(Answer, Vec<u8>)> {
        loop {
            match output.read_u8().await.ok()? {
                MARK => self.reached.store(output.read_u8().await.ok()?, Ordering::Relaxed),
                ANSWER => break,
                _ => return None,
            }
        }
        let words = part(&mut output, MOST_WORDS).await?;
        let code = part(&mut output, answer::most_code(self.about.len()) as u64).await?;
        Some((serde_json::from_slice(&words).ok()?, code))
    }
}

async fn part(mut output: impl AsyncRead + Unpin, most: u64) -> Option<Vec<u8>> {
    let length = output.read_u64_le().await.ok().filter(|length| *length <= most)?;
    let mut part = Vec::with_capacity(usize::try_from(length).ok()?);
    output.take(length).read_to_end(&mut part).await.ok()?;
    (part.len() as u64 == length).then_some(part)
}

/// The end of what somebody writes.
async fn tail(mut from: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; COMPLAINT]);
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        kept.drain(..kept.len().saturating_sub(COMPLAINT));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn answered(answer: Answer, code: Vec<u8>) -> Result<(Answer, Option<Artifact>), Unproven> {
    match answer {
        Answer::Refused { stage, message, hint, is_passing } => {
            Err(Unproven { stage, wrong: Mismatch::new(message, hint), is_passing })
        }
        Answer::Proven(_, sha256) => Ok((answer, Some(Artifact::handed_over(code, sha256)))),
        Answer::Seen(_) | Answer::Tried(_) => Ok((answer, None)),
    }
}

fn unstarted(error: &std::io::Error) -> Unproven {
    Unproven {
        stage: LoadStage::Contract,
        wrong: Mismatch::new(
            format!("the process that was to check it cannot be started: {error}"),
            "see whether this user may start another process, and whether there is memory for one",
        ),
        is_passing: true,
    }
}

/// The program that runs, also when its file was replaced meanwhile.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("persona-host"))
}
