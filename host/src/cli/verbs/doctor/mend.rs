//! `--fix`: what is safe to do, after saying what it is and asking.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::finding::{Finding, Mend};
use crate::cli::output::{BAD, GOOD, HEAD, Output, styled};
use crate::private;

/// Does what `--fix` can do about these, if whoever types says yes. Gives which of them are mended.
pub(super) fn mend(found: &[&Finding], says_yes: bool, output: Output) -> Vec<bool> {
    let deeds: Vec<Option<&Mend>> = found.iter().map(|own| own.mend.as_ref()).collect();
    if deeds.iter().flatten().count() == 0 {
        output.say("--fix: nothing of this can be mended without knowing more than this program does");
        return vec![false; found.len()];
    }
    output.say(&styled(HEAD, "--fix would"));
    deeds.iter().flatten().for_each(|deed| output.say(&format!("  {}", deed.says())));
    if !says_yes && !asked(output) {
        output.say("nothing was changed");
        return vec![false; found.len()];
    }
    deeds.into_iter().map(|deed| deed.is_some_and(|deed| done(deed, output))).collect()
}

/// Whether whoever sits at a terminal says yes; nobody sits at anything else.
fn asked(output: Output) -> bool {
    if output.json || !io::stdin().is_terminal() {
        output.say("--yes does it without asking; there is no terminal to ask at");
        return false;
    }
    let _ = write!(anstream::stderr(), "do it? [y/N] ");
    let mut answer = String::new();
    let is_read = io::stdin().lock().read_line(&mut answer).is_ok();
    is_read && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn done(deed: &Mend, output: Output) -> bool {
    let done = match deed {
        Mend::Folder(path) => private::folders(path),
        Mend::Close(path) => private::close(path),
    };
    match &done {
        Ok(()) => output.say(&format!("{} {}", styled(GOOD, "✓"), deed.says())),
        Err(cause) => output.say(&format!("{} {}: {cause}", styled(BAD, "✗"), deed.says())),
    }
    done.is_ok()
}

impl Mend {
    /// What it does, as one would type it.
    pub(super) fn says(&self) -> String {
        match self {
            Self::Folder(path) => format!("mkdir -p -m 700 {}", path.display()),
            Self::Close(path) => format!("chmod 600 {}", path.display()),
        }
    }
}
