//! What is on a page, and that nothing from outside is more than text on it.

use super::sample::{hostile, in_trouble, sample, split};
use super::{Block, Page, Place, html, markdown, page};
use crate::report::{Report, Status};

/// Elements that have no end, in HTML.
const VOID: [&str; 2] = ["meta", "br"];

#[test]
fn a_report_as_markdown() {
    insta::assert_snapshot!(markdown(&page(&sample())));
}

#[test]
fn every_warning_is_at_the_number_that_it_concerns() {
    for report in [sample(), in_trouble()] {
        let mut page = page(&report);
        for check in report.health.iter().filter(|check| check.status != Status::Ok) {
            let told = page.places().into_iter().filter(|place| has(place, &check.message)).count();
            assert!(told > 0, "{} is at no number", check.name);
        }
    }
}

#[test]
fn a_warning_about_one_arm_is_at_that_arm_only() {
    let page = page(&in_trouble());
    let told = marked_rows(&page, "nearly all ratings of brief are 4");
    assert_eq!(told, ["brief"]);
    let told = marked_rows(&page, "unevenly spread");
    assert_eq!(told, ["daily", "brief", "warm"]);
}

#[test]
fn a_split_speaks_of_personas_in_one_arm_and_not_of_pairs() {
    let decides = |report: &Report| {
        let text = markdown(&page(report));
        let (_, rest) = text.split_once("## The measure that decides").unwrap();
        rest.split("## ").next().unwrap_or_default().to_owned()
    };
    let (crossover, split) = (decides(&sample()), decides(&split()));
    for (words, of_crossover, of_split) in [
        ("to flip the signs of whole personas", true, false),
        ("to deal the personas to the arms anew", false, true),
        ("By pairs, clustered", true, false),
        ("For these personas", true, false),
        ("For new personas", true, true),
        ("Won, alike, lost", true, false),
        ("Cliff's delta", true, true),
    ] {
        assert_eq!(crossover.contains(words), of_crossover, "{words}: {crossover}");
        assert_eq!(split.contains(words), of_split, "{words}: {split}");
    }
}

#[test]
fn an_unhealthy_report_says_so_before_its_verdict() {
    let report = in_trouble();
    let page = page(&report);
    for (form, text) in [("Markdown", markdown(&page)), ("HTML", html(&page))] {
        let stop = text.find("Do not decide on this").unwrap_or_else(|| panic!("{form} does not say it"));
        let verdict = text.find("is better than daily").unwrap_or_else(|| panic!("{form} has no verdict"));
        assert!(stop < verdict, "{form}");
    }
    assert!(!html(&super::page(&sample())).contains("Do not decide on this."));
}

/// The sample, without anybody who could turn its verdict alone.
fn firm() -> Report {
    let mut report = sample();
    report.comparisons[0].leave_one_out.as_mut().unwrap().decisive.clear();
    report
}

#[test]
fn a_verdict_looks_firm_only_when_nothing_on_its_card_speaks_against_it() {
    let with = |change: fn(&mut Report)| {
        let mut report = firm();
        change(&mut report);
        report
    };
    for (report, firm, says) in [
        (firm(), true, ""),
        (sample(), false, "hangs on one persona, persona.jonas@mana.test"),
        (with(|report| report.identity.stand_ins = true), false, "Stand-ins."),
        (with(|report| report.health[0].status = Status::Unhealthy), false, "Do not decide on this."),
        (with(|report| report.comparisons[0].guardrails[0].broken = true), false, "A guardrail is broken."),
    ] {
        let page = page(&report);
        assert_eq!(page.rulings[0].is_firm(), firm, "{says}");
        let (html, markdown) = (html(&page), markdown(&page));
        let class = if firm { "class=\"verdict better\"" } else { "class=\"verdict better unsure\"" };
        assert!(html.contains(class), "{says}");
        for text in [html, markdown] {
            let verdict = text.find("brief is better than daily").expect("there is a verdict");
            assert!(text[..verdict].contains(says), "{says} stands above it");
        }
    }
}

#[test]
fn a_script_is_never_taken_for_a_model() {
    let scripted = "A scripted Claude gave these ratings, so they mean nothing";
    for (stand_ins, told) in [(false, 0), (true, 1)] {
        let mut report = sample();
        report.identity.stand_ins = stand_ins;
        let page = page(&report);
        for text in [html(&page), markdown(&page)] {
            assert_eq!(text.matches(scripted).count(), told);
        }
    }
}

#[test]
fn no_evidence_is_a_word_and_not_a_chance_of_one() {
    for (p, shown) in
        [(0.012, "p = 0.012"), (0.98, "p = 0.980"), (0.9997, "none so far"), (1.0, "none so far")]
    {
        let mut report = sample();
        report.comparisons[0].primary.anytime.as_mut().unwrap().p = p;
        let page = page(&report);
        let evidence = page.rulings[0].facts.iter().find(|fact| fact.name == "Evidence").unwrap();
        assert_eq!(evidence.value, shown);
    }
}

