//! What a file is, by its bytes: checked by name and version before anything is compiled.
//!
//! wasmtime would refuse all of these too, but in words that do not help the plugin's author.

use wasmparser::{Parser, Payload};

use super::words;

/// The interface that makes a component a behavior plugin.
const BEHAVIOR: &str = "persona:behavior/behavior";
/// The interfaces of our package that a plugin may import.
const OURS: [&str; 2] = ["persona:behavior/types", "persona:behavior/log"];
/// The WASI packages that are linked (and show nothing).
const WASI: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
/// The versions of the contract that this host speaks.
pub const ACCEPTED: &str = "0.1.x";
/// Components inside of each other, so many levels down; what toolchains make has two or three. Whoever reads or compiles
/// them pays for each level with all that are above it.
const MOST_LEVELS: usize = 100;
/// The longest sentence about a file, in characters: it may quote a lot of it.
const MAX_MESSAGE: usize = 2_000;
/// What to do about a component that is built for something else.
const REBUILD: &str = "build it for the world `plugin` (or `plugin-with-self-test`) of wit/v0.1";

/// What is wrong with a file, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Mismatch {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let short = |text: String| words::lines(text, MAX_MESSAGE);
        Self { message: short(message.into()), hint: short(hint.into()) }
    }
}

/// The version of the contract that a component was built for, such as `0.1.0`.
pub(super) fn version(bytes: &[u8]) -> Result<String, Mismatch> {
    check_kind(bytes)?;
    let names = Names::of(bytes)?;
    let version = behavior_version(&names.exports)?;
    for import in &names.imports {
        check_import(import)?;
    }
    Ok(version)
}

fn check_kind(bytes: &[u8]) -> Result<(), Mismatch> {
    const COMPILE: &str = "build the plugin as a WebAssembly component: `persona-host plugin build`, or for Rust \
                           `cargo build --release --target wasm32-wasip2`";
    if bytes.is_empty() {
        return Err(Mismatch::new("the file is empty", COMPILE));
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return Err(Mismatch::new(
            "it is a core WebAssembly module, not a component",
            "build it for wasm32-wasip2 (not wasm32-unknown-unknown or wasm32-wasip1), or wrap it with \
             `wasm-tools component new`",
        ));
    }
    if bytes.starts_with(b"\0asm") {
        return Err(Mismatch::new(
            "it is WebAssembly of a format that this host does not know, or the file ends after a few bytes",
            COMPILE,
        ));
    }
    if bytes.starts_with(b"\x7fELF") {
        return Err(Mismatch::new(
            "it is compiled machine code (.cwasm), which would run unchecked",
            "give the component that it was compiled from",
        ));
    }
    if let Some(line) = first_line(bytes) {
        return Err(Mismatch::new(
            format!("it is text, not a WebAssembly component; it begins: {line}"),
            COMPILE,
        ));
    }
    Err(Mismatch::new("it is not WebAssembly", COMPILE))
}

/// The first 60 characters of a file that looks like text.
fn first_line(bytes: &[u8]) -> Option<String> {
    let beginning = &bytes[..bytes.len().min(240)];
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // The cut may have gone through a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    Some(text.trim_start().lines().next().unwrap_or_default().chars().take(60).collect())
}

