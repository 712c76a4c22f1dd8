//! The rate limit of the Messages API: so many requests a minute, as a store that is full at first, is emptied by
//! requests and refilled at an even rate. A value; the time is passed in, as that since its beginning.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What is left of a limit.
#[derive(Clone, Debug)]
pub struct Limiter {
    limit: f64,
    left: f64,
    at: Duration,
}

/// What a request is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowed {
    /// Whether it is served.
    pub is_served: bool,
    /// If not: when the next one would be, in whole seconds as the API says it.
    pub retry_after: Option<Duration>,
    limit: f64,
    left: f64,
    full_in: f64,
}

impl Limiter {
    /// A full store of so many requests, that many of which come back in a minute.
    #[must_use]
    pub fn a_minute(requests: u32) -> Self {
        let limit = f64::from(requests.max(1));
        Self { limit, left: limit, at: Duration::ZERO }
    }

    /// A request. One that is refused takes nothing.
    pub fn take(&mut self, now: Duration) -> Allowed {
        let a_second = self.limit / 60.0;
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * a_second).min(self.limit);
        self.at = self.at.max(now);
        let is_served = self.left >= 1.0;
        if is_served {
            self.left -= 1.0;
        }
        let missing = Duration::from_secs_f64(((1.0 - self.left) / a_second).max(0.0));
        let retry_after =
            Duration::from_secs(missing.as_secs_f64().ceil() as u64).max(Duration::from_secs(1));
        Allowed {
            is_served,
            retry_after: (!is_served).then_some(retry_after),
            limit: self.limit,
            left: self.left.floor(),
            full_in: (self.limit - self.left) / a_second,
        }
    }
}

impl Allowed {
    /// The headers of the answer, which is of that time.
    #[must_use]
    pub fn headers(&self, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
        #[expect(clippy::cast_possible_truncation, reason = "minutes")]
        let full_at = now + TimeDelta::milliseconds((self.full_in * 1000.0) as i64);
        let mut headers = vec![
            ("date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            ("anthropic-ratelimit-requests-limit", self.limit.to_string()),
            ("anthropic-ratelimit-requests-remaining", self.left.to_string()),
            ("anthropic-ratelimit-requests-reset", full_at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ];
        if let Some(wait) = self.retry_after {
            headers.push(("retry-after", wait.as_secs().to_string()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_served_in_a_minute_and_the_next_one_is_told_when() {
        let mut limiter = Limiter::a_minute(30);
        let at = Duration::from_secs;
        assert!((0..30).all(|_| limiter.take(at(0)).is_served));
        let refused = limiter.take(at(1));
        assert_eq!((refused.is_served, refused.retry_after), (false, Some(at(1))));
        let headers = refused.headers(DateTime::UNIX_EPOCH);
        for header in [
            ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("anthropic-ratelimit-requests-limit", "30"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "1970-01-01T00:00:59Z"),
            ("retry-after", "1"),
        ] {
            assert!(headers.contains(&(header.0, header.1.to_owned())), "{header:?} of {headers:?}");
        }
        assert!(limiter.take(at(2)).is_served && !limiter.take(at(3)).is_served);
        let later = (0..100).filter(|_| limiter.take(at(600)).is_served).count();
        assert_eq!(later, 30, "no more is kept than a minute's worth");
    }
}
