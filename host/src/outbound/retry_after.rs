//! How long a neighbour asks to wait until it is asked again.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap};

/// How long an answer asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. The
/// date is compared with the answer's own, so that our clock need not be right.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked_for = text("retry-after-ms").and_then(|text| milliseconds(text, 1.0)).or_else(|| {
        let text = text("retry-after")?;
        milliseconds(text, 1000.0).or_else(|| {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
            (at - now).to_std().ok()
        })
    });
    asked_for.filter(|wait| !wait.is_zero())
}

fn milliseconds(text: &str, unit: f64) -> Option<Duration> {
    let milliseconds = text.parse::<f64>().ok()? * unit;
    let meant = milliseconds > 0.0 && milliseconds <= f64::from(i32::MAX);
    meant.then(|| Duration::from_secs_f64(milliseconds / 1000.0))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_wait_is_read_from_the_headers() {
        type Row = (&'static [(&'static str, &'static str)], Option<u64>);
        const DATE: (&str, &str) = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        let rows: [Row; 11] = [
            (&[], None),
            (&[("retry-after", "3")], Some(3000)),
            (&[("retry-after", "0.5")], Some(500)),
            (&[("retry-after-ms", "250"), ("retry-after", "3")], Some(250)),
            (&[("retry-after-ms", "soon"), ("retry-after", "3")], Some(3000)),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "99999999999")], None),
            (&[("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT"), DATE], Some(7000)),
            (&[("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT"), DATE], None),
            (&[("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT")], None),
        ];
        for (headers, expected) in rows {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(retry_after(&map), expected.map(Duration::from_millis), "{headers:?}");
        }
    }
}