/// The names at the surface of a component.
pub(super) struct Names {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Names {
    /// Reads the whole file, also inside, so that one which is cut off is found here.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Mismatch> {
        let mut names = Self { imports: Vec::new(), exports: Vec::new() };
        names.read(bytes)?;
        Ok(names)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        let damaged = |error| damaged(&error, bytes.len());
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(damaged)? {
                Payload::Version { .. } if depth == MOST_LEVELS => return Err(too_deep()),
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        self.imports.push(import.map_err(damaged)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        self.exports.push(export.map_err(damaged)?.name.name.to_owned());
                    }
                }
                // Types are looked at too, because they are what nests.
                Payload::ComponentTypeSection(section) => {
                    for inner in section {
                        inner.map_err(damaged)?;
                    }
                }
                Payload::CoreTypeSection(section) => {
                    for inner in section {
                        inner.map_err(damaged)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn too_deep() -> Mismatch {
    Mismatch::new(
        format!("it nests too deep: components inside of each other, more than {MOST_LEVELS} levels down"),
        "build it with a current toolchain: no plugin needs components that nest so deep",
    )
}

/// What a reader of WebAssembly complains about.
pub(super) fn damaged(error: &wasmparser::BinaryReaderError, length: usize) -> Mismatch {
    Mismatch::new(
        format!("it is cut off or damaged at byte {} of {length}: {}", error.offset(), error.message()),
        "copy the file again, or build it again; to replace a plugin in use, write beside it and rename",
    )
}

/// The version of the behavior interface among the exports. Other exports are no concern of ours:
/// JavaScript's and Python's tools add some.
fn behavior_version(exports: &[String]) -> Result<String, Mismatch> {
    let versions: Vec<&str> = exports.iter().filter_map(|name| version_of(name, BEHAVIOR)).collect();
    if let Some(version) = versions.iter().find(|version| is_accepted(version)) {
        return Ok((*version).to_owned());
    }
    if versions.is_empty() {
        let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        return Err(Mismatch::new(
            format!("it exports {exports}; a behavior plugin exports {BEHAVIOR}@{ACCEPTED}"),
            REBUILD,
        ));
    }
    Err(Mismatch::new(
        format!("it exports {BEHAVIOR}@{}; this host accepts {ACCEPTED}", versions.join(", ")),
        "rebuild it against wit/v0.1, or use a persona-host that speaks its version",
    ))
}

fn check_import(import: &str) -> Result<(), Mismatch> {
    let wasi = WASI.iter().any(|package| import.starts_with(package));
    match import.rsplit_once('@') {
        Some((_, version)) if wasi && version.starts_with("0.2.") => Ok(()),
        Some((interface, version)) if OURS.contains(&interface) && is_accepted(version) => Ok(()),
        _ if wasi => Err(Mismatch::new(
            format!("it imports {import}; this host accepts WASI 0.2"),
            "build it for wasm32-wasip2",
        )),
        _ if import.starts_with("persona:behavior/") => Err(Mismatch::new(
            format!("it imports {import}, which this host does not have"),
            "rebuild it against wit/v0.1, or use a newer persona-host",
        )),
        _ => Err(Mismatch::new(
            format!("it imports {import}; a behavior plugin has nothing but its log and WASI's basics"),
            "remove what needs it (componentize-js: `--disable http`; componentize-py: `--stub-wasi`)",
        )),
    }
}

/// The version in `name` if it is `interface` of some version.
fn version_of<'n>(name: &'n str, interface: &str) -> Option<&'n str> {
    name.strip_prefix(interface)?.strip_prefix('@')
}

/// Every 0.1.x: by the rules of the contract no type of it ever changes, and a new interface would be
/// noticed among the imports.
fn is_accepted(version: &str) -> bool {
    version.strip_prefix("0.1.").is_some_and(|patch| patch.parse::<u32>().is_ok())
}

/// The names fit and the types do not: the plugin was built against an edited copy of the contract.
pub(super) fn drifted(error: &wasmtime::Error) -> String {
    format!("its types are not those of wit/v0.1: {error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_called_by_its_name() {
        for (bytes, says) in [
            (&b""[..], "the file is empty"),
            (b"(component)", "it is text, not a WebAssembly component; it begins: (component)"),
            ("\u{fc}ber allem".as_bytes(), "it is text"),
            (b"\0asm\x01\0\0\0", "it is a core WebAssembly module"),
            (b"\0asm", "the file ends after a few bytes"),
            (b"\0asm\xff\0\x01\0", "a format that this host does not know"),
            (b"\x7fELF\x02\x01", "machine code (.cwasm)"),
            (b"\x89PNG\r\n\x1a\n", "it is not WebAssembly"),
            (
                b"\0asm\x0d\0\x01\0",
                "it exports nothing; a behavior plugin exports persona:behavior/behavior@0.1.x",
            ),
            (b"\0asm\x0d\0\x01\0\x07\xff", "it is cut off or damaged at byte"),
        ] {
            let mismatch = version(bytes).expect_err("not a plugin");
            assert!(mismatch.message.contains(says), "{says:?} in {:?}", mismatch.message);
        }
    }

    #[test]
    fn components_nest_so_deep_and_no_deeper() {
        let empty = b"\0asm\x0d\0\x01\0".to_vec();
        let around = |inner: Vec<u8>| {
            // Its length, always in two bytes.
            let length = [inner.len() as u8 & 0x7f | 0x80, (inner.len() >> 7) as u8];
            [&empty[..], &[4], &length, &inner].concat()
        };
        let levels = |count| (1..count).fold(empty.clone(), |inner, _| around(inner));
        let says = |count| version(&levels(count)).expect_err("no plugin").message;
        assert!(says(MOST_LEVELS).contains("it exports nothing"), "{}", says(MOST_LEVELS));
        assert!(says(MOST_LEVELS + 1).contains("it nests too deep"), "{}", says(MOST_LEVELS + 1));
    }

    #[test]
    fn text_is_cut_between_characters() {
        let text = "\u{e4}".repeat(200);
        assert_eq!(first_line(text.as_bytes()), Some("\u{e4}".repeat(60)));
        let odd = format!("x{text}");
        assert_eq!(first_line(odd.as_bytes()).map(|line| line.chars().count()), Some(60));
    }

    #[test]
    fn the_version_of_the_interface_decides() {
        for (version, accepted) in [
            ("0.1.0", true),
            ("0.1.7", true),
            ("0.1.0-rc.1", false),
            ("0.2.0", false),
            ("0.10.0", false),
            ("1.1.0", false),
            ("0.1", false),
        ] {
            let exports = ["init".to_owned(), format!("{BEHAVIOR}@{version}")];
            assert_eq!(behavior_version(&exports).is_ok(), accepted, "{version}");
        }
    }

    #[test]
    fn an_import_has_to_be_known() {
        for (import, refused) in [
            ("persona:behavior/log@0.1.0", None),
            ("persona:behavior/types@0.1.3", None),
            ("wasi:cli/stderr@0.2.6", None),
            ("wasi:sockets/tcp@0.2.99", None),
            ("wasi:cli/stderr@0.3.0", Some("accepts WASI 0.2")),
            ("persona:behavior/clock@0.1.4", Some("does not have")),
            ("persona:behavior/log@0.2.0", Some("does not have")),
            ("wasi:http/outgoing-handler@0.2.3", Some("nothing but its log")),
            ("something", Some("nothing but its log")),
        ] {
            let said = check_import(import).err().map(|mismatch| mismatch.message);
            assert_eq!(said.is_none(), refused.is_none(), "{import}: {said:?}");
            assert!(said.unwrap_or_default().contains(refused.unwrap_or_default()), "{import}");
        }
    }
}
