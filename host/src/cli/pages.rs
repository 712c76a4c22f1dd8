//! The pages of `docs/errors.md`: what a code means, why it comes, and what to do about it.

use domain::code::Code;

/// All of them, as they are read on paper, too.
const TEXT: &str = include_str!("../../../docs/errors.md");

/// What is said of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The word, or `exit 65`.
    pub(super) code: &'static str,
    /// The heading above it.
    pub(super) group: &'static str,
    /// What happened.
    pub(super) happened: &'static str,
    /// Why it usually does.
    pub(super) causes: &'static str,
    /// What to do.
    pub(super) advice: &'static str,
    /// Where more is said.
    pub(super) see: &'static str,
}

/// Every page, in the order of the document.
pub(super) fn pages() -> Vec<Page> {
    let groups = TEXT.split("\n## ").skip(1);
    groups
        .flat_map(|group| {
            let heading = group.lines().next().unwrap_or_default();
            group.split("\n### ").skip(1).map(|text| page(heading, text))
        })
        .collect()
}

/// What to do when something of this code happened, as its page says.
pub(super) fn advice(code: Code) -> &'static str {
    pages().into_iter().find(|page| page.code == code.word()).map_or("", |page| page.advice)
}

fn page(group: &'static str, text: &'static str) -> Page {
    let (code, text) = text.split_once('\n').unwrap_or((text, ""));
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("- **{name}**: ")));
        line.unwrap_or_default()
    };
    let happened = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    Page { code, group, happened, causes: of("Usual causes"), advice: of("What to do"), see: of("See") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::cli::{EXITS, Exit, GATES};

    #[test]
    fn every_code_has_a_page_and_every_page_is_of_a_code() {
        let exits = EXITS.iter().map(|(exit, _)| exit.code());
        let gates = GATES.iter().map(|(gate, _)| Exit::Verdict(*gate).code());
        let exits: BTreeSet<u8> = exits.chain(gates).collect();
        let codes = Code::ALL.iter().map(|code| code.word().to_owned());
        let all: Vec<String> = codes.chain(exits.iter().map(|exit| format!("exit {exit}"))).collect();
        let told: Vec<String> = pages().iter().map(|page| page.code.to_owned()).collect();
        for code in &all {
            let times = told.iter().filter(|told| *told == code).count();
            assert_eq!(times, 1, "pages of {code} in docs/errors.md");
        }
        for told in &told {
            assert!(all.contains(told), "docs/errors.md has a page for {told}, which is no code");
        }
    }

    #[test]
    fn every_page_says_all_that_it_has_to_and_names_what_there_is() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for page in pages() {
            for text in [page.happened, page.causes, page.advice, page.see] {
                assert!(!text.is_empty() && !text.starts_with("- "), "{page:?}");
            }
            let (file, heading) = page.see.split_once(", ").unwrap_or((page.see, ""));
            let text = std::fs::read_to_string(repository.join(file)).expect(page.code);
            let heading = heading.trim_matches('"');
            let headings = text.lines().filter(|line| line.starts_with('#'));
            let mut headings = headings.map(|line| line.trim_start_matches('#').trim());
            assert!(heading.is_empty() || headings.any(|own| own == heading), "{page:?}");
        }
    }
}
