//! The contract with plugins: each interface, function and type with what its own comments say.

use std::fmt::Write as _;

/// The contract, as authors have it.
const TEXT: &str = include_str!("../../../../wit/v0.1/behavior.wit");

/// The page.
#[must_use]
pub fn wit() -> String {
    let mut page = "# The contract with plugins\n\n\
         Written by `persona-host man --form markdown docs/reference`, from `wit/v0.1/behavior.wit`.\n\
         [contract.md](../contract.md) tells what the host makes of each value.\n\n"
        .to_owned();
    let mut lines = TEXT.lines().peekable();
    let mut told: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        let inner = line.trim_start();
        if let Some(comment) = inner.strip_prefix("///") {
            told.push(comment.strip_prefix(' ').unwrap_or(comment));
            continue;
        }
        let indent = line.len() - inner.len();
        match Item::of(inner, indent) {
            Some(Item { heading, is_group: true }) => {
                let _ = write!(page, "## {heading}\n\n{}\n\n", said(&told));
            }
            Some(Item { heading, is_group: false }) => {
                let mut source = vec![inner];
                // To its end: the bracket at its own depth, or the semicolon.
                while !source.last().is_some_and(|last| ends(last, source.len())) {
                    let Some(next) = lines.next() else { break };
                    source.push(next.get(indent..).unwrap_or_else(|| next.trim_start()));
                }
                let source = source.join("\n");
                let _ = write!(page, "### {heading}\n\n{}\n\n```wit\n{source}\n```\n\n", said(&told));
            }
            None => {}
        }
        told.clear();
    }
    format!("{}\n", page.trim_end())
}

/// Something that has a name.
struct Item {
    heading: String,
    /// Others are in it.
    is_group: bool,
}

impl Item {
    fn of(line: &str, indent: usize) -> Option<Self> {
        let mut words = line.split([' ', ';', '{', '=', ':', '<', '(']).filter(|word| !word.is_empty());
        let kind = words.next()?;
        let is_group = matches!(kind, "package" | "interface" | "world");
        if is_group && indent == 0 {
            let name = line.trim_end_matches([';', '{', ' ']);
            return Some(Self { heading: name.to_owned(), is_group: true });
        }
        if indent == 0 || line.starts_with("//") {
            return None;
        }
        if matches!(kind, "record" | "enum" | "variant" | "flags" | "type") {
            return Some(Self { heading: format!("{kind} {}", words.next()?), is_group: false });
        }
        line.contains(": func(").then(|| Self { heading: format!("{kind}()"), is_group: false })
    }
}

fn ends(line: &str, lines: usize) -> bool {
    line.ends_with(';') || line == "}" || (lines == 1 && line.ends_with('}'))
}

fn said(told: &[&str]) -> String {
    told.join("\n").trim().to_owned()
}
