//! The volume that the ledger's file lies on: what is full there is written down nowhere.

use std::io;
use std::path::Path;

use super::Ledger;

/// A volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What it holds, in bytes.
    pub size: u64,
    /// What of that is free for this program.
    pub free: u64,
}

impl Ledger {
    /// The volume of its file; nothing for a server's, or where the disk does not say.
    pub async fn volume(&self) -> Option<Volume> {
        let file = self.url().file()?.to_owned();
        match self.disk.ask(move || of(&file)).await {
            Ok(Ok(volume)) => Some(volume),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the ledger's disk does not say how much room it has");
                None
            }
            Err(silent) => {
                tracing::debug!(%silent, "the ledger's disk does not say how much room it has");
                None
            }
        }
    }
}

fn of(file: &Path) -> io::Result<Volume> {
    let found = rustix::fs::statvfs(file)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Volume { size: bytes(found.f_blocks), free: bytes(found.f_bavail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_has_a_size_and_no_more_free_than_that() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Volume { size, free } = of(folder.path()).expect("it says so");
        assert!(size > 0 && free <= size, "{free} of {size}");
        assert!(of(&folder.path().join("nothing")).is_err());
    }
}
