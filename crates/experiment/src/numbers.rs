//! How numbers are written: with the digits that can be trusted, and with their unit.

use domain::experiment::Metric;

/// What stands where there is no number.
pub(crate) const NONE: &str = "–";

/// A number with its sign; the minus is as wide as the plus.
pub(crate) fn signed(number: f64, digits: usize) -> String {
    let written = plain(number.abs(), digits);
    if written.chars().all(|digit| matches!(digit, '0' | '.')) {
        return written;
    }
    format!("{}{written}", if number < 0.0 { '−' } else { '+' })
}

/// A number with groups of three digits.
pub(crate) fn plain(number: f64, digits: usize) -> String {
    let written = format!("{:.digits$}", number.abs());
    let (whole, rest) = written.split_at(written.find('.').unwrap_or(written.len()));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let is_zero = written.chars().all(|digit| matches!(digit, '0' | '.'));
    let sign = if number < 0.0 && !is_zero { "−" } else { "" };
    format!("{sign}{}{rest}", groups.join(","))
}

/// A count.
pub(crate) fn count(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of turns are far below 2^53")]
    plain(number as f64, 0)
}

/// A count with its noun.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// The smallest p-value that a test can reach.
pub(crate) fn floor(floor: f64) -> String {
    if floor < 0.001 { format!("{floor:.1e}") } else { plain(floor, 3) }
}

/// A p-value, for a sentence: `p = 0.031` or `p < 0.001`.
pub(crate) fn p(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

/// A p-value in a column.
pub(crate) fn p_cell(p: Option<f64>) -> String {
    p.map_or_else(|| NONE.to_owned(), |p| if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") })
}

/// A part of all.
pub(crate) fn percent(part: f64) -> String {
    format!("{} %", plain(part * 100.0, 1).trim_end_matches(".0"))
}

/// US dollars.
pub(crate) fn money(dollars: f64) -> String {
    format!("{}${}", if dollars < 0.0 { "−" } else { "" }, plain(dollars.abs(), 4))
}

/// How sure an interval is: `95 %` for an alpha of 0.05.
pub(crate) fn level(alpha: f64) -> String {
    let written = format!("{:.2}", (1.0 - alpha) * 100.0);
    format!("{} %", written.trim_end_matches('0').trim_end_matches('.'))
}

/// What a function makes of a number, or a dash.
pub(crate) fn or_none(number: Option<f64>, write: impl Fn(f64) -> String) -> String {
    number.map_or_else(|| NONE.to_owned(), write)
}

/// From one end to the other.
pub(crate) fn interval(low: Option<f64>, high: Option<f64>, write: impl Fn(f64) -> String) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", write(low), write(high)),
        _ => NONE.to_owned(),
    }
}

/// A value of a metric in its unit.
pub(crate) fn value(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Rating | Metric::Actions | Metric::Rounds => plain(value, 2),
        Metric::ToolSuccess | Metric::ParseFailures | Metric::Refusals | Metric::Faults => percent(value),
        Metric::Tokens => plain(value, 0),
        Metric::Cost => money(value),
        Metric::Latency => format!("{} s", plain(value, if value.abs() < 1.0 { 3 } else { 1 })),
    }
}

/// A difference of a metric in its unit, with its sign.
pub fn difference(metric: Metric, difference: f64) -> String {
    match metric {
        Metric::Rating | Metric::Actions | Metric::Rounds => signed(difference, 2),
        Metric::ToolSuccess | Metric::ParseFailures | Metric::Refusals | Metric::Faults => {
            format!("{} %-pts", signed(difference * 100.0, 1))
        }
        Metric::Tokens => signed(difference, 0),
        Metric::Cost => {
            let written = signed(difference, 4);
            let (sign, digits) = written.split_at(written.find(|c: char| c.is_ascii_digit()).unwrap_or(0));
            format!("{sign}${digits}")
        }
        Metric::Latency => format!("{} s", signed(difference, if difference.abs() < 1.0 { 3 } else { 1 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_and_their_unit() {
        for (metric, number, written) in [
            (Metric::Rating, 0.306, "+0.31"),
            (Metric::Rating, -0.306, "−0.31"),
            (Metric::Rating, -0.001, "0.00"),
            (Metric::ToolSuccess, 0.0123, "+1.2 %-pts"),
            (Metric::Tokens, -1234.6, "−1,235"),
            (Metric::Cost, -0.001_26, "−$0.0013"),
            (Metric::Cost, 0.0, "$0.0000"),
            (Metric::Latency, 3.26, "+3.3 s"),
        ] {
            assert_eq!(difference(metric, number), written, "{metric:?} {number}");
        }
    }

    #[test]
    fn values_have_the_digits_that_can_be_trusted() {
        for (metric, number, written) in [
            (Metric::Rating, 3.456, "3.46"),
            (Metric::Faults, 0.02, "2 %"),
            (Metric::Faults, 0.0215, "2.1 %"),
            (Metric::Tokens, 1_234_567.8, "1,234,568"),
            (Metric::Cost, 0.012_34, "$0.0123"),
            (Metric::Latency, 12.34, "12.3 s"),
        ] {
            assert_eq!(value(metric, number), written, "{metric:?} {number}");
        }
    }

    #[test]
    fn chances_are_never_written_as_none_at_all() {
        for (number, sentence, cell) in [
            (0.000_2, "p < 0.001", "< 0.001"),
            (0.001, "p = 0.001", "0.001"),
            (0.0308, "p = 0.031", "0.031"),
            (1.0, "p = 1.000", "1.000"),
        ] {
            assert_eq!((p(number).as_str(), p_cell(Some(number)).as_str()), (sentence, cell));
        }
        assert_eq!(p_cell(None), "–");
    }

    #[test]
    fn levels_follow_alpha() {
        for (alpha, written) in [(0.05, "95 %"), (0.1, "90 %"), (0.025, "97.5 %"), (0.05 / 3.0, "98.33 %")] {
            assert_eq!(level(alpha), written);
        }
    }
}
