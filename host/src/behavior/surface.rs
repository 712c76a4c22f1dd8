//! What can be seen of a component without running it: names at its surface, sections, who made it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmparser::{BinaryReaderError, KnownCustom, Parser, Payload, ProducersSectionReader};

use super::contract::{self, Mismatch, Names};
use super::words;

/// The most names of one kind, and the longest, in characters.
const MOST_NAMES: usize = 1_000;
const MAX_NAME: usize = 200;

/// What can be seen of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// The version of the contract that it was built for; none if it is no plugin.
    pub contract: Option<String>,
    /// Why it is no plugin, and what to do about it.
    pub misfit: Option<Misfit>,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// Its custom sections, those of its parts included, by name.
    pub sections: Vec<Section>,
    /// What it was made with, as the tools have written it down: hints, and no proof.
    pub producers: Vec<Producer>,
}

/// What is wrong with a file, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// All custom sections of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The name.
    pub name: String,
    /// Their content together, in bytes.
    pub bytes: usize,
}

/// One note of a tool about itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The language or the tool.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

impl Surface {
    /// Reads a component, also inside. One for another contract can be looked at too.
    ///
    /// # Errors
    /// When the bytes are no component, or one that is cut off or damaged.
    pub fn of(bytes: &[u8]) -> Result<Self, Misfit> {
        let contract = contract::version(bytes);
        let mut surface = Self::default();
        match (contract, Names::of(bytes)) {
            (contract, Ok(names)) if Parser::is_component(bytes) => {
                (surface.imports, surface.exports) = (first_names(names.imports), first_names(names.exports));
                match contract {
                    Ok(version) => surface.contract = Some(version),
                    Err(mismatch) => surface.misfit = Some(mismatch.into()),
                }
            }
            (Err(mismatch), _) | (_, Err(mismatch)) => return Err(mismatch.into()),
            (Ok(version), Ok(_)) => surface.contract = Some(version),
        }
        // What cannot be read is left out: these are hints.
        let _ = surface.read(bytes);
        Ok(surface)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), BinaryReaderError> {
        let mut sections: BTreeMap<&str, usize> = BTreeMap::new();
        for payload in Parser::new(0).parse_all(bytes) {
            if let Payload::CustomSection(section) = payload? {
                *sections.entry(section.name()).or_default() += section.data().len();
                if let KnownCustom::Producers(fields) = section.as_known() {
                    let _ = self.read_producers(fields);
                }
            }
        }
        let section = |(name, bytes): (&str, usize)| Section { name: one(name), bytes };
        self.sections = sections.into_iter().take(MOST_NAMES).map(section).collect();
        self.producers.sort();
        self.producers.dedup();
        self.producers.truncate(MOST_NAMES);
        Ok(())
    }

    fn read_producers(&mut self, fields: ProducersSectionReader<'_>) -> Result<(), BinaryReaderError> {
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                let [name, version] = [value.name, value.version].map(one);
                self.producers.push(Producer { field: one(field.name), name, version });
            }
        }
        Ok(())
    }
}

/// The first names of many; whoever wrote them is not trusted to have been short.
pub(super) fn first_names(names: Vec<String>) -> Vec<String> {
    names.into_iter().take(MOST_NAMES).map(|name| one(&name)).collect()
}

fn one(name: &str) -> String {
    words::line(name.to_owned(), MAX_NAME)
}

impl From<Mismatch> for Misfit {
    fn from(Mismatch { message, hint }: Mismatch) -> Self {
        Self { message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behavior::built_in::component;

    #[test]
    fn a_plugin_shows_what_it_is_and_what_it_was_made_with() {
        let surface = Surface::of(component("brief").expect("it is built in")).expect("a component");
        assert_eq!((surface.contract.as_deref(), &surface.misfit), (Some("0.1.0"), &None));
        assert!(surface.imports.iter().any(|name| name.starts_with("wasi:cli/")), "{surface:?}");
        assert_eq!(surface.exports, ["persona:behavior/behavior@0.1.0"]);
        let is_rust = |producer: &Producer| producer.field == "language" && producer.name == "Rust";
        assert!(surface.producers.iter().any(is_rust), "{surface:?}");
        assert!(surface.sections.iter().any(|section| section.name == "producers" && section.bytes > 0));
    }

    #[test]
    fn a_component_for_something_else_can_be_looked_at_and_no_other_file() {
        let empty = Surface::of(b"\0asm\x0d\0\x01\0").expect("a component");
        assert!(empty.misfit.is_some_and(|misfit| misfit.message.contains("it exports nothing")));
        assert_eq!(empty.contract, None);
        let whole = component("brief").expect("it is built in");
        for (bytes, says) in [
            (&b""[..], "the file is empty"),
            (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
            (b"plain words", "it is text"),
            (&whole[..whole.len() / 2], "cut off or damaged"),
        ] {
            let misfit = Surface::of(bytes).expect_err("no component");
            assert!(misfit.message.contains(says), "{says:?} in {misfit:?}");
        }
    }
}
