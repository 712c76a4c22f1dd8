//! A page as Markdown, for pull requests and wikis. Text from outside cannot end a cell or begin a link.

use std::fmt::Write as _;

use super::inert::clean;
use super::model::{Block, Fact, Page, Ruling, Section, Table};
use super::place::Note;

/// The page as Markdown.
#[must_use]
pub fn markdown(page: &Page) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut out, page);
    out
}

fn write_page(out: &mut String, page: &Page) -> std::fmt::Result {
    writeln!(out, "# Experiment {}\n", inert(&page.title))?;
    if !page.question.is_empty() {
        writeln!(out, "Question: {}\n", inert(&page.question))?;
    }
    for ruling in &page.rulings {
        write_ruling(out, ruling)?;
    }
    for section in &page.sections {
        write_section(out, section)?;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    Ok(())
}

fn write_ruling(out: &mut String, ruling: &Ruling) -> std::fmt::Result {
    writeln!(out, "## Verdict on {}\n", inert(&ruling.heading))?;
    if let Some(stop) = &ruling.stop {
        writeln!(out, "**✗ {}** {}\n", stop.order, inert(&stop.why))?;
    }
    if let Some(why) = ruling.stand_ins {
        writeln!(out, "**⚠ Stand-ins.** {}\n", inert(why))?;
    }
    let hangs =
        ruling.hangs.as_deref().map_or_else(String::new, |hangs| format!(", but it {}", inert(hangs)));
    writeln!(out, "**{}{hangs}.** {}\n", ruling.word.to_uppercase(), inert(&ruling.sentence))?;
    writeln!(out, "Why: {}\n", inert(&ruling.because))?;
    writeln!(out, "Why it may be wrong: {}\n", inert(&ruling.caveat))?;
    write_notes(out, &ruling.place.notes.iter().collect::<Vec<_>>())?;
    write_facts(out, &ruling.facts)
}

fn write_section(out: &mut String, section: &Section) -> std::fmt::Result {
    writeln!(out, "## {}\n", inert(&section.heading))?;
    if !section.lead.is_empty() {
        writeln!(out, "{}\n", inert(&section.lead))?;
    }
    write_notes(out, &section.place.notes.iter().collect::<Vec<_>>())?;
    for block in &section.blocks {
        match block {
            Block::Text(text) => writeln!(out, "{}\n", inert(text))?,
            Block::Facts(facts) => write_facts(out, facts)?,
            Block::Table(table) => write_table(out, table)?,
            Block::Figure(figure) => {
                writeln!(out, "**{}.** {}\n", inert(&figure.title), inert(&figure.description))?;
                write_notes(out, &figure.place.notes.iter().collect::<Vec<_>>())?;
            }
        }
    }
    Ok(())
}

fn write_notes(out: &mut String, notes: &[&Note]) -> std::fmt::Result {
    for note in notes {
        writeln!(out, "> ⚠ **{}:** {}\n", note.tone.word(), inert(&note.text))?;
    }
    Ok(())
}

fn write_facts(out: &mut String, facts: &[Fact]) -> std::fmt::Result {
    writeln!(out, "| What | Number | Meaning |\n| --- | ---: | --- |")?;
    for fact in facts {
        let notes: Vec<String> = (fact.place.notes.iter())
            .map(|note| format!(" **⚠ {}:** {}", note.tone.word(), inert(&note.text)))
            .collect();
        let (name, value, meaning) = (inert(&fact.name), inert(&fact.value), inert(&fact.meaning));
        writeln!(out, "| {name} | {value} | {meaning}{} |", notes.concat())?;
    }
    writeln!(out)
}

fn write_table(out: &mut String, table: &Table) -> std::fmt::Result {
    if table.rows.is_empty() {
        return writeln!(out, "**{}:** none.\n", inert(&table.caption));
    }
    writeln!(out, "**{}**\n", inert(&table.caption))?;
    let headings: Vec<String> = table.columns.iter().map(|column| inert(&column.heading)).collect();
    let rules: Vec<&str> =
        table.columns.iter().map(|column| if column.number { "---:" } else { "---" }).collect();
    writeln!(out, "| {} |\n| {} |", headings.join(" | "), rules.join(" | "))?;
    for row in &table.rows {
        let mark = if row.place.notes.is_empty() { "" } else { "⚠ " };
        let cells: Vec<String> = row.cells.iter().map(|cell| inert(cell)).collect();
        writeln!(out, "| {mark}{} |", cells.join(" | "))?;
    }
    writeln!(out)?;
    write_notes(out, &table.notes())
}

/// Text that is nothing but text in Markdown, in one line.
fn inert(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        if matches!(letter, '\\' | '|' | '<' | '>' | '*' | '_' | '[' | ']' | '`' | '#' | '~' | '&' | '!') {
            written.push('\\');
        }
        written.push(letter);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_nothing_but_text() {
        for (text, shown) in [
            ("p < 0.001", r"p \< 0.001"),
            ("a|b", r"a\|b"),
            (r"a\|b", r"a\\\|b"),
            ("![x](http://y)", r"\!\[x\](http://y)"),
            ("one\n# two", r"one \# two"),
            ("<script>", r"\<script\>"),
            ("\u{1b}[31m", "\u{fffd}\\[31m"),
        ] {
            assert_eq!(inert(text), shown);
        }
    }
}
