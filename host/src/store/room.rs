//! The room that there is for the ledger's file: on a full disk nothing is written down any more.

use super::Ledger;
use crate::disk::{self, Room};

impl Ledger {
    /// The room of the disk that its file lies on; nothing for a server's, or where the disk does not say.
    pub async fn room(&self) -> Option<Room> {
        let file = self.url().file()?.to_owned();
        let unsaid = "the ledger's disk does not say how much room it has";
        match self.disk.ask(move || disk::room(&file)).await {
            Ok(Ok(room)) => Some(room),
            Ok(Err(error)) => {
                tracing::debug!(%error, "{unsaid}");
                None
            }
            Err(silent) => {
                tracing::debug!(%silent, "{unsaid}");
                None
            }
        }
    }
}
