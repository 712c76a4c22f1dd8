//! A page for a terminal.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table as Grid, TableStyle,
    Width,
};

use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, styled};
use crate::cli::text::{printable, set};
use experiment::page::{Block, Fact, Note, Page, Ruling, Section, Table, Tone};
use experiment::report::Outcome;

/// A column has room for words of so many characters.
const LONGEST_WORD: usize = 26;

/// The page as text of this width, in characters.
pub(super) fn text(page: &Page, width: usize) -> String {
    let mut out = Sheet { text: String::new(), width };
    out.line(&format!("{} {}", styled(HEAD, "experiment"), printable(&page.title)));
    if !page.question.is_empty() {
        out.set("", 0, &page.question);
    }
    page.rulings.iter().for_each(|ruling| out.ruling(ruling));
    page.sections.iter().for_each(|section| out.section(section));
    out.text
}

/// Text that grows, and how wide it may get.
struct Sheet {
    text: String,
    width: usize,
}

impl Sheet {
    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Running text after `label`; further lines begin `indent` characters from the left.
    fn set(&mut self, label: &str, indent: usize, text: &str) {
        self.text += &set(label, indent, text, self.width);
    }

    fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(&styled(HEAD, printable(heading)));
    }

    fn ruling(&mut self, ruling: &Ruling) {
        let style = match ruling.outcome {
            _ if !ruling.is_firm() => ODD,
            Outcome::Better | Outcome::Equivalent => GOOD,
            Outcome::Worse => BAD,
            Outcome::Inconclusive => ODD,
        };
        self.line("");
        if let Some(stop) = &ruling.stop {
            self.set(&format!("{} ", styled(BAD, stop.order.to_uppercase())), 2, &stop.why);
        }
        if let Some(why) = ruling.stand_ins {
            self.set(&format!("{} ", styled(BAD, "STAND-INS.")), 2, why);
        }
        let hangs = ruling
            .hangs
            .as_deref()
            .map_or_else(String::new, |hangs| format!(", but it {}", printable(hangs)));
        self.set(
            &format!("{} ", styled(style, format!("{}{hangs}:", ruling.word.to_uppercase()))),
            2,
            &ruling.sentence,
        );
        self.set(&format!("  {} ", styled(FAINT, "why:")), 4, &ruling.because);
        self.set(&format!("  {} ", styled(FAINT, "why it may be wrong:")), 4, &ruling.caveat);
        self.notes(ruling.place.notes.iter());
        self.facts(&ruling.facts);
    }

    fn section(&mut self, section: &Section) {
        self.heading(&section.heading);
        self.set("", 0, &section.lead);
        self.notes(section.place.notes.iter());
        for block in &section.blocks {
            match block {
                Block::Text(text) => {
                    self.line("");
                    self.set("", 0, text);
                }
                Block::Facts(facts) => self.facts(facts),
                Block::Table(table) => self.table(table),
                Block::Figure(figure) => {
                    self.line("");
                    self.set(&format!("{}: ", figure.title), 2, &figure.description);
                    self.notes(figure.place.notes.iter());
                }
            }
        }
    }

    fn notes<'a>(&mut self, notes: impl Iterator<Item = &'a Note>) {
        for note in notes {
            self.set(&format!("  {} ", marked(note.tone)), 4, &note.text);
        }
    }

    fn facts(&mut self, facts: &[Fact]) {
        let mut grid = self.grid();
        for fact in facts {
            let mut meaning = printable(&fact.meaning);
            for note in &fact.place.notes {
                meaning += &format!("\n{}: {}", note.tone.word(), printable(&note.text));
            }
            let worst = fact.place.notes.iter().map(|note| note.tone);
            grid.add_row([
                Cell::new(printable(&fact.name)),
                Cell::new(printable(&fact.value)).set_alignment(CellAlignment::Right),
                toned(Cell::new(meaning), worst),
            ]);
        }
        self.line("");
        self.put(&mut grid);
    }

    fn table(&mut self, table: &Table) {
        self.line("");
        if table.rows.is_empty() {
            return self.line(&format!("{}: none", printable(&table.caption)));
        }
        self.set("", 0, &table.caption);
        let mut grid = self.grid();
        let aligned = |cell: Cell, number: bool| {
            if number { cell.set_alignment(CellAlignment::Right) } else { cell }
        };
        grid.set_header(table.columns.iter().map(|column| {
            let cell = Cell::new(printable(&column.heading)).add_attribute(Attribute::Bold);
            aligned(cell, column.number)
        }));
        for row in &table.rows {
            let tones = || row.place.notes.iter().map(|note| note.tone);
            let cells = table.columns.iter().zip(&row.cells).enumerate().map(|(at, (column, text))| {
                let mark = if at == 0 && !row.place.notes.is_empty() { "! " } else { "" };
                let cell = aligned(Cell::new(format!("{mark}{}", printable(text))), column.number);
                if at == 0 { toned(cell, tones()) } else { cell }
            });
            grid.add_row(cells.collect::<Vec<_>>());
        }
        self.put(&mut grid);
        self.notes(table.notes().into_iter());
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
        grid.style_text_only();
        grid.set_width(u16::try_from(self.width.saturating_sub(2)).unwrap_or(u16::MAX));
        grid
    }

    fn put(&mut self, grid: &mut Grid) {
        keep_words(grid);
        for line in grid.lines() {
            self.line(&format!("  {}", line.trim_end()));
        }
    }
}

/// Words stay in one piece, unless they are very long.
fn keep_words(grid: &mut Grid) {
    let mut longest: Vec<usize> = Vec::new();
    for row in grid.header().into_iter().chain(grid.row_iter()) {
        longest.resize(longest.len().max(row.cell_count()), 0);
        for (cell, longest) in row.cell_iter().zip(&mut longest) {
            let content = cell.content();
            let word = content.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
            *longest = word.min(LONGEST_WORD).max(*longest);
        }
    }
    for (column, longest) in grid.column_iter_mut().zip(longest) {
        // The boundary includes the padding, which is a space on either side.
        let width = u16::try_from(longest + 2).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

/// The word of a note, in its colour.
fn marked(tone: Tone) -> String {
    let style = if tone == Tone::Unhealthy { BAD } else { ODD };
    styled(style, format!("{}:", tone.word()))
}

/// A cell in the colour of the gravest note on it.
fn toned(cell: Cell, tones: impl Iterator<Item = Tone>) -> Cell {
    let tones: Vec<Tone> = tones.collect();
    if tones.contains(&Tone::Unhealthy) {
        cell.fg(Color::Red)
    } else if tones.is_empty() {
        cell
    } else {
        cell.fg(Color::Yellow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use experiment::page::page;
    use experiment::page::sample::{hostile, in_trouble, sample};

    fn shown(report: &experiment::report::Report, width: usize) -> String {
        anstream::adapter::strip_str(&text(&page(report), width)).to_string()
    }

    #[test]
    fn a_report_for_a_terminal() {
        insta::assert_snapshot!(shown(&sample(), 100));
    }

    #[test]
    fn a_report_that_nobody_should_decide_on() {
        insta::assert_snapshot!(shown(&in_trouble(), 100));
    }

    #[test]
    fn lines_fit_the_terminal() {
        for width in [80, 100, 140] {
            let text = shown(&sample(), width);
            let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
            assert!(long.is_empty(), "{width}: {long:#?}");
        }
    }

    #[test]
    fn names_from_outside_stay_inert() {
        let text = text(&page(&hostile()), 100);
        assert!(text.contains("<script>"));
        assert!(!text.contains("\u{1b}[2J"));
    }
}
