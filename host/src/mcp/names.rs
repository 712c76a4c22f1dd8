//! The names of the tools as Claude takes them: its API refuses the dots that MCP allows
//! (contract 8.1), and one bad name makes it refuse the whole request.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use domain::ids::hex;
use domain::tool::Tool;

/// The longest name that Claude takes.
const LONGEST: usize = 128;
/// Hexadecimal digits that tell apart names which would otherwise be the same.
const DIGITS: usize = 8;

/// Which tool has which name, both ways. No two tools share one, whatever they are called, and the
/// names are the same for the same set of tools in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    by_tool: BTreeMap<String, String>,
    by_name: BTreeMap<String, String>,
}

impl Names {
    /// The names for these tools.
    #[must_use]
    pub fn for_tools(tools: &[Tool]) -> Self {
        Self::of(tools.iter().map(|tool| tool.name.as_str()))
    }

    /// What the model calls `tool`. A tool that was not among them keeps its name.
    #[must_use]
    pub fn for_model<'a>(&'a self, tool: &'a str) -> &'a str {
        self.by_tool.get(tool).map_or(tool, String::as_str)
    }

    /// The tool that the model means, unless it made one up.
    #[must_use]
    pub fn from_model(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    fn of<'a>(tools: impl Iterator<Item = &'a str>) -> Self {
        let tools: BTreeSet<&str> = tools.collect();
        let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
        for tool in &tools {
            *wanted.entry(allowed(tool)).or_default() += 1;
        }
        let mut names = Self::default();
        let (plain, rest): (Vec<&str>, Vec<&str>) = tools.iter().partition(|tool| {
            let name = allowed(tool);
            (1..=LONGEST).contains(&name.len()) && (name == **tool || wanted[&name] == 1)
        });
        for tool in plain {
            names.insert(tool, allowed(tool));
        }
        for tool in rest {
            let free = (0u32..).map(|salt| hashed(tool, salt)).find(|name| !names.by_name.contains_key(name));
            names.insert(tool, free.expect("there are more hashes than tools"));
        }
        names
    }

    fn insert(&mut self, tool: &str, name: String) {
        self.by_name.insert(name.clone(), tool.to_owned());
        self.by_tool.insert(tool.to_owned(), name);
    }
}

/// The name with everything replaced that Claude does not take.
fn allowed(tool: &str) -> String {
    tool.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// A name of allowed length that ends in a digest of the whole.
fn hashed(tool: &str, salt: u32) -> String {
    let digest = Sha256::new().chain_update(salt.to_le_bytes()).chain_update(tool).finalize();
    let mut name = allowed(tool);
    name.truncate(LONGEST - DIGITS - 1);
    name.push('_');
    name.push_str(&hex(&digest)[..DIGITS]);
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(tools: &[&str], expected: &[&str]) {
        let names = Names::of(tools.iter().copied());
        let given: Vec<_> = tools.iter().map(|tool| names.for_model(tool)).collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn a_dot_becomes_an_underscore() {
        check(
            &["todo.create", "me.listReferenceImages", "echo"],
            &["todo_create", "me_listReferenceImages", "echo"],
        );
    }

    #[test]
    fn a_name_that_is_taken_gets_a_digest_and_an_allowed_one_never_changes() {
        check(&["todo.create", "todo_create"], &["todo_create_83522002", "todo_create"]);
        check(&["a.b", "a b"], &["a_b_37c2551a", "a_b_d724c6d5"]);
    }

    #[test]
    fn a_name_that_is_too_long_or_empty_gets_a_digest() {
        let names = Names::of(["", "long.".repeat(40).as_str()].into_iter());
        assert!(names.for_model("").starts_with('_'));
        assert_eq!(names.for_model(&"long.".repeat(40)).len(), LONGEST);
    }

    #[test]
    fn a_name_that_the_model_made_up_is_no_tool() {
        let names = Names::of(["todo.create"].into_iter());
        assert_eq!(names.from_model("todo_create"), Some("todo.create"));
        assert_eq!(names.from_model("todo.create"), None);
        assert_eq!(names.for_model("todo.destroy"), "todo.destroy");
    }

    proptest! {
        /// The alphabet is small, so that names clash often, with each other and with digests.
        #[test]
        fn no_two_tools_share_a_name_and_every_name_is_one_that_claude_takes(
            tools in proptest::collection::vec("[ab._ ü-]{0,4}|[a.]{120,140}|\\PC{0,6}", 0..30)
        ) {
            let names = Names::of(tools.iter().map(String::as_str));
            for tool in &tools {
                let name = names.for_model(tool);
                prop_assert_eq!(names.from_model(name), Some(tool.as_str()));
                prop_assert!((1..=128).contains(&name.len()), "{} is of length {}", name, name.len());
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
            }
        }

        #[test]
        fn the_order_of_the_tools_does_not_matter(
            mut tools in proptest::collection::vec("[ab._]{1,3}", 0..12)
        ) {
            let names = Names::of(tools.iter().map(String::as_str));
            tools.reverse();
            prop_assert_eq!(names, Names::of(tools.iter().map(String::as_str)));
        }
    }

    #[test]
    fn a_digest_that_is_taken_is_made_anew() {
        let first = hashed("a.b", 0);
        let names = Names::of(["a.b", "a b", first.as_str()].into_iter());
        assert_eq!(names.for_model(&first), first);
        assert_eq!(names.for_model("a.b"), hashed("a.b", 1));
    }
}
