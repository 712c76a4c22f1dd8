//! What a look found: what is wrong, where, why, and what to do about it.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::cli::Failure;
use crate::cli::pages::{Page, pages};
use domain::code::Code;

/// What is wrong.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    /// What is wrong.
    pub(super) what: String,
    /// Where: a file, an address, a variable.
    pub(super) at: Option<String>,
    /// Why it is so, or usually is.
    pub(super) cause: String,
    /// A command or a line to write.
    pub(super) fix: String,
    /// The word that `explain` tells more of.
    pub(super) code: Option<String>,
    /// What `--fix` does about it.
    #[serde(skip)]
    pub(super) mend: Option<Mend>,
}

/// What is safe to do without knowing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// Make a folder.
    Folder(PathBuf),
    /// Take a file away from everybody but its owner.
    Close(PathBuf),
}

/// What came of looking at one thing.
#[derive(Debug)]
pub(super) struct Look {
    /// What was looked at.
    pub(super) check: &'static str,
    /// What is wrong with it.
    pub(super) found: Vec<Finding>,
    /// What works, and is worth knowing.
    pub(super) notes: Vec<String>,
    /// What is as it should be.
    pub(super) sound: Vec<String>,
    /// What was not looked at, and why.
    pub(super) left_out: Vec<String>,
}

impl Look {
    pub(super) fn at(check: &'static str) -> Self {
        Self { check, found: Vec::new(), notes: Vec::new(), sound: Vec::new(), left_out: Vec::new() }
    }

    /// A failure that any command could meet, with the cause that the page of its code tells.
    pub(super) fn failed(&mut self, failure: &Failure) {
        let told = failure.document();
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        let (code, exit) = (text("code"), format!("exit {}", failure.exit().code()));
        let page = page(code.as_deref().unwrap_or(&exit));
        self.found.push(Finding {
            check: self.check,
            what: text("message").unwrap_or_default(),
            at: text("at"),
            cause: page.map_or_else(String::new, |page| page.causes.to_owned()),
            fix: text("hint").or_else(|| Some(page?.advice.to_owned())).unwrap_or_default(),
            code,
            mend: None,
        });
    }

    /// What a neighbour did not do, in its own words.
    pub(super) fn refused(&mut self, what: impl ToString, at: &str, code: Code, hint: Option<&str>) {
        let page = page(code.word());
        self.found.push(Finding {
            check: self.check,
            what: what.to_string(),
            at: Some(at.to_owned()),
            cause: page.map_or_else(String::new, |page| page.causes.to_owned()),
            fix: hint.or_else(|| Some(page?.advice)).unwrap_or_default().to_owned(),
            code: Some(code.word().to_owned()),
            mend: None,
        });
    }

    /// Something that no code stands for.
    pub(super) fn wrong(
        &mut self,
        what: impl Into<String>,
        at: Option<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> &mut Finding {
        let (what, cause, fix) = (what.into(), cause.into(), fix.into());
        self.found.push(Finding { check: self.check, what, at, cause, fix, code: None, mend: None });
        self.found.last_mut().expect("one was just added")
    }

    pub(super) fn document(&self) -> Value {
        serde_json::json!({
            "check": self.check, "found": self.found.len(), "notes": self.notes, "sound": self.sound,
            "leftOut": self.left_out,
        })
    }
}

fn page(code: &str) -> Option<Page> {
    pages().into_iter().find(|page| page.code == code)
}
