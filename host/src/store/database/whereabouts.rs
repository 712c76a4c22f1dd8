//! Whether a ledger's file is where it was. What is written into one that was moved, replaced or deleted is found by nobody
//! again, however well the writing goes.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{Failure, Kind};

/// Where a ledger's files are, and which they were when they were opened.
pub(super) struct Whereabouts {
    file: Spot,
    /// What was written last is in it.
    log: Spot,
}

struct Spot {
    path: PathBuf,
    /// A file is told from others by its device and its number there.
    was: Option<(u64, u64)>,
}

impl Whereabouts {
    /// Remembers which file it is, if it is there.
    pub(super) fn of(path: &Path) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let mut file = Spot::at(path.to_owned());
        // If nobody can say, whoever opens it is told why.
        let _ = file.look();
        Self { file, log: Spot::at(log.into()) }
    }

    /// Looks before a connection is made, which has a log of its own. It must not be one to another file than before.
    pub(super) fn before_opening(&mut self) -> Result<(), Failure> {
        self.log.was = None;
        if self.file.was.is_some() { self.file.look() } else { Ok(()) }
    }

    /// Looks whether both are where they were; the first time it remembers which the log is.
    pub(super) fn look(&mut self) -> Result<(), Failure> {
        self.file.look()?;
        self.log.look()
    }
}

impl Spot {
    fn at(path: PathBuf) -> Self {
        Self { path, was: None }
    }

    fn look(&mut self) -> Result<(), Failure> {
        let path = self.path.display();
        let is = match fs::metadata(&self.path) {
            Ok(file) => Some((file.dev(), file.ino())),
            Err(error) if is_absence(&error) => None,
            Err(error) => return Err(Failure::of_disk(&error)),
        };
        match (self.was, is) {
            (None, _) => self.was = is,
            (Some(was), Some(is)) if was == is => {}
            (Some(_), Some(_)) => {
                return Err(Failure::new(Kind::Moved, format!("another file is in the place of {path}")));
            }
            (Some(_), None) => {
                return Err(Failure::new(Kind::Moved, format!("{path} is not there any more")));
            }
        }
        Ok(())
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
