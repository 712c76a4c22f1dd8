//! How an effect went from round to round, with the interval that holds at every look: the report's own numbers, drawn.

use experiment::report::{Comparison, Look};
use maud::{Markup, html};

use super::words::money;

/// The drawing's size, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;
/// So much is left free above and below, as a share of what lies between.
const ROOM: f64 = 0.125;

/// The course of a comparison. With `margin` an effect of less than that does not matter.
pub(super) fn trend(comparison: &Comparison, margin: f64) -> Markup {
    let course = &comparison.course;
    if course.len() < 2 {
        return html! { p .faint { "No trend yet: it takes two whole rounds." } };
    }
    let plane = Plane::over(course, margin);
    let band = plane.band(course);
    html! {
        figure .trend {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ "The effect of " (comparison.treatment) " against " (comparison.control) ", round by round, with its interval" } {
                @let (top, bottom) = (plane.y(margin), plane.y(-margin));
                rect .margin x="0" width=(WIDTH) y=(place(top)) height=(place(bottom - top)) {}
                line .zero x1="0" x2=(WIDTH) y1=(place(plane.y(0.0))) y2=(place(plane.y(0.0))) {}
                @if let Some(band) = &band { polygon .interval points=(band) {} }
                polyline .effect points=(plane.line(course)) {}
            }
            figcaption .faint {
                "Effect on " (comparison.primary.metric.name()) ", from " (signed(plane.low)) " at the bottom to " (signed(plane.high))
                " at the top; the strip around 0 is what does not matter (±" (margin) "). "
                @if band.is_some() { "The band is the interval that holds at every look." } @else { "An interval that holds at every look takes more rounds." }
            }
        }
        details {
            summary { "The same as a table" }
            div .wide tabindex="0" role="region" aria-label="Round by round" {
                table {
                    thead { tr { th .number { "Round" } th .number { "Effect" } th .number { "from" } th .number { "to" } th .number { "Evidence e" } th .number { "Cost so far" } } }
                    tbody { @for look in course.iter().rev() { (row(look)) } }
                }
            }
        }
    }
}

fn row(look: &Look) -> Markup {
    let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), signed);
    html! {
        tr {
            td .number { (look.round) }
            td .number { (signed(look.effect)) }
            td .number { (or_dash(look.low)) }
            td .number { (or_dash(look.high)) }
            td .number { (format!("{:.2}", look.e)) }
            td .number { (money(look.cost)) }
        }
    }
}

fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

fn place(at: f64) -> String {
    format!("{at:.1}")
}

/// From rounds and effects to places in the drawing.
struct Plane {
    first: f64,
    last: f64,
    low: f64,
    high: f64,
}

impl Plane {
    fn over(course: &[Look], margin: f64) -> Self {
        let values = course.iter().flat_map(|look| [Some(look.effect), look.low, look.high]).flatten();
        let values = values.filter(|value| value.is_finite());
        let least = margin.abs().max(1e-6) * 1.2;
        let (low, high) = values.fold((-least, least), |(low, high), own| (low.min(own), high.max(own)));
        let room = (high - low) * ROOM;
        let (low, high) = (low - room, high + room);
        let round = |look: Option<&Look>| look.map_or(0.0, |look| f64::from(look.round));
        Self { first: round(course.first()), last: round(course.last()), low, high }
    }

    fn x(&self, round: u32) -> f64 {
        (f64::from(round) - self.first) / (self.last - self.first).max(1.0) * WIDTH
    }

    fn y(&self, value: f64) -> f64 {
        (self.high - value.clamp(self.low, self.high)) / (self.high - self.low) * HEIGHT
    }

    fn point(&self, round: u32, value: f64) -> String {
        format!("{},{}", place(self.x(round)), place(self.y(value)))
    }

    fn line(&self, course: &[Look]) -> String {
        let points: Vec<String> = course.iter().map(|look| self.point(look.round, look.effect)).collect();
        points.join(" ")
    }

    /// The interval, from where on it is known in two rounds or more: few do not say how far off the effect may be.
    fn band(&self, course: &[Look]) -> Option<String> {
        let known: Vec<(u32, f64, f64)> =
            course.iter().filter_map(|look| Some((look.round, look.low?, look.high?))).collect();
        let above = known.iter().map(|(round, _, high)| self.point(*round, *high));
        let below = known.iter().rev().map(|(round, low, _)| self.point(*round, *low));
        (known.len() > 1).then(|| above.chain(below).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(round: u32, effect: f64, within: Option<(f64, f64)>) -> Look {
        let (low, high) = within.unzip();
        Look { round, effect, low, high, e: 1.0, cost: None }
    }

    #[test]
    fn an_effect_lies_between_the_ends_of_its_interval_which_is_drawn_where_it_is_known() {
        let course = [look(1, 0.5, None), look(2, 0.0, Some((-1.0, 1.0))), look(3, 0.25, Some((0.0, 0.5)))];
        let plane = Plane::over(&course, 0.2);
        assert_eq!((plane.low, plane.high), (-1.25, 1.25));
        assert_eq!(plane.line(&course), "0.0,60.0 500.0,100.0 1000.0,80.0");
        assert_eq!(plane.band(&course).as_deref(), Some("500.0,20.0 1000.0,60.0 1000.0,100.0 500.0,180.0"));
        assert_eq!(plane.band(&course[..2]), None, "one round is no band");
    }
}
