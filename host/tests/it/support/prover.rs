//! Who proves builds in these tests: the program itself, or a script in its place.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use super::site::PROVER;

/// A script of the shell, as a program in this folder. Another process writes it: while one of ours has it open, and
/// be it one that was just forked, it cannot be started.
pub(crate) fn instead(folder: &Path, does: &str) -> PathBuf {
    let (text, program) = (folder.join("prover.sh"), folder.join("prover"));
    std::fs::write(&text, format!("#!/bin/sh\n{does}\n")).unwrap();
    let mode = ["-m", "700"];
    assert!(Command::new("install").args(mode).args([&text, &program]).status().unwrap().success());
    program
}
