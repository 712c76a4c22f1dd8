//! `explain`: what a code means, why it comes, and what to do about it.

use serde_json::{Value, json};

use crate::cli::output::{FAINT, HEAD, Output, PLACE, styled, text_width};
use crate::cli::pages::{Page, pages};
use crate::cli::text::set;
use crate::cli::{Exit, Failure};
use domain::code::Code;

/// How alike two words have to be for one to be meant by the other.
const ALIKE: f64 = 0.8;
/// How wide names are, in characters.
const NAMES: usize = 14;

/// Shows the page of a code, or the list of all.
///
/// # Errors
/// When there is no such code.
pub fn explain(code: Option<&str>, output: Output) -> Result<(), Failure> {
    let pages = pages();
    let Some(asked) = code else {
        let documents: Vec<Value> = pages.iter().map(document).collect();
        return output.print(&documents, || list(&pages));
    };
    let page = pages.iter().find(|page| is_meant(page, asked)).ok_or_else(|| unknown(asked, &pages))?;
    output.print(&document(page), || text(page))
}

/// Whether a page is asked for so: `65`, `exit-65` and `exit 65` are one.
fn is_meant(page: &Page, asked: &str) -> bool {
    let asked = asked.trim().to_ascii_lowercase();
    match page.code.strip_prefix("exit ") {
        Some(number) => asked.trim_start_matches("exit").trim_start_matches([' ', '-']) == number,
        None => page.code == asked,
    }
}

fn unknown(asked: &str, pages: &[Page]) -> Failure {
    let alike = |page: &Page| strsim::jaro_winkler(page.code, asked);
    let nearest = pages.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    let hint = match nearest.filter(|page| alike(page) > ALIKE) {
        Some(page) => format!("did you mean {}? `persona-host explain` lists all", page.code),
        None => "`persona-host explain` lists all; exit codes are numbers, such as `explain 78`".to_owned(),
    };
    Failure::new(Exit::No, Code::NoSuchCode, format!("there is no code {asked}")).hint(hint)
}

fn document(page: &Page) -> Value {
    let Page { code, group, happened, causes, advice, see } = page;
    json!({ "code": code, "group": group, "happened": happened, "causes": causes, "advice": advice, "see": see })
}

fn text(page: &Page) -> String {
    let Page { code, group, happened, causes, advice, see } = page;
    let rows = [("happened", happened), ("usual causes", causes), ("what to do", advice), ("see", see)];
    let rows = rows.map(|(name, text)| {
        let label = format!("  {}", styled(PLACE, format!("{name:<NAMES$}")));
        set(&label, NAMES + 2, text, text_width())
    });
    format!("{}  {}\n{}", styled(HEAD, code), styled(FAINT, group), rows.concat())
}

/// Each code with what happened, below the headings of the document.
fn list(pages: &[Page]) -> String {
    let width = pages.iter().map(|page| page.code.len()).max().unwrap_or_default() + 2;
    let mut text = String::new();
    for (place, page) in pages.iter().enumerate() {
        if place == 0 || pages[place - 1].group != page.group {
            let gap = if place == 0 { "" } else { "\n" };
            text += &format!("{gap}{}\n", styled(HEAD, page.group));
        }
        text += &set(&format!("  {:<width$}", page.code), width + 2, page.happened, text_width());
    }
    text
}
