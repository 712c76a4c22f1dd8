//! Finds commands in Markdown: those in fenced blocks, and those in the text.

use std::path::{Path, PathBuf};

/// A command of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Where it stands.
    pub(super) document: String,
    /// As it is typed, without prompt and remark, and with `persona-host` at its beginning.
    pub(super) line: String,
    /// It stands in a block, as something to be typed.
    pub(super) is_in_a_block: bool,
    /// The block that follows and shows what it says, if one does.
    pub(super) answer: Option<String>,
}

/// The folder of the repository.
pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every document that tells people what to type, by its name in the repository.
pub(super) fn documents() -> Vec<(String, String)> {
    let mut names =
        vec!["README.md".to_owned(), "SECURITY.md".to_owned(), "examples/deploy/README.md".to_owned()];
    for folder in ["docs", "docs/reference"] {
        for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                names.push(format!("{folder}/{name}"));
            }
        }
    }
    names.sort();
    let read = |name: String| (name.clone(), std::fs::read_to_string(repository().join(name)).unwrap());
    names.into_iter().map(read).collect()
}

/// Every command in a document. `verbs` are the words that one can begin with.
pub(super) fn commands(document: &str, text: &str, verbs: &[String]) -> Vec<Shown> {
    let (mut shown, mut prose) = (Vec::new(), String::new());
    // Between the fences is every second piece.
    let pieces: Vec<&str> = text.split("\n```").collect();
    for (place, piece) in pieces.iter().enumerate() {
        if place % 2 == 0 {
            // What stands after the closing fence.
            prose.push_str(if place == 0 {
                piece
            } else {
                piece.split_once('\n').map_or("", |(_, rest)| rest)
            });
            prose.push_str("\n\n");
            continue;
        }
        let (language, block) = piece.split_once('\n').unwrap_or((piece, ""));
        if !matches!(language.trim(), "sh" | "console") {
            continue;
        }
        let between = pieces.get(place + 1).is_some_and(|text| text.trim().is_empty());
        let answer = pieces.get(place + 2).filter(|_| between).and_then(|next| next.strip_prefix('\n'));
        let lines = typed(block);
        let last = lines.len().saturating_sub(1);
        for (place, line) in lines.into_iter().enumerate() {
            shown.push(Shown {
                document: document.to_owned(),
                line,
                is_in_a_block: true,
                answer: answer.filter(|_| place == last).map(str::to_owned),
            });
        }
    }
    let of_text = spans(&prose).into_iter().filter_map(|span| meant(&span, verbs));
    shown.extend(of_text.map(|line| Shown {
        document: document.to_owned(),
        line,
        is_in_a_block: false,
        answer: None,
    }));
    shown
}

/// The commands of this program in a block, each in one line.
fn typed(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default();
        let line = line.split(" | ").next().unwrap_or_default().trim();
        let line = line.replace("cargo run -- ", "persona-host ");
        let words: Vec<&str> = line.split_whitespace().collect();
        let begins = words.iter().position(|word| *word == "persona-host")?;
        // Before it stands who calls it, or as whom.
        let is_called = words[..begins]
            .iter()
            .all(|word| matches!(*word, "sudo" | "-E" | "docker" | "compose" | "exec" | "persona-host"));
        let begins = words.iter().rposition(|word| *word == "persona-host").filter(|_| is_called)?;
        Some(words[begins..].join(" "))
    });
    lines.collect()
}

/// What stands between backticks; a span may go over several lines, and not over several paragraphs.
fn spans(prose: &str) -> Vec<String> {
    let rows = prose.replace("\n|", "\n\n|").replace("\n- ", "\n\n- ");
    let paragraphs = rows.split("\n\n").map(|own| own.replace('\n', " "));
    paragraphs
        .flat_map(|own| own.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// A span as a command, if it is one: with the name of the program, or a verb with more than itself.
fn meant(span: &str, verbs: &[String]) -> Option<String> {
    let span: String = span.chars().filter(|c| !matches!(c, '[' | ']' | '…')).collect();
    let span = span.split(" | ").next().unwrap_or_default().trim();
    if let Some(rest) = span.strip_prefix("persona-host ") {
        return Some(format!("persona-host {rest}"));
    }
    let mut words = span.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    let two = format!("{first} {second}");
    let is_verb = |name: &str| verbs.iter().any(|verb| verb == name || verb.starts_with(&format!("{name} ")));
    (is_verb(first) && (second.starts_with("--") || is_verb(&two))).then(|| format!("persona-host {span}"))
}

/// The words of a line, as a shell has them.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(own), c) if own == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn commands_are_found_wherever_they_stand() {
    let text = "Type `persona-host turns\nlist --limit 3`, or `pause --now [--persona EMAIL]`, not `pause`, nor `a --b`.\n\n\
                ```sh\ncargo run -- demo --once   # a remark\nexport PATH=persona-host\n\
                persona-host costs \\\n  --by day | jq .\n```\n\n```\n3 rows\n```\n\n```toml\npersona-host = 1\n```\n";
    let verbs = ["turns list", "pause", "costs", "demo"].map(str::to_owned);
    let found = commands("a.md", text, &verbs);
    let lines: Vec<(&str, bool, Option<&str>)> =
        found.iter().map(|own| (own.line.as_str(), own.is_in_a_block, own.answer.as_deref())).collect();
    assert_eq!(
        lines,
        [
            ("persona-host demo --once", true, None),
            ("persona-host costs --by day", true, Some("3 rows")),
            ("persona-host turns list --limit 3", false, None),
            ("persona-host pause --now --persona EMAIL", false, None),
        ]
    );
    assert_eq!(words("a \"b c\" --d='e f' ''"), ["a", "b c", "--d=e f", ""]);
}
