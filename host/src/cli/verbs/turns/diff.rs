//! `turns diff`: two turns side by side, and where they differ.

use std::path::Path;

use comfy_table::{Attribute, Cell, Color};

use super::open;
use crate::cli::Failure;
use crate::cli::args::TurnsDiff;
use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{FAINT, HEAD, ODD, Output, styled, table};
use crate::cli::text::{in_a_line, printable};
use crate::cli::verbs::plugin::difference;
use crate::evidence::{Call, Pair, Prompt, Rated, Said, TwoTurns};

/// How much of an input or a note is shown, in characters.
const SHOWN: usize = 200;

/// Compares two turns.
///
/// # Errors
/// When there is no ledger, or no such turn.
pub(super) async fn diff(args: &TurnsDiff, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let ledger = open(args.ledger.as_deref(), file).await?;
    let two = TwoTurns::of(&ledger.show(&args.one).await?, &ledger.show(&args.other).await?);
    output.print(&two, || text(&two))
}

fn text(two: &TwoTurns) -> String {
    let facts = facts(two);
    let prompts: String = two.prompts.iter().map(prompt).collect();
    let calls = side_by_side(
        "called",
        two,
        two.calls.iter().enumerate().map(|(at, own)| row(&(at + 1).to_string(), own, called)),
    );
    let ratings =
        side_by_side("rated", two, two.ratings.iter().map(|Rated { module, pair }| row(module, pair, rated)));
    format!("{facts}\n{prompts}\n{calls}{ratings}")
}

/// A row of a table: what it is of, what each turn has, and whether they differ.
type Row = (String, String, String, bool);

fn facts(two: &TwoTurns) -> String {
    let rows = two.facts.iter().filter_map(|fact| {
        let (a, b) = fact.said();
        let is_told = !(a.is_empty() && b.is_empty());
        is_told.then(|| (fact.heading.to_lowercase(), a, b, fact.pair.differs))
    });
    side_by_side("", two, rows)
}

fn row<T>(name: &str, Pair { a, b, differs }: &Pair<T>, said: impl Fn(&T) -> String) -> Row {
    let said = |own: &Option<T>| own.as_ref().map_or_else(|| "–".to_owned(), &said);
    (name.to_owned(), said(a), said(b), *differs)
}

/// A table with a column for each turn; what differs has a mark and a colour.
fn side_by_side(name: &'static str, two: &TwoTurns, rows: impl Iterator<Item = Row>) -> String {
    let mut table = table([Whole(""), Whole(name), Flowing("one"), Flowing("other")]);
    let short = |id: &str| id.get(..8).unwrap_or(id).to_owned();
    let headings = ["", name, &short(&two.a), &short(&two.b)];
    table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    let mut is_empty = true;
    for (name, a, b, differs) in rows {
        is_empty = false;
        let cells = [name, a, b].map(|text| Cell::new(in_a_line(&text, SHOWN)));
        let cells = cells.map(|cell| if differs { cell.fg(Color::Yellow) } else { cell });
        let mark = Cell::new(if differs { "≠" } else { "" });
        table.add_row([mark].into_iter().chain(cells));
    }
    match is_empty {
        true => format!("neither {name} anything\n"),
        false => format!("{}\n\n", table.trim_fmt()),
    }
}

fn prompt(Prompt { phase, part, pair, .. }: &Prompt) -> String {
    let name = styled(HEAD, format!("{phase} {part}"));
    match (&pair.a, &pair.b) {
        (Some(a), Some(b)) if pair.differs => {
            format!("{name} {}\n{}", styled(ODD, "differs"), difference::text(&difference::lines(a, b)))
        }
        (Some(_), Some(_)) => format!("{name} {}\n", styled(FAINT, "is the same in both")),
        (None, None) => format!("{name} {}\n", styled(FAINT, "was asked by neither")),
        _ => format!("{name} {}\n", styled(ODD, "was asked by one of them")),
    }
}

fn called(Call { tool, input, .. }: &Call) -> String {
    format!("{} {}", printable(tool), printable(&input.to_string()))
}

fn rated(Said { score, notes }: &Said) -> String {
    format!("{score} {}", printable(notes.as_deref().unwrap_or_default())).trim_end().to_owned()
}
