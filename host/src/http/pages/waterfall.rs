//! Bars on a common scale of time: when each step of an attempt began, and how long it took.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// The width of the drawing, in its own units.
const WIDTH: f64 = 1000.0;
/// A step that took no time is seen all the same.
const LEAST: f64 = 3.0;

/// From when to when a drawing goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Scale {
    /// Over all of these instants; nothing if there are none.
    pub(super) fn over(instants: impl IntoIterator<Item = DateTime<Utc>>) -> Option<Self> {
        let mut instants = instants.into_iter();
        let first = instants.next()?;
        let (from, to) = instants.fold((first, first), |(from, to), at| (from.min(at), to.max(at)));
        Some(Self { from, to })
    }

    /// Left edge and width of a bar.
    fn place(self, from: DateTime<Utc>, to: DateTime<Utc>) -> (f64, f64) {
        let seconds = |span: chrono::TimeDelta| span.as_seconds_f64();
        let whole = seconds(self.to - self.from).max(0.001);
        let left = (seconds(from - self.from) / whole * WIDTH).clamp(0.0, WIDTH - LEAST);
        let width = (seconds(to - from) / whole * WIDTH).clamp(LEAST, WIDTH - left);
        (left, width)
    }

    /// A step's bar. One that is not over goes to the end of the scale.
    pub(super) fn bar(self, kind: &str, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Markup {
        let (left, width) = self.place(from, to.unwrap_or(self.to));
        html! {
            svg .bar viewBox={ "0 0 " (WIDTH) " 10" } preserveAspectRatio="none" aria-hidden="true" {
                rect .(kind) x={ (format!("{left:.1}")) } y="1" width={ (format!("{width:.1}")) } height="8" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_bar_lies_where_its_step_lies_in_time_and_can_always_be_seen() {
        let at = |ms| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms);
        let scale = Scale::over([at(0), at(4_000), at(1_000)]).expect("three instants");
        for (from, to, place) in [
            (0, 4_000, (0.0, 1000.0)),
            (1_000, 2_000, (250.0, 250.0)),
            (4_000, 4_000, (997.0, 3.0)),
            // The clock was set back.
            (2_000, 1_000, (500.0, 3.0)),
            (3_000, 9_000, (750.0, 250.0)),
        ] {
            assert_eq!(scale.place(at(from), at(to)), place, "{from} to {to}");
        }
        assert!(Scale::over([]).is_none());
        let instant = Scale::over([at(5)]).expect("one instant");
        assert_eq!(instant.place(at(5), at(5)), (0.0, 3.0));
    }
}
