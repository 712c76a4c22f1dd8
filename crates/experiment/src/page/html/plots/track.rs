//! The effect over rounds, with the interval that holds at every look.

use maud::{Markup, html as markup};

use super::axis::{Axis, span};
use super::canvas::{WIDTH, number};
use crate::numbers::{plain, signed};
use crate::page::model::{Track, TrackPoint};

const HEIGHT: f64 = 270.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 226.0;

/// First intervals are so wide that nothing else could be seen beside them: the drawing shows this many
/// times what is left at the end, and what reaches further is cut.
const SHOWN: f64 = 3.0;

/// The drawing and its height.
pub(super) fn track(track: &Track, id: &str) -> (f64, Markup) {
    let x = Axis::new((0.0, f64::from(track.planned.max(2))), (LEFT, RIGHT));
    let y = Axis::new(shown(track), (BOTTOM, TOP));
    let clip = format!("{id}-frame");
    let drawing = markup! {
        clipPath id=(clip) {
            rect x=(number(LEFT)) y=(number(TOP)) width=(number(RIGHT - LEFT)) height=(number(BOTTOM - TOP)) {}
        }
        (margin(track, &y))
        (effects(&y))
        (rounds(&x))
        g clip-path={ "url(#" (clip) ")" } { (interval(track, &x, &y)) (line(track, &x, &y)) }
        @if let Some(last) = track.points.last() {
            text.strong x=(number(x.at(last.round.into()).min(RIGHT - 34.0) + 6.0)) y=(number(y.at(last.effect) - 8.0)) {
                (signed(last.effect, 2))
            }
        }
        text x=(number(LEFT)) y="14" { "effect in " (track.unit) }
        text x=(number(RIGHT)) y=(number(HEIGHT - 6.0)) text-anchor="end" { "round" }
    };
    (HEIGHT, drawing)
}

/// What the drawing shows of the effects.
fn shown(track: &Track) -> (f64, f64) {
    let ends = track.points.iter().rev().find_map(|point| point.interval);
    let ends = ends.map_or(vec![], |(low, high)| vec![low, high]);
    let effects = track.points.iter().map(|point| point.effect);
    let settled = effects.chain(ends).chain([track.margin, -track.margin, 0.0]);
    let (low, high) = span(settled);
    let room = (high - low) * 0.12;
    let every = track.points.iter().flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.effect, point.effect));
        [low, high, point.effect]
    });
    let (least, greatest) = span(every.chain([0.0]));
    ((low - room).min(least.max(low * SHOWN)), (high + room).max(greatest.min(high * SHOWN)))
}

/// The band in which differences do not matter, and zero.
fn margin(track: &Track, y: &Axis) -> Markup {
    let (top, bottom) = (y.at(track.margin), y.at(-track.margin));
    markup! {
        rect.margin x=(number(LEFT)) y=(number(top)) width=(number(RIGHT - LEFT)) height=(number(bottom - top)) {}
        @for edge in [top, bottom] {
            line.edge x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(edge)) y2=(number(edge)) {}
        }
        line.zero x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(y.at(0.0))) y2=(number(y.at(0.0))) {}
        text x=(number(RIGHT - 4.0)) y=(number(bottom - 5.0)) text-anchor="end" {
            "±" (plain(track.margin, 2)) ": too small to matter"
        }
    }
}

fn effects(y: &Axis) -> Markup {
    let (ticks, digits) = y.ticks(6.0);
    markup! {
        @for tick in ticks {
            text x=(number(LEFT - 6.0)) y=(number(y.at(tick) + 4.0)) text-anchor="end" { (signed(tick, digits)) }
            line.grid x1=(number(LEFT - 3.0)) x2=(number(LEFT)) y1=(number(y.at(tick))) y2=(number(y.at(tick))) {}
        }
    }
}

fn rounds(x: &Axis) -> Markup {
    let (ticks, _) = x.ticks(6.0);
    markup! {
        line.grid x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(BOTTOM)) y2=(number(BOTTOM)) {}
        @for tick in ticks {
            line.grid x1=(number(x.at(tick))) x2=(number(x.at(tick))) y1=(number(BOTTOM)) y2=(number(BOTTOM + 4.0)) {}
            text x=(number(x.at(tick))) y=(number(BOTTOM + 18.0)) text-anchor="middle" { (plain(tick, 0)) }
        }
    }
}

fn interval(track: &Track, x: &Axis, y: &Axis) -> Markup {
    let sure: Vec<(u32, f64, f64)> = (track.points.iter())
        .filter_map(|point| point.interval.map(|(low, high)| (point.round, low, high)))
        .collect();
    let side = |of: fn(&(u32, f64, f64)) -> f64| -> Vec<String> {
        sure.iter().map(|own| format!("{},{}", number(x.at(own.0.into())), number(y.at(of(own))))).collect()
    };
    let (lows, highs) = (side(|own| own.1), side(|own| own.2));
    let around: Vec<String> = lows.iter().chain(highs.iter().rev()).cloned().collect();
    markup! {
        @if !sure.is_empty() {
            polygon.band points=(around.join(" ")) {}
            polyline.rim points=(lows.join(" ")) {}
            polyline.rim points=(highs.join(" ")) {}
        }
    }
}

fn line(track: &Track, x: &Axis, y: &Axis) -> Markup {
    let place = |point: &TrackPoint| (number(x.at(point.round.into())), number(y.at(point.effect)));
    let points: Vec<String> = track.points.iter().map(place).map(|(x, y)| format!("{x},{y}")).collect();
    markup! {
        polyline.line points=(points.join(" ")) {}
        @for (x, y) in track.points.iter().map(place) { circle.dot cx=(x) cy=(y) r="2.2" {} }
    }
}
