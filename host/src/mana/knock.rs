//! A persona knocks at mana-auth's door with its password: in its turn, no faster than mana-auth takes it, and not at all
//! while passwords are refused. What comes of being let in is not known here.

use std::time::Duration;

use http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::asked::{Asked, says_locked};
use super::client::{Mana, News};
use super::doubts::Change;
use super::error::ManaError;
use super::exchange::Answer;
use super::pace::Head;
use super::password::password;

/// How often a sign-in that was turned away for coming too fast is repeated.
const REPEATS: u32 = 2;
/// The longest wait before such a repeat; who is told to wait longer fails now, and is held until then.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The wait when mana-auth does not say how long: the window of its rate limit (contract 3.3).
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// How long a lock lasts when mana-auth does not say it: from the last failure (contract 3.1).
const LOCKED: Duration = Duration::from_secs(30 * 60);
/// Whatever mana-auth says, the persona is tried again after a day.
const LONGEST_LOCK: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the answer to another is waited for while it is not known whether the secret is right.
const CAUTION: Duration = Duration::from_secs(5);

impl Mana {
    /// Sends email and password, and patiently so.
    pub(super) async fn knock(&self, asked: &Asked, email: &str, path: &str) -> Result<Answer, ManaError> {
        let password = password(&self.options.seed_secret, email)?;
        let credentials = json!({"email": email, "password": password.expose_secret()});
        let (mut head, mut repeats) = (None, 0);
        loop {
            // Also those who waited while others were refused.
            self.is_let_try(email)?;
            head = self.wait_for_a_turn(email, head).await?;
            self.is_let_try(email)?;
            let answer = self.ask(asked, self.http.post(self.auth(path)).json(&credentials)).await?;
            self.take_note(email, &answer);
            match wait_before_repeat(&answer) {
                Some(wait) if wait <= LONGEST_WAIT => {
                    let opens = self.pace.turned_away(wait, Instant::now());
                    if repeats < REPEATS {
                        repeats += 1;
                        self.tell_wait(email, opens);
                        continue;
                    }
                }
                _ => {}
            }
            return self.accepted(self.in_time(answer, asked)?, asked);
        }
    }

    /// Whoever came too fast is told when to come again.
    pub(super) fn in_time(&self, answer: Answer, asked: &Asked) -> Result<Answer, ManaError> {
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(answer);
        }
        let until = self.clock.now() + wait_before_next(&answer);
        Err(ManaError::not_yet(asked, &answer.quoted(), until))
    }

    fn is_let_try(&self, email: &str) -> Result<(), ManaError> {
        match self.doubts.against(email, self.clock.now()) {
            Some(stopped) => Err(ManaError::SignInsStopped { email: email.to_owned(), stopped }),
            None => Ok(()),
        }
    }

    /// A refusal is this persona's own, unless others met it, too.
    fn accepted(&self, answer: Answer, asked: &Asked) -> Result<Answer, ManaError> {
        let is_refused = answer.status == StatusCode::UNAUTHORIZED;
        match self.doubts.stopped().filter(|_| is_refused) {
            Some(_) => Err(ManaError::all_refused(asked, &answer.quoted())),
            None => answer.accepted(asked),
        }
    }

    /// Waits until this persona may knock. While it is not known that the secret is right one does so at a time, and stays
    /// at the head of the line until its answer is there.
    async fn wait_for_a_turn(&self, email: &str, head: Option<Head>) -> Result<Option<Head>, ManaError> {
        let in_line = async {
            let head = match head {
                Some(head) => Some(head),
                None => self.line_up(email).await,
            };
            while let Err(opens) = self.pace.take(Instant::now()) {
                tokio::time::sleep_until(opens).await;
            }
            head.filter(|_| !self.doubts.is_proven())
        };
        tokio::select! {
            // Who need not wait knocks at the last moment, too.
            biased;
            head = in_line => Ok(head),
            () = self.stop.cancelled() => Err(ManaError::Stopping { email: email.to_owned() }),
        }
    }

    async fn line_up(&self, email: &str) -> Option<Head> {
        if self.pace.is_limited() {
            if let Some(at) = self.pace.outlook(Instant::now()) {
                self.tell_wait(email, at);
            }
            return Some(self.pace.head().await);
        }
        if self.doubts.is_proven() {
            return None;
        }
        // A mana-auth that does not answer is met by all at once, and not by one after the other.
        tokio::time::timeout(CAUTION, self.pace.head()).await.ok()
    }

    fn tell_wait(&self, email: &str, at: Instant) {
        let until = self.clock.now() + at.saturating_duration_since(Instant::now());
        self.listener.tell(News::Waits { email, until });
    }

    /// What an answer says of all the others.
    fn take_note(&self, email: &str, answer: &Answer) {
        let change = match answer.status {
            // Only who has the right password is asked to verify the address.
            status if status.is_success() || status == StatusCode::FORBIDDEN => self.doubts.came_in(email),
            StatusCode::UNAUTHORIZED => self.doubts.refused(email, self.clock.now()),
            _ => None,
        };
        match change {
            Some(Change::Stopped(stopped)) => self.listener.tell(News::Stopped(stopped)),
            Some(Change::Over) => self.listener.tell(News::GoOn),
            None => {}
        }
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            self.pace.answered(Instant::now());
        }
    }
}

/// How long to wait before the same sign-in may succeed, if waiting helps at all.
fn wait_before_repeat(answer: &Answer) -> Option<Duration> {
    if answer.status != StatusCode::TOO_MANY_REQUESTS || says_locked(answer.body()) {
        return None;
    }
    Some(told_wait(answer).unwrap_or(USUAL_WAIT))
}

/// How long whoever was turned away at last had better not be asked for.
fn wait_before_next(answer: &Answer) -> Duration {
    let told = told_wait(answer).filter(|wait| !wait.is_zero());
    let usual = if says_locked(answer.body()) { LOCKED } else { USUAL_WAIT };
    told.unwrap_or(usual).min(LONGEST_LOCK)
}

/// What mana-auth says of it: both generations of its body, and the headers (contract 3.1).
fn told_wait(answer: &Answer) -> Option<Duration> {
    let body: Value = serde_json::from_str(answer.body()).unwrap_or_default();
    let in_body = ["remainingSeconds", "retryAfterSec"].iter().find_map(|name| body[*name].as_u64());
    let header = |name: &&str| answer.headers.get(*name)?.to_str().ok()?.trim().parse().ok();
    in_body.or_else(|| ["retry-after", "x-retry-after"].iter().find_map(header)).map(Duration::from_secs)
}
