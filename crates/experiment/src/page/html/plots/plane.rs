//! What a turn costs against how it is rated: a mark for each arm.

use maud::{Markup, html as markup};

use super::axis::{Axis, span};
use super::canvas::{WIDTH, number};
use crate::numbers::plain;
use crate::page::inert::clean;
use crate::page::model::{Plane, PlanePoint};

const LEFT: f64 = 40.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 226.0;

/// The drawing and its height.
pub(super) fn plane(plane: &Plane) -> (f64, Markup) {
    let x = Axis::new(roomy(span(plane.points.iter().flat_map(costs)), 0.15, f64::INFINITY), (LEFT, RIGHT));
    let y = Axis::new(roomy(span(plane.points.iter().flat_map(ratings)), 0.2, 5.0), (BOTTOM, TOP));
    let (costs, digits) = x.ticks(4.0);
    let (ratings, rating_digits) = y.ticks(5.0);
    let drawing = markup! {
        @for cost in costs {
            line.grid x1=(number(x.at(cost))) x2=(number(x.at(cost))) y1=(number(TOP)) y2=(number(BOTTOM)) {}
            text x=(number(x.at(cost))) y=(number(BOTTOM + 18.0)) text-anchor="middle" { "$" (plain(cost, digits)) }
        }
        @for rating in ratings {
            line.grid x1=(number(LEFT)) x2=(number(RIGHT)) y1=(number(y.at(rating))) y2=(number(y.at(rating))) {}
            text x=(number(LEFT - 6.0)) y=(number(y.at(rating) + 4.0)) text-anchor="end" { (plain(rating, rating_digits)) }
        }
        @for (at, point) in (0_u32..).zip(&plane.points) { (arm(at, point, &x, &y)) }
        text x="0" y="14" { "mean rating" }
        text x=(number(RIGHT)) y=(number(BOTTOM + 36.0)) text-anchor="end" { "US dollars of a turn" }
    };
    (BOTTOM + 42.0, drawing)
}

fn costs(point: &PlanePoint) -> [f64; 3] {
    let (low, high) = point.cost_interval.unwrap_or((point.cost, point.cost));
    [low, point.cost, high]
}

fn ratings(point: &PlanePoint) -> [f64; 3] {
    let (low, high) = point.rating_interval.unwrap_or((point.rating, point.rating));
    [low, point.rating, high]
}

/// The same with room at both ends; neither costs nor ratings are below zero.
fn roomy((low, high): (f64, f64), part: f64, most: f64) -> (f64, f64) {
    let room = (high - low) * part;
    ((low - room).max(0.0), (high + room).min(most.max(high)))
}

/// An arm: a shape of its own, and its intervals.
fn arm(at: u32, point: &PlanePoint, x: &Axis, y: &Axis) -> Markup {
    let (here, there) = (x.at(point.cost), y.at(point.rating));
    let (left, right) = (x.at(costs(point)[0]), x.at(costs(point)[2]));
    let (low, high) = (y.at(ratings(point)[0]), y.at(ratings(point)[2]));
    let (anchor, beside) = if here > LEFT + (RIGHT - LEFT) * 0.6 { ("end", -10.0) } else { ("start", 10.0) };
    let corner = |dx: f64, dy: f64| format!("{},{}", number(here + dx), number(there + dy));
    markup! {
        g.arm.{ "arm-" (at % 4) } {
            line x1=(number(left)) x2=(number(right)) y1=(number(there)) y2=(number(there)) {}
            line x1=(number(here)) x2=(number(here)) y1=(number(low)) y2=(number(high)) {}
            @match at % 4 {
                0 => circle cx=(number(here)) cy=(number(there)) r="6.5" {},
                1 => rect x=(number(here - 6.0)) y=(number(there - 6.0)) width="12" height="12" {},
                2 => polygon points={ (corner(0.0, -8.0)) " " (corner(7.5, 6.0)) " " (corner(-7.5, 6.0)) } {},
                _ => polygon points={ (corner(0.0, -8.0)) " " (corner(8.0, 0.0)) " " (corner(0.0, 8.0)) " " (corner(-8.0, 0.0)) } {},
            }
        }
        text.strong x=(number(here + beside)) y=(number(there - 10.0)) text-anchor=(anchor) { (clean(&point.arm)) }
    }
}
