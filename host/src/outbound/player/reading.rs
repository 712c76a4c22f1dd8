//! A recording as it is read once, before it is played: what was asked, in which order answers came, and what makes it less
//! than it could be.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::outbound::mask::Mask;
use crate::outbound::question::{Key, key};
use crate::outbound::tape::{EXCHANGES, Head, Line, TapeError};
use domain::ids::hex;
use domain::upstream::Upstream;

/// A recording that was read through.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) file: File,
    pub(super) entries: Vec<Entry>,
    pub(super) state: State,
    /// What is worth knowing of it, in sentences.
    pub(super) notes: Vec<String>,
}

/// An exchange of the recording, as far as it is kept in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) line: usize,
    pub(super) upstream: Upstream,
    pub(super) name: String,
    pub(super) seq: u64,
    /// The place of its answer among all.
    pub(super) came: Option<u64>,
    /// It asks who is due. How often that is looked up depends on how long everything takes.
    pub(super) is_look: bool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) mask: Mask,
    /// Exchanges that were not asked for yet, by what they were asked.
    pub(super) left: HashMap<Key, VecDeque<usize>>,
    pub(super) is_asked: Vec<bool>,
    /// The places of answers that are to come.
    pub(super) line: BTreeSet<u64>,
    pub(super) moments: HashMap<String, VecDeque<DateTime<Utc>>>,
    pub(super) missed: Vec<String>,
}

/// Reads the exchanges of a recording.
///
/// # Errors
/// When they cannot be read, or a line makes no sense.
pub(super) fn read(dir: &Path, head: &Head) -> Result<Read, TapeError> {
    let path = dir.join(EXCHANGES);
    let failed = |cause| TapeError::File { path: path.clone(), cause };
    let file = File::open(&path).map_err(failed)?;
    let (mut entries, mut state, mut notes) = (Vec::new(), State::default(), Vec::new());
    let (mut reader, mut digest) = (BufReader::new(&file), Sha256::new());
    let (mut offset, mut number, mut bytes) = (0, 0, Vec::new());
    loop {
        bytes.clear();
        let length = reader.read_until(b'\n', &mut bytes).map_err(failed)?;
        if length == 0 {
            break;
        }
        number += 1;
        digest.update(&bytes);
        let is_cut = bytes.last() != Some(&b'\n');
        if is_cut && is_incomplete(head) {
            notes.push(format!("the last line of {EXCHANGES} was cut off, and is left out"));
            break;
        }
        let wrong = |cause: String| TapeError::Line { path: path.clone(), line: number, cause };
        let line: Line = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let place = (offset, length, number);
        take(line, place, &mut entries, &mut state).map_err(wrong)?;
        offset += length as u64;
    }
    state.is_asked = vec![false; entries.len()];
    notes.extend(doubts(head, &hex(&digest.finalize())));
    Ok(Read { file, entries, state, notes })
}

/// Keeps what has to be known of a line.
fn take(
    line: Line,
    (offset, length, number): (u64, usize, usize),
    entries: &mut Vec<Entry>,
    state: &mut State,
) -> Result<(), String> {
    let exchange = match line {
        Line::Moment { of, at } => {
            state.moments.entry(of).or_default().push_back(at);
            return Ok(());
        }
        Line::Exchange(exchange) => *exchange,
    };
    let key = key(&exchange.question.essence(exchange.upstream));
    let is_look = exchange.question.method == "GET" && exchange.question.path.ends_with("/due");
    entries.push(Entry {
        offset,
        length,
        line: number,
        upstream: exchange.upstream,
        name: exchange.question.name(),
        seq: exchange.seq,
        came: exchange.came.map(|came| came.nth),
        is_look,
    });
    state.left.entry(key).or_default().push_back(entries.len() - 1);
    if let Some(came) = exchange.came.filter(|_| !is_look) {
        state.line.insert(came.nth);
    }
    let Some(answer) = exchange.answer else { return Ok(()) };
    let length = answer.body.bytes()?.len();
    let told: usize = answer.chunks.iter().sum();
    (length == told)
        .then_some(())
        .ok_or_else(|| format!("its body has {length} bytes, and its chunks {told}"))
}

fn is_incomplete(head: &Head) -> bool {
    head.ended.as_ref().is_none_or(|ended| ended.lost > 0 || ended.why.is_some())
}

/// What makes a recording less than it could be.
fn doubts(head: &Head, digest: &str) -> Vec<String> {
    let Some(ended) = &head.ended else {
        return vec!["the recording is incomplete: it was not ended, or it still goes on".to_owned()];
    };
    let mut doubts = Vec::new();
    if is_incomplete(head) {
        let why = ended.why.as_deref().unwrap_or("nobody knows why");
        doubts.push(format!("the recording is incomplete: {} exchanges are missing ({why})", ended.lost));
    }
    if ended.sha256 != digest {
        doubts.push(format!("{EXCHANGES} was changed since it was recorded"));
    }
    doubts
}
