//! How far the clocks of the neighbours are from ours. Tokens end by theirs, and slots and budgets by ours.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header::DATE;

use super::finding::Look;
use crate::outbound::Client;
use domain::clock::Clock;

/// A Date header has no parts of a second, and a minute before its end a token is renewed.
const AGREE: TimeDelta = TimeDelta::seconds(30);
const PATIENCE: Duration = Duration::from_secs(5);

/// Compares the clock of a neighbour with ours, by what it stamps its answers with.
pub(super) async fn look(look: &mut Look, who: &str, url: &str, http: &Client) {
    let asked = Clock::system().now();
    let Ok(answer) = http.get(url).timeout(PATIENCE).send().await else {
        return look.left_out.push(format!("the clock of {who}: nobody answers at {url}"));
    };
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    match date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
        Some(theirs) => compare(look, who, url, (asked, Clock::system().now()), theirs.to_utc()),
        None => look.left_out.push(format!("the clock of {who}: its answers have no Date")),
    }
}

/// Compares a neighbour's time with ours before and after it was asked.
pub(super) fn compare(
    look: &mut Look,
    who: &str,
    at: &str,
    (before, after): (DateTime<Utc>, DateTime<Utc>),
    theirs: DateTime<Utc>,
) {
    let skew = match theirs {
        early if early < before => early - before,
        late if late > after => late - after,
        _ => TimeDelta::zero(),
    };
    if skew.abs() <= AGREE {
        return look.sound.push(format!("the clock of {who} agrees with this machine's"));
    }
    let seconds = skew.abs().num_seconds().unsigned_abs();
    let (span, how) =
        (Duration::from_secs(seconds), if skew < TimeDelta::zero() { "behind" } else { "ahead of" });
    look.wrong(
        format!("the clock of {who} is {} {how} this machine's", humantime::format_duration(span)),
        Some(at.to_owned()),
        "one of the two clocks is wrong: tokens end too early or are not valid yet, and slots come at the wrong time",
        "set both by NTP: `timedatectl set-ntp true` there and here; `date -u` shows which of them is wrong",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_within_half_a_minute_of_the_time_that_the_answer_took() {
        let at = |seconds: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        for (theirs, says) in [
            (at(0), None),
            (at(4), None),
            (at(35), None),
            (at(-30), None),
            (at(-31), Some("is 31s behind this machine's")),
            (at(5 + 7_200), Some("is 2h ahead of this machine's")),
        ] {
            let mut look = Look::at("clocks");
            compare(&mut look, "mana-auth", "http://localhost:3001", (at(0), at(5)), theirs);
            let told = look.found.first().map(|own| own.what.trim_start_matches("the clock of mana-auth "));
            assert_eq!(told, says, "{theirs}");
        }
    }
}
