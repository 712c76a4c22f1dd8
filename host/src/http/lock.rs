//! The admin tokens, those to look with, and the names that this server answers to. It knows no route.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::digest::{Digest, SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConstantTimeEq as _};

/// How many wrong tokens are answered like any other within [`SPAN`].
const WRONG: u32 = 10;
const SPAN: Duration = Duration::from_secs(60);

/// The admin tokens, and the names that this server answers to.
pub struct Lock {
    /// What tokens are is not kept.
    tokens: Vec<Digest>,
    /// Nor what those are that open only what shows.
    views: Vec<Digest>,
    names: Vec<String>,
    is_for_all: bool,
    wrong: Mutex<Wrong>,
}

/// What came of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It is one of ours.
    Right,
    /// It is one of those with which one may look, and no more.
    ToLook,
    /// It is none of ours; the first one within a minute.
    WrongAnew,
    /// It is none of ours.
    Wrong,
    /// It is none of ours, and too many of them came. A right one is still heard.
    WrongTooOften,
}

/// The wrong tokens since `since`.
struct Wrong {
    since: Instant,
    count: u32,
}

impl Lock {
    /// Each of `tokens` opens it, while one is exchanged for the other; an empty one is none. Beside loopback and its
    /// own address the server answers to `names`.
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a SecretString>, names: Vec<String>) -> Self {
        let wrong = Mutex::new(Wrong { since: Instant::now(), count: 0 });
        Self { tokens: digests(tokens), views: Vec::new(), names, is_for_all: false, wrong }
    }

    /// The same with tokens that open what only shows, and no deed; an empty one is none.
    #[must_use]
    pub fn to_look<'a>(self, tokens: impl IntoIterator<Item = &'a SecretString>) -> Self {
        Self { views: digests(tokens), ..self }
    }

    /// The same, for this machine too if `is_so`: every user of it comes from loopback.
    #[must_use]
    pub fn for_all(self, is_so: bool) -> Self {
        Self { is_for_all: is_so, ..self }
    }

    /// Whether anybody can have a right one, for a deed or to look.
    pub(super) fn has_tokens(&self, to_look: bool) -> bool {
        !self.tokens.is_empty() || to_look && !self.views.is_empty()
    }

    pub(super) fn is_for_all(&self) -> bool {
        self.is_for_all
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a token is one of ours. Digests are compared, and all of them whatever comes of the first, so that the
    /// time it takes tells nothing about a token.
    pub(super) fn try_token(&self, token: &str) -> Tried {
        let given = digest(&SHA256, token.as_bytes());
        let same = |own: &Digest| own.as_ref().ct_eq(given.as_ref());
        let is_in = |own: &[Digest]| own.iter().map(same).fold(Choice::from(0), |one, other| one | other);
        let (is_ours, is_to_look) = (is_in(&self.tokens), is_in(&self.views));
        if bool::from(is_ours) {
            return Tried::Right;
        }
        if bool::from(is_to_look) {
            return Tried::ToLook;
        }
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).one_more(Instant::now())
    }
}

fn digests<'a>(tokens: impl IntoIterator<Item = &'a SecretString>) -> Vec<Digest> {
    let tokens = tokens.into_iter().map(SecretString::expose_secret).filter(|token| !token.is_empty());
    tokens.map(|token| digest(&SHA256, token.as_bytes())).collect()
}

impl Wrong {
    fn one_more(&mut self, now: Instant) -> Tried {
        if now.duration_since(self.since) >= SPAN {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        match self.count {
            1 => Tried::WrongAnew,
            2..=WRONG => Tried::Wrong,
            _ => Tried::WrongTooOften,
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("tokens", &(self.tokens.len() + self.views.len()))
            .field("names", &self.names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tokens_of_an_exchange_open_it_and_nothing_that_looks_like_them() {
        let tokens: [SecretString; 2] = ["nightingale-of-may".into(), "Blackbird-of-June".into()];
        for (given, opens) in [
            ("nightingale-of-may", true),
            ("Blackbird-of-June", true),
            ("", false),
            ("nightingale-of-ma", false),
            ("nightingale-of-may ", false),
            ("Nightingale-of-may", false),
            ("blackbird-of-june", false),
        ] {
            let lock = Lock::new(&tokens, Vec::new());
            assert_eq!(lock.try_token(given) == Tried::Right, opens, "{given:?}");
        }
        let views: [SecretString; 2] = ["wren-of-the-morning".into(), "".into()];
        let lock = Lock::new(&tokens, Vec::new()).to_look(&views);
        for (given, came) in [
            ("nightingale-of-may", Tried::Right),
            ("wren-of-the-morning", Tried::ToLook),
            ("wren-of-the-mornin", Tried::WrongAnew),
            ("", Tried::Wrong),
        ] {
            assert_eq!(lock.try_token(given), came, "{given:?}");
        }
        let without = Lock::new(&["".into()], Vec::new());
        assert_ne!(without.try_token(""), Tried::Right, "no token is set");
    }

    #[test]
    fn wrong_ones_are_answered_less_after_a_while_and_the_right_one_always_opens() {
        let lock = Lock::new(&["nightingale-of-may".into()], Vec::new());
        assert_eq!(lock.try_token("a"), Tried::WrongAnew);
        for _ in 1..WRONG {
            assert_eq!(lock.try_token("b"), Tried::Wrong);
        }
        assert_eq!(lock.try_token("c"), Tried::WrongTooOften);
        assert_eq!(lock.try_token("nightingale-of-may"), Tried::Right);
        let mut wrong = lock.wrong.lock().expect("nobody panicked");
        let since = wrong.since;
        assert_eq!(wrong.one_more(since + SPAN / 2), Tried::WrongTooOften);
        assert_eq!(wrong.one_more(since + SPAN), Tried::WrongAnew);
    }

    #[test]
    fn no_token_can_be_seen_in_it() {
        let lock = Lock::new(&["nightingale-of-may".into()], vec!["personas.internal".to_owned()]);
        assert_eq!(format!("{lock:?}"), r#"Lock { tokens: 1, names: ["personas.internal"] }"#);
    }
}
