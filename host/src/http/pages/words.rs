//! How values are said on pages: times, money, counts and states.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::letter::{acts, one_line};
use maud::{Markup, html};

/// An instant as how long ago it was, or how long until then; exactly on hover, and for programs.
pub(super) fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let words = relative(at - now);
    html! { time datetime=(at.to_rfc3339_opts(SecondsFormat::Secs, true)) title=(exact) { (words) } }
}

fn relative(away: TimeDelta) -> String {
    let span = span(away.abs().to_std().unwrap_or_default());
    match away {
        away if away.num_seconds() == 0 => "now".to_owned(),
        away if away < TimeDelta::zero() => format!("{span} ago"),
        _ => format!("in {span}"),
    }
}

/// A length of time in its largest unit, as people say it.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{} ms", length.as_millis()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Milliseconds between two instants, as people say them.
pub(super) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    match (to - from).to_std() {
        Ok(length) if length.as_secs() < 10 => format!("{} ms", length.as_millis()),
        Ok(length) => span(length),
        Err(_) => "–".to_owned(),
    }
}

/// US dollars; an unknown price is none.
pub(super) fn money(usd: Option<f64>) -> String {
    match usd {
        None => "no price".to_owned(),
        Some(usd) if usd < 0.1 => format!("${usd:.4}"),
        Some(usd) => format!("${usd:.2}"),
    }
}

/// A number of things with its word.
pub(super) fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// Tokens, roughly.
pub(super) fn tokens(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let float = number as f64;
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{:.1} k", float / 1e3),
        _ => format!("{:.2} M", float / 1e6),
    }
}

/// A state in its word; the colour only repeats it.
pub(super) fn state(word: &str) -> Markup {
    let kind = match word {
        "completed" | "serving" | "ok" | "closed" => "good",
        "faulted" | "refused" | "open" | "error" => "bad",
        "running" | "canary" | "half-open" | "new" => "live",
        "held" | "parked" | "skipped" | "paused" | "stopped" | "previous" | "unknown" => "odd",
        _ => "plain",
    };
    html! { span .state .(kind) { (word) } }
}

/// The beginning of an id, of which the whole is said on hover.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Text of whoever wrote it, in one line.
pub(super) fn line(text: &str) -> String {
    one_line(text)
}

/// The same with its lines.
pub(super) fn text(text: &str) -> String {
    let shown = |letter| if acts(letter) && !matches!(letter, '\n' | '\t') { '\u{fffd}' } else { letter };
    text.chars().map(shown).collect()
}

/// What a page says where there is nothing, and what to do about that.
pub(super) fn nothing(what: &str, next: &Markup) -> Markup {
    html! { div .nothing { p { (what) } (next) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_largest_unit() {
        for (seconds, words) in [
            (0, "now"),
            (-1, "1 s ago"),
            (-119, "119 s ago"),
            (-121, "2 min ago"),
            (3_600, "in 60 min"),
            (-86_400, "24 h ago"),
            (-259_200, "3 days ago"),
        ] {
            assert_eq!(relative(TimeDelta::seconds(seconds)), words, "{seconds}");
        }
    }

    #[test]
    fn what_others_wrote_is_text_and_nothing_else() {
        let shown = html! { td { (line("<script>alert(1)</script>\u{202e}\nx")) } }.into_string();
        assert!(
            !shown.contains("<script") && !shown.contains('\u{202e}') && !shown.contains('\n'),
            "{shown}"
        );
    }
}