#[test]
fn an_unknown_cost_is_said_and_not_drawn() {
    let (known, unknown) = (html(&page(&sample())), html(&page(&in_trouble())));
    let excuse = "the cost or the rating of daily and brief and warm is not known";
    assert!(!known.contains("is not known. Give its model a price"));
    assert!(unknown.contains(excuse));
    let plots = |text: &str| text.matches("<svg").count();
    assert_eq!(plots(&known), 4);
    // The second treatment has no course yet, and shares the arms' plots: forest, course, forest, ratings.
    assert_eq!(plots(&unknown), 4);
}

#[test]
fn html_is_balanced_and_needs_nothing_from_elsewhere() {
    for report in [sample(), split(), in_trouble(), hostile()] {
        let text = html(&page(&report));
        assert_eq!(unbalanced(&text), None);
        for foreign in ["<script", "<link", "<img", "<iframe", "@import", "src=", "onload=", "url(http"] {
            assert!(!text.contains(foreign), "{foreign}");
        }
        // An address may stand in text, but nothing leads there.
        assert!(!text.contains("=\"http"));
    }
}

#[test]
fn each_id_is_there_once_and_each_reference_leads_to_one() {
    let text = html(&page(&in_trouble()));
    let ids: Vec<&str> = attributes(&text, "id");
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{ids:?}");
    let named = attributes(&text, "aria-labelledby").into_iter().flat_map(str::split_whitespace);
    let linked = attributes(&text, "href").into_iter().map(|to| to.trim_start_matches('#'));
    for reference in named.chain(linked) {
        assert!(ids.contains(&reference), "{reference}");
    }
}

#[test]
fn every_drawing_has_its_numbers_in_words() {
    let text = html(&page(&sample()));
    let drawings = text.matches("<svg role=\"img\"").count();
    assert_eq!(drawings, text.matches("<svg").count());
    assert_eq!(drawings, text.matches("<desc").count());
    assert!(drawings > 0);
}

#[test]
fn nothing_from_outside_is_more_than_text() {
    let page = page(&hostile());
    let (html, markdown) = (html(&page), markdown(&page));
    assert!(html.contains("&lt;script&gt;"));
    assert!(markdown.contains(r"\<script\>"));
    assert!(!markdown.contains("[x](http"), "a link came through");
    for text in [html, markdown] {
        assert!(!text.contains('\u{1b}'), "an escape sequence came through");
        assert!(!text.contains('\u{202e}'), "the reading direction was turned");
    }
}

#[test]
fn every_row_of_a_markdown_table_has_as_many_cells_as_its_head() {
    for report in [sample(), split(), in_trouble(), hostile()] {
        let text = markdown(&page(&report));
        let mut columns = None;
        for line in text.lines() {
            let cells = line
                .starts_with('|')
                .then(|| line.replace(r"\\", "").replace(r"\|", "").matches('|').count());
            if let (Some(before), Some(cells)) = (columns, cells) {
                assert_eq!(before, cells, "{line}");
            }
            columns = cells;
        }
    }
}

#[test]
fn an_experiment_without_a_single_turn_has_a_page() {
    let mut report: Report = sample();
    report.comparisons.clear();
    report.arms.clear();
    report.health.clear();
    report.phases.clear();
    let page = page(&report);
    assert_eq!(unbalanced(&html(&page)), None);
    assert!(markdown(&page).contains("There is no rating yet"));
}

fn has(place: &Place, message: &str) -> bool {
    place.notes.iter().any(|note| note.text.contains(message))
}

/// The names of the rows that have a note with this text.
fn marked_rows(page: &Page, message: &str) -> Vec<String> {
    let blocks = page.sections.iter().flat_map(|section| &section.blocks);
    let tables = blocks.filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None });
    let rows = tables.flat_map(|table| &table.rows).filter(|row| has(&row.place, message));
    rows.map(|row| row.cells[0].clone()).collect()
}

/// The values of an attribute.
fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!(" {name}=\"");
    text.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The first tag that does not end what was begun last, or that is never ended.
fn unbalanced(text: &str) -> Option<String> {
    let (_, markup) = text.split_once("<!DOCTYPE html>")?;
    let mut open: Vec<&str> = Vec::new();
    for tag in markup.split('<').skip(1) {
        let Some((inside, _)) = tag.split_once('>') else { return Some(tag.to_owned()) };
        let name = inside.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        if inside.starts_with('/') {
            if open.pop() != Some(name) {
                return Some(inside.to_owned());
            }
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    open.pop().map(str::to_owned)
}
