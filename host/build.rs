//! Builds the plugins that are embedded in the program, and two for the tests: the one that misbehaves, and
//! the one that stands for all that were built before.
//!
//! They are compiled for wasm32-wasip2 by a cargo of their own, with an environment of their own: what
//! clippy or a coverage tool tells the outer cargo must not leak into the guests.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

#[path = "src/workshop/outer_cargo.rs"]
mod outer_cargo;

use outer_cargo::is_of_an_outer_cargo;

const TARGET: &str = "wasm32-wasip2";
const PLUGINS: [&str; 4] = ["daily", "brief", "misfit", "relic"];

fn main() -> ExitCode {
    match build_plugins() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn build_plugins() -> Result<(), String> {
    // `version` tells it.
    println!("cargo::rustc-env=PERSONA_HOST_TARGET={}", variable("TARGET")?.display());
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = repository.join("plugins");
    watch(&repository, &workspace)?;
    find_target()?;

    let out_dir = PathBuf::from(variable("OUT_DIR")?);
    let target_dir = target_dir(&out_dir)?;
    compile(&workspace, &target_dir)?;
    for plugin in PLUGINS {
        let file = format!("{plugin}.wasm");
        let built = target_dir.join(TARGET).join("release").join(&file);
        fs::copy(&built, out_dir.join(&file))
            .map_err(|error| format!("cannot copy the plugin {}: {error}", built.display()))?;
    }
    Ok(())
}

/// Everything that the plugins are made of; not the whole folder, because somebody may build in it.
fn watch(repository: &Path, workspace: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed={}", repository.join("wit").display());
    let entries = fs::read_dir(workspace).map_err(|error| {
        format!("cannot read the folder of the plugins, {}: {error}", workspace.display())
    })?;
    for entry in entries.flatten().filter(|entry| entry.file_name() != "target") {
        println!("cargo::rerun-if-changed={}", entry.path().display());
    }
    Ok(())
}

/// Makes sure that rustc has the target, with one attempt to add it.
fn find_target() -> Result<(), String> {
    if has_target()? {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).output();
    if added.is_ok_and(|output| output.status.success()) && has_target()? {
        return Ok(());
    }
    Err(format!(
        "the Rust target {TARGET}, for which plugins are compiled, is not installed and could not be added: \
         type `rustup target add {TARGET}` and build again"
    ))
}

fn has_target() -> Result<bool, String> {
    let rustc = variable("RUSTC")?;
    let output = clean(Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]))
        .output()
        .map_err(|error| format!("cannot run {}: {error}", rustc.display()))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success() && Path::new(&folder).is_dir())
}

/// One folder for the plugins per profile of the host, so that check, test and clippy share it.
fn target_dir(out_dir: &Path) -> Result<PathBuf, String> {
    // <target>/<profile>/build/<package>/out
    let profile = out_dir
        .ancestors()
        .nth(3)
        .ok_or_else(|| format!("OUT_DIR is not where cargo puts it: {}", out_dir.display()))?;
    Ok(profile.join("plugins"))
}

fn compile(workspace: &Path, target_dir: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.args(["build", "--release", "--locked", "--target", TARGET]);
    cargo.arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target_dir);
    for plugin in PLUGINS {
        cargo.args(["--package", plugin]);
    }
    clean(&mut cargo);
    if let Some(home) = cargo_home() {
        // Panic messages name source files. Without this machine's folders in them, the same source
        // gives the same bytes, and so the same digest, everywhere.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("cargo::warning={line}");
    }
    Err("the plugins in plugins/ do not build; what cargo said about it stands above".to_owned())
}

/// Takes away what the outer cargo set for this build only, and leaves what the user has set about
/// where crates come from.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_an_outer_cargo) {
            command.env_remove(&name);
        }
    }
    command
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

fn variable(name: impl AsRef<OsStr>) -> Result<OsString, String> {
    let name = name.as_ref();
    env::var_os(name).ok_or_else(|| format!("cargo did not set {}", name.display()))
}
