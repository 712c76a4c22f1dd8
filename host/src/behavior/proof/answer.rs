//! What the host and the child say to each other: a question about a component (or about its machine code),
//! marks of how far the child got, one answer.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::behavior::call::{CallError, Called};
use crate::behavior::refusal::LoadStage;
use crate::behavior::surface::{Misfit, Surface};
use domain::behavior::{Descriptor, Problem};
use domain::strategy::{Limits, Strategy};

/// The longest question, and the longest answer without its machine code, in bytes.
pub(super) const MOST_WORDS: u64 = 32 << 20;
/// The most machine code of one component, in bytes.
const MOST_CODE: usize = 128 << 20;
/// How far a child can get; a mark is the place in this list.
pub(super) const STAGES: [LoadStage; 6] = [
    LoadStage::Contract,
    LoadStage::Compile,
    LoadStage::Link,
    LoadStage::Describe,
    LoadStage::Settings,
    LoadStage::SelfTest,
];
/// What stands before a mark, and before the answer.
pub(super) const MARK: u8 = b'.';
pub(super) const ANSWER: u8 = b'=';

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::behavior) enum Question {
    /// What can be seen of the component that follows.
    Look,
    /// Whether the component that follows can be trusted with turns, and its machine code.
    Prove(Vec<Trial>),
    /// Whether the plugin whose machine code follows takes these settings.
    Try { schema: Option<Value>, trials: Vec<Trial>, sha256: [u8; 32] },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::behavior) enum Answer {
    Seen(Result<Surface, Misfit>),
    /// Its machine code follows.
    Proven(Box<Proof>, [u8; 32]),
    Tried(Vec<Called<Vec<Problem>>>),
    Refused {
        stage: LoadStage,
        message: String,
        hint: String,
        is_passing: bool,
    },
}

/// What a build has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::behavior) struct Proof {
    /// The version of the contract.
    pub(in crate::behavior) contract: String,
    /// What it imports, by name.
    pub(in crate::behavior) imports: Vec<String>,
    /// What it says of itself.
    pub(in crate::behavior) descriptor: Descriptor,
    /// What came of its own cases.
    pub(in crate::behavior) self_test: Called<Vec<Problem>>,
    /// Settings that it was asked about, and what came of it.
    pub(in crate::behavior) tried: Vec<(Trial, Called<Vec<Problem>>)>,
    /// How long it took to make machine code of it.
    pub(in crate::behavior) compiled: Duration,
}

/// Settings that a plugin is asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::behavior) struct Trial {
    pub(in crate::behavior) settings: Value,
    pub(in crate::behavior) limits: Limits,
}

impl Trial {
    pub(in crate::behavior) fn of(strategy: &Strategy) -> Self {
        Self { settings: strategy.settings.clone(), limits: strategy.limits }
    }
}

impl Proof {
    /// Whether all of it would come out the same on a machine that is less busy.
    pub(in crate::behavior) fn is_lasting(&self) -> bool {
        let calls = self.tried.iter().map(|(_, called)| called).chain([&self.self_test]);
        calls.into_iter().all(|called| !called.result.as_ref().is_err_and(CallError::is_passing))
    }

    /// What came of these settings, if they were tried.
    pub(in crate::behavior) fn of(&self, trial: &Trial) -> Option<&Called<Vec<Problem>>> {
        self.tried.iter().find(|(tried, _)| tried == trial).map(|(_, called)| called)
    }
}

/// The most machine code that a component of this size may become; what compilers make is two to three times its
/// size.
pub(super) fn most_code(component: usize) -> usize {
    component.saturating_mul(8).saturating_add(16 << 20).min(MOST_CODE)
}

/// A question, and the bytes that it is about, as they are written.
pub(super) fn asked(question: &Question, about: &[u8]) -> io::Result<Vec<u8>> {
    let words = serde_json::to_vec(question)?;
    Ok([&length(&words)[..], &words, &length(about)].concat())
}

/// Reads what [`asked`] has begun, and the bytes after it.
pub(super) fn read_question(mut from: impl Read, most: u64) -> io::Result<(Question, Vec<u8>)> {
    let words = read_part(&mut from, MOST_WORDS)?;
    Ok((serde_json::from_slice(&words)?, read_part(from, most)?))
}

/// Writes an answer, and the bytes that belong to it.
pub(super) fn write_answer(mut to: impl Write, answer: &Answer, code: &[u8]) -> io::Result<()> {
    let words = serde_json::to_vec(answer)?;
    to.write_all(&[ANSWER])?;
    for part in [&words, code] {
        to.write_all(&length(part))?;
        to.write_all(part)?;
    }
    to.flush()
}

fn read_part(mut from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > most {
        return Err(io::Error::other("more bytes than anybody sends"));
    }
    let mut part = Vec::new();
    from.take(length).read_to_end(&mut part)?;
    Ok(part)
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}
