//! Values over time. uPlot draws them; without scripts they are a table.

use chrono::DateTime;
use maud::{Markup, html};
use serde_json::json;

/// Values over time.
pub(super) struct Chart {
    /// What is to be seen, for who cannot see it.
    pub(super) says: &'static str,
    /// Seconds since 1970, rising.
    pub(super) times: Vec<i64>,
    /// The lines.
    pub(super) series: Vec<Series>,
    /// From where to where the values can go, if that is known.
    pub(super) within: Option<(f64, f64)>,
}

/// A line.
pub(super) struct Series {
    /// What it is of.
    pub(super) name: String,
    /// A value for each time, or none.
    pub(super) values: Vec<Option<f64>>,
}

/// The place where it is drawn, with what is drawn.
pub(super) fn chart(Chart { says, times, series, within }: &Chart) -> Markup {
    let names: Vec<&str> = series.iter().map(|own| own.name.as_str()).collect();
    let values: Vec<&[Option<f64>]> = series.iter().map(|own| own.values.as_slice()).collect();
    let drawn = json!({ "times": times, "names": names, "values": values, "within": within }).to_string();
    html! {
        figure .chart role="img" aria-label=(says) data-chart=(drawn) {}
        details {
            summary { "The same as a table" }
            div .wide tabindex="0" role="region" aria-label="Values" {
                table {
                    thead { tr { th { "When" } @for name in &names { th .number { (name) } } } }
                    tbody {
                        @for (at, time) in times.iter().enumerate().rev() {
                            tr {
                                td { (DateTime::from_timestamp(*time, 0).map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()) }
                                @for own in series { td .number { @if let Some(value) = own.values.get(at).copied().flatten() { (value) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
