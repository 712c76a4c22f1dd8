//! The document around the plots: headings, sentences, lists of facts, tables.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::plots;
use crate::numbers::NONE;
use crate::page::inert::clean;
use crate::page::model::{Block, Fact, Figure, Page, Ruling, Section, Table};
use crate::page::place::{Note, Tone};
use crate::report::Outcome;

/// How it looks: light and dark, on a phone, on a desk and on paper.
const STYLE: &str = include_str!("page.css");

/// Nothing is fetched and nothing runs, whatever text from outside may hold.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page as one HTML document.
#[must_use]
pub fn html(page: &Page) -> String {
    let title = clean(&page.title);
    let document = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Experiment " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    p.kind { "Experiment" }
                    h1 { (title) }
                    @if !page.question.is_empty() { p.question { (clean(&page.question)) } }
                }
                main #content {
                    @for ruling in &page.rulings { (verdict(ruling)) }
                    (contents(page))
                    @for (number, section) in page.sections.iter().enumerate() { (part(number, section)) }
                }
            }
        }
    };
    document.into_string()
}

fn verdict(ruling: &Ruling) -> Markup {
    let (kind, sign) = match ruling.outcome {
        Outcome::Better => ("better", "▲"),
        Outcome::Worse => ("worse", "▼"),
        Outcome::Equivalent => ("equivalent", "≈"),
        Outcome::Inconclusive => ("inconclusive", "?"),
    };
    markup! {
        section.verdict.(kind).unsure[!ruling.is_firm()] {
            h2 {
                span.outcome { span aria-hidden="true" { (sign) } " " (ruling.word) }
                " "
                @if let Some(hangs) = &ruling.hangs { span.hangs { (clean(hangs)) } " " }
                span.pairing { (clean(&ruling.heading)) }
            }
            @if let Some(why) = ruling.stand_ins {
                p.stop { strong { span aria-hidden="true" { "⚠ " } "Stand-ins." } " " (why) }
            }
            @if let Some(stop) = &ruling.stop {
                p.stop { strong { span aria-hidden="true" { "✗ " } (stop.order) } " " (clean(&stop.why)) }
            }
            p.sentence { (clean(&ruling.sentence)) }
            p { strong { "Why: " } (clean(&ruling.because)) }
            p { strong { "Why it may be wrong: " } (clean(&ruling.caveat)) }
            (notes(&ruling.place.notes.iter().collect::<Vec<_>>()))
            (facts(&ruling.facts))
        }
    }
}

fn contents(page: &Page) -> Markup {
    markup! {
        nav aria-label="Contents" {
            @for (number, section) in page.sections.iter().enumerate() {
                a href={ "#part-" (number) } { (clean(&section.heading)) }
            }
        }
    }
}

fn part(number: usize, section: &Section) -> Markup {
    let pictures = section.blocks.iter().all(|block| matches!(block, Block::Figure(_)));
    markup! {
        section id={ "part-" (number) } {
            h2 { (clean(&section.heading)) }
            @if !section.lead.is_empty() { p.lead { (clean(&section.lead)) } }
            (notes(&section.place.notes.iter().collect::<Vec<_>>()))
            div.pictures[pictures] {
                @for (at, block) in section.blocks.iter().enumerate() {
                    @match block {
                        Block::Text(text) => p.small { (clean(text)) },
                        Block::Facts(own) => (facts(own)),
                        Block::Table(own) => (table(own)),
                        Block::Figure(own) => (figure(own, &format!("figure-{number}-{at}"))),
                    }
                }
            }
        }
    }
}

fn notes(notes: &[&Note]) -> Markup {
    markup! {
        @for note in notes {
            p.note.unhealthy[note.tone == Tone::Unhealthy] {
                strong { span aria-hidden="true" { "⚠ " } (note.tone.word()) ":" } " " (clean(&note.text))
            }
        }
    }
}

fn facts(facts: &[Fact]) -> Markup {
    markup! {
        dl {
            @for fact in facts {
                div {
                    dt { (clean(&fact.name)) }
                    dd.value { (clean(&fact.value)) }
                    dd.meaning {
                        (clean(&fact.meaning))
                        (notes(&fact.place.notes.iter().collect::<Vec<_>>()))
                    }
                }
            }
        }
    }
}

/// The roles are said again because a phone shows each row as a block, and then browsers forget them.
fn table(table: &Table) -> Markup {
    markup! {
        @if table.rows.is_empty() {
            p { strong { (clean(&table.caption)) ":" } " none." }
        } @else {
            div.table {
                table role="table" {
                    caption { (clean(&table.caption)) }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for column in &table.columns {
                                th.number[column.number] scope="col" role="columnheader" { (clean(&column.heading)) }
                            }
                        }
                    }
                    tbody role="rowgroup" {
                        @for row in &table.rows { (cells(table, &row.cells, !row.place.notes.is_empty())) }
                    }
                }
            }
            (notes(&table.notes()))
        }
    }
}

fn cells(table: &Table, cells: &[String], marked: bool) -> Markup {
    markup! {
        tr.marked[marked] role="row" {
            @for (column, cell) in table.columns.iter().zip(cells).take(1) {
                th scope="row" role="rowheader" data-name=(clean(&column.heading)) {
                    @if marked { span title="There is a warning below" { "⚠ " } }
                    span { (clean(cell)) }
                }
            }
            @for (column, cell) in table.columns.iter().zip(cells).skip(1) {
                td.number[column.number].none[cell == NONE] role="cell" data-name=(clean(&column.heading)) { span { (clean(cell)) } }
            }
        }
    }
}

fn figure(figure: &Figure, id: &str) -> Markup {
    markup! {
        figure {
            figcaption { strong { (clean(&figure.title)) } " " (clean(&figure.description)) }
            @if let Some(plot) = &figure.plot { (plots::drawn(plot, &figure.title, &figure.description, id)) }
            (notes(&figure.place.notes.iter().collect::<Vec<_>>()))
        }
    }
}
