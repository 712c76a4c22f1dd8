//! An exchange that is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::HeaderMap;

use super::draft::Draft;
use super::inside::Inside;
use crate::outbound::error::Broken;
use crate::outbound::tape::Came;

/// The longest body that is kept, in bytes: the limit of the rooms, and a little.
const LARGEST: usize = 40 << 20;

/// An exchange that is under way. Dropped, it is one that was given up.
#[derive(Debug)]
pub(in crate::outbound) struct Taping {
    pub(super) recorder: Arc<Inside>,
    pub(super) draft: Option<Box<Draft>>,
}

impl Taping {
    /// The first of an answer is there.
    pub(in crate::outbound) fn answered(&mut self, status: u16, headers: &HeaderMap) {
        let came = self.came();
        if let Some(draft) = &mut self.draft {
            (draft.came, draft.status, draft.headers) = (Some(came), Some(status), headers.clone());
        }
    }

    pub(in crate::outbound) fn chunk(&mut self, chunk: &[u8]) {
        let Some(draft) = &mut self.draft else { return };
        draft.is_too_long |= draft.body.len() + chunk.len() > LARGEST;
        if draft.is_too_long {
            draft.body = Vec::new();
        } else {
            draft.body.extend_from_slice(chunk);
            draft.chunks.push(chunk.len());
        }
    }

    /// All of it came.
    pub(in crate::outbound) fn whole(&mut self) {
        if let Some(mut draft) = self.draft.take() {
            draft.is_whole = true;
            self.recorder.settle(draft);
        }
    }

    /// There was no answer, or not all of it.
    pub(in crate::outbound) fn broke(&mut self, error: &reqwest::Error) {
        let came = self.came();
        if let Some(mut draft) = self.draft.take() {
            draft.came.get_or_insert(came);
            draft.broke = Some(Broken::of(error));
            self.recorder.settle(draft);
        }
    }

    fn came(&self) -> Came {
        let inside = &self.recorder;
        Came { nth: inside.came.fetch_add(1, Ordering::Relaxed) + 1, at: inside.clock.now() }
    }
}

impl Drop for Taping {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.recorder.settle(draft);
        }
    }
}
