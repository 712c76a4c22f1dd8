//! The effect by persona, and of all together.

use maud::{Markup, html as markup};

use super::axis::{Axis, span};
use super::canvas::{WIDTH, number};
use crate::numbers::{plain, signed};
use crate::page::inert::clean;
use crate::page::model::{Forest, ForestRow};

const LEFT: f64 = 158.0;
const RIGHT: f64 = WIDTH - 52.0;
/// Whiskers end before names and numbers begin.
const ROOM: f64 = 10.0;
const TOP: f64 = 10.0;
const ROW: f64 = 24.0;

/// As many letters of a name as there is room for.
const LETTERS: usize = 22;

/// The drawing and its height.
pub(super) fn forest(forest: &Forest) -> (f64, Markup) {
    let rows = (0_u32..).zip(&forest.rows);
    let count = u32::try_from(forest.rows.len()).unwrap_or(u32::MAX);
    let below = TOP + ROW * f64::from(count + u32::from(forest.overall.is_some()));
    let ends = forest.rows.iter().chain(&forest.overall).flat_map(|row| {
        let (low, high) = row.interval.unwrap_or((row.effect, row.effect));
        [low, high, row.effect]
    });
    let x = Axis::new(span(ends.chain([forest.margin, -forest.margin])), (LEFT + ROOM, RIGHT - ROOM));
    let drawing = markup! {
        (background(forest, &x, below))
        @for (at, row) in rows { (persona(row, &x, TOP + ROW * (f64::from(at) + 0.5))) }
        @if let Some(overall) = &forest.overall { (all(overall, &x, below - ROW / 2.0)) }
    };
    (below + 42.0, drawing)
}

/// The band in which differences do not matter, zero, and the numbers.
fn background(forest: &Forest, x: &Axis, below: f64) -> Markup {
    let (low, high) = (x.at(-forest.margin), x.at(forest.margin));
    let (ticks, digits) = x.ticks(5.0);
    markup! {
        rect.margin x=(number(low)) y=(number(TOP)) width=(number(high - low)) height=(number(below - TOP)) {}
        @for edge in [low, high] {
            line.edge x1=(number(edge)) x2=(number(edge)) y1=(number(TOP)) y2=(number(below)) {}
        }
        line.zero x1=(number(x.at(0.0))) x2=(number(x.at(0.0))) y1=(number(TOP)) y2=(number(below)) {}
        line.grid x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(below)) y2=(number(below)) {}
        @for tick in ticks {
            line.grid x1=(number(x.at(tick))) x2=(number(x.at(tick))) y1=(number(below)) y2=(number(below + 4.0)) {}
            text x=(number(x.at(tick))) y=(number(below + 18.0)) text-anchor="middle" { (signed(tick, digits)) }
        }
        text x=(number(RIGHT)) y=(number(below + 36.0)) text-anchor="end" { "effect in " (forest.unit) }
        text x="0" y=(number(below + 36.0)) { "band: ±" (plain(forest.margin, 2)) }
    }
}

fn persona(row: &ForestRow, x: &Axis, y: f64) -> Markup {
    markup! {
        text x="0" y=(number(y + 4.0)) { title { (clean(&row.name)) } (shortened(&row.name)) }
        @if let Some((low, high)) = row.interval {
            line.whisker x1=(number(x.at(low))) x2=(number(x.at(high))) y1=(number(y)) y2=(number(y)) {}
            @for end in [low, high] {
                line.whisker x1=(number(x.at(end))) x2=(number(x.at(end))) y1=(number(y - 3.5)) y2=(number(y + 3.5)) {}
            }
        }
        circle.dot cx=(number(x.at(row.effect))) cy=(number(y)) r="4.2" {}
        text x=(number(WIDTH)) y=(number(y + 4.0)) text-anchor="end" { (signed(row.effect, 2)) }
    }
}

fn all(row: &ForestRow, x: &Axis, y: f64) -> Markup {
    let middle = x.at(row.effect);
    let (low, high) =
        row.interval.map_or((middle - 5.0, middle + 5.0), |(low, high)| (x.at(low), x.at(high)));
    let corners = [(low, y), (middle, y - 7.0), (high, y), (middle, y + 7.0)];
    let corners: Vec<String> =
        corners.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
    markup! {
        text.strong x="0" y=(number(y + 4.0)) { (row.name) }
        polygon.whole points=(corners.join(" ")) {}
        text.strong x=(number(WIDTH)) y=(number(y + 4.0)) text-anchor="end" { (signed(row.effect, 2)) }
    }
}

/// The beginning of a name that is too long.
fn shortened(name: &str) -> String {
    let name = clean(name);
    match name.char_indices().nth(LETTERS) {
        Some(_) => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        None => name,
    }
}
