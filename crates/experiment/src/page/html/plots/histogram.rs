//! How ratings are spread: bars of 1 to 5 for each arm.

use maud::{Markup, html as markup};

use super::canvas::{WIDTH, number};
use crate::numbers::plain;
use crate::page::inert::clean;
use crate::page::model::Histogram;

const LEFT: f64 = 8.0;
const RIGHT: f64 = WIDTH - 8.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 226.0;

/// The drawing and its height.
pub(super) fn histogram(histogram: &Histogram, id: &str) -> (f64, Markup) {
    let parts: Vec<[f64; 5]> = histogram.arms.iter().map(|(_, counts)| parts(*counts)).collect();
    let highest = parts.iter().flatten().copied().fold(0.0, f64::max);
    let arms = f64::from(u32::try_from(parts.len().max(1)).unwrap_or(u32::MAX));
    let group = (RIGHT - LEFT) / 5.0;
    let bar = group * 0.84 / arms;
    let drawing = markup! {
        (patterns(id, parts.len()))
        (legend(histogram, id))
        @for (at, own) in (0_u32..).zip(&parts) {
            @for (rating, part) in (0_u32..).zip(own) {
                @let left = LEFT + group * (f64::from(rating) + 0.08) + bar * f64::from(at);
                @let height = if highest > 0.0 { part / highest * (BOTTOM - TOP - 16.0) } else { 0.0 };
                rect.arm.{ "arm-" (at % 4) } x=(number(left + 1.0)) y=(number(BOTTOM - height))
                    width=(number(bar - 2.0)) height=(number(height)) style=[style(at, id)] {}
                @if parts.len() <= 3 {
                    text x=(number(left + bar / 2.0)) y=(number(BOTTOM - height - 5.0)) text-anchor="middle" {
                        (plain(part * 100.0, 0)) @if parts.len() < 3 { " %" }
                    }
                }
            }
        }
        line.zero x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(BOTTOM)) y2=(number(BOTTOM)) {}
        @for rating in 0_u32..5 {
            text.strong x=(number(LEFT + group * (f64::from(rating) + 0.5))) y=(number(BOTTOM + 18.0)) text-anchor="middle" {
                (rating + 1)
            }
        }
        text x=(number(RIGHT)) y=(number(BOTTOM + 36.0)) text-anchor="end" { "rating; parts of the arm's ratings" @if histogram.arms.len() > 2 { ", in %" } }
    };
    (BOTTOM + 42.0, drawing)
}

#[expect(clippy::cast_precision_loss, reason = "counts of ratings, for a drawing")]
fn parts(counts: [u64; 5]) -> [f64; 5] {
    let all = counts.iter().sum::<u64>().max(1) as f64;
    counts.map(|count| count as f64 / all)
}

/// Every arm but the control is hatched, each in another direction.
fn patterns(id: &str, arms: usize) -> Markup {
    markup! {
        defs {
            @for at in 1..arms {
                pattern.{ "arm-" (at % 4) } id={ (id) "-hatch-" (at) } width="6" height="6" patternUnits="userSpaceOnUse"
                    patternTransform={ "rotate(" (turn(at)) ")" } {
                    line.hatch x1="0" x2="0" y1="0" y2="6" {}
                }
            }
        }
    }
}

fn turn(at: usize) -> usize {
    [45, 135, 90, 0][(at - 1) % 4]
}

fn legend(histogram: &Histogram, id: &str) -> Markup {
    let places = f64::from(u32::try_from(histogram.arms.len().max(1)).unwrap_or(u32::MAX));
    let room = (RIGHT - LEFT) / places;
    markup! {
        @for (at, (arm, counts)) in (0_u32..).zip(&histogram.arms) {
            @let left = LEFT + room * f64::from(at);
            rect.arm.{ "arm-" (at % 4) } x=(number(left)) y="6" width="14" height="14" style=[style(at, id)] {}
            text.strong x=(number(left + 20.0)) y="18" { (clean(arm)) }
            text x=(number(left + 20.0)) y="33" { (counts.iter().sum::<u64>()) " ratings" }
        }
    }
}

/// The hatching; the style, because a class would win over an attribute.
fn style(at: u32, id: &str) -> Option<String> {
    (at > 0).then(|| format!("fill: url(#{id}-hatch-{at})"))
}
