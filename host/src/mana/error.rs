//! What can go wrong with mana-auth, in the words of the first runner where it had some (contract 7.2).

use chrono::{DateTime, Utc};
use http::StatusCode;

use super::asked::Asked;
use super::doubts::SignInsStopped;
use super::password::EmptySeedSecret;
use super::sign_in_form::SignInForm;
use domain::code::Code;
use domain::fault;
use domain::ids::PersonaId;

/// How much of an answer's body an error quotes, in characters.
const QUOTED: usize = 300;

/// Why a question to mana-auth has no good answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManaError {
    /// mana-auth answered, but not with success.
    #[error("{asked}: HTTP {status} — {body}")]
    Refused {
        /// The question.
        asked: Asked,
        /// The answer's status.
        status: u16,
        /// The first 300 characters of its body.
        body: String,
    },
    /// mana-auth refused this password like those of others before.
    #[error("{asked}: HTTP 401 — {body}")]
    AllRefused {
        /// The question.
        asked: Asked,
        /// The first 300 characters of the answer's body.
        body: String,
    },
    /// mana-auth answered that the account is locked, or that it is asked too fast.
    #[error("{asked}: HTTP 429 — {body}")]
    NotYet {
        /// The question.
        asked: Asked,
        /// The first 300 characters of the answer's body.
        body: String,
        /// Before then it makes no sense to ask again.
        until: DateTime<Utc>,
    },
    /// mana-auth was not asked: the passwords of others are refused, and this one's would be, too.
    #[error("Persona login for {email} was not tried: {stopped}")]
    SignInsStopped {
        /// Who was to sign in.
        email: String,
        /// Why, and until when.
        stopped: SignInsStopped,
    },
    /// The program was told to stop while the sign-in waited for its time.
    #[error("Persona login for {email} was not tried: persona-host stops")]
    Stopping {
        /// Who was to sign in.
        email: String,
    },
    /// The sign-in succeeded, but as somebody else than mana-auth's own list says.
    #[error("Persona login for {email} gave user {found}, but who is due is user {expected}")]
    OtherUser {
        /// Who signed in.
        email: String,
        /// Whose turn it is.
        expected: PersonaId,
        /// Who was let in.
        found: PersonaId,
    },
    /// The sign-in succeeded, but its answer lacks the token or the user's id.
    #[error("Persona login response missing token/user.id for {email}")]
    LoginIncomplete {
        /// Who signed in.
        email: String,
    },
    /// The sign-in succeeded, but set no cookie, without which nothing else can be asked.
    #[error("Persona login set no session cookie for {email}")]
    NoCookie {
        /// Who signed in.
        email: String,
    },
    /// The persona belongs to no space.
    #[error("Persona {email} has no spaces — signup flow did not auto-create one?")]
    NoSpace {
        /// Whose spaces.
        email: String,
    },
    /// Nobody listens at the address.
    #[error("{asked}: cannot connect to {url} ({cause})")]
    Unreachable {
        /// The question.
        asked: Asked,
        /// Where it was to go.
        url: String,
        /// Why it did not.
        cause: String,
    },
    /// The connection was there, the answer did not come or broke off. It may have been carried out.
    #[error("{asked}: no answer from {url} ({cause})")]
    NoAnswer {
        /// The question.
        asked: Asked,
        /// Where it went.
        url: String,
        /// What happened instead.
        cause: String,
    },
    /// A success whose body is not what the contract says.
    #[error("{asked}: cannot read the answer of {url} ({cause})")]
    Unreadable {
        /// The question.
        asked: Asked,
        /// Who answered.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A key, token or cookie holds a character that no HTTP header can carry.
    #[error("{asked}: the key or token holds a character that no HTTP header can carry")]
    Unsendable {
        /// The question.
        asked: Asked,
    },
    /// It is asked of a recording, which does not have it.
    #[error("{asked}: {why}")]
    Unrecorded {
        /// The question.
        asked: Asked,
        /// How it differs from what was recorded.
        why: String,
    },
    /// There is nothing to make passwords from.
    #[error(transparent)]
    EmptySeedSecret(#[from] EmptySeedSecret),
}

impl ManaError {
    pub(super) fn refused(asked: &Asked, status: StatusCode, body: &str) -> Self {
        Self::Refused {
            asked: asked.clone(),
            status: status.as_u16(),
            body: body.chars().take(QUOTED).collect(),
        }
    }

    pub(super) fn all_refused(asked: &Asked, body: &str) -> Self {
        Self::AllRefused { asked: asked.clone(), body: body.chars().take(QUOTED).collect() }
    }

    pub(super) fn not_yet(asked: &Asked, body: &str, until: DateTime<Utc>) -> Self {
        Self::NotYet { asked: asked.clone(), body: body.chars().take(QUOTED).collect(), until }
    }

    pub(super) fn unreachable(asked: &Asked, url: &str, cause: String) -> Self {
        Self::Unreachable { asked: asked.clone(), url: url.to_owned(), cause }
    }

    pub(super) fn no_answer(asked: &Asked, url: &str, cause: String) -> Self {
        Self::NoAnswer { asked: asked.clone(), url: url.to_owned(), cause }
    }

    pub(super) fn unreadable(asked: &Asked, url: &str, cause: String) -> Self {
        Self::Unreadable { asked: asked.clone(), url: url.to_owned(), cause }
    }

    /// The word of its code, for records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault_code().word()
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        match self {
            Self::Refused { asked, status, body } => asked.refusal_code(*status, body),
            Self::NotYet { asked, body, .. } => asked.refusal_code(429, body),
            Self::AllRefused { .. } => Code::LoginRefused,
            Self::SignInsStopped { .. } => Code::LoginStopped,
            Self::Stopping { .. } => Code::Stopping,
            Self::OtherUser { .. } => Code::LoginOtherUser,
            Self::LoginIncomplete { .. } => Code::LoginIncomplete,
            Self::NoCookie { .. } => Code::LoginNoCookie,
            Self::NoSpace { .. } => Code::NoSpace,
            Self::Unreachable { .. } => Code::ManaUnreachable,
            Self::NoAnswer { .. } => Code::ManaNoAnswer,
            Self::Unreadable { .. } => Code::ManaUnreadable,
            Self::Unsendable { .. } => Code::ManaUnsendable,
            Self::Unrecorded { .. } => Code::NotRecorded,
            Self::EmptySeedSecret(_) => Code::SeedSecretEmpty,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.fault_code() {
            Code::LoginRefused if matches!(self, Self::AllRefused { .. }) => SignInsStopped::HINT,
            Code::LoginRefused if self.counts_failures() => {
                "Is PERSONA_SEED_SECRET the one that this persona was seeded with? Changing it does not change \
                 existing passwords: seed again under the old secret, or delete the persona and seed it anew. \
                 Five failures lock the account."
            }
            Code::LoginRefused => {
                "Is PERSONA_SEED_SECRET the one that this persona was seeded with? Changing it does not change \
                 existing passwords: seed again under the old secret, or delete the persona and seed it anew."
            }
            Code::LoginUnverified => "Seed the persona again: seeding marks its email address as verified.",
            Code::LoginLocked => {
                "Wait until the lock ends (30 minutes after the last failure): the persona is held so long. Check \
                 PERSONA_SEED_SECRET before; five more failures lock it again."
            }
            Code::LoginLimited => {
                "mana-auth was asked again when it said, and still takes no more: somebody else signs in from this address. \
                 Set mana.sign_in_limit lower, or let the other one stop."
            }
            Code::LoginStopped => SignInsStopped::HINT,
            Code::LoginOtherUser => {
                "Nothing was done in that account. Compare the persona's user id in mana-auth with its address; \
                 delete the persona there and seed it again."
            }
            Code::LoginIncomplete | Code::ManaUnreadable => {
                "Is that really mana-auth, and not a proxy or a page? Check MANA_AUTH_URL."
            }
            Code::LoginNoCookie => "Allow the Bearer form too: sign_in = \"auto\".",
            Code::NoSpace => "Delete the persona and seed it again: sign-up creates the personal space.",
            Code::SpaceRefused => {
                "mana-auth accepts only the session cookie here: sign_in = \"auto\" or \"cookie\"."
            }
            Code::ServiceKeyRefused => "MANA_SERVICE_KEY must be the one that mana-auth was started with.",
            Code::PersonaGone => "The persona was deleted in mana-auth; its rows have nowhere to go.",
            Code::WrongPath => "Check MANA_AUTH_URL and the path of the persona endpoints (personas_path).",
            Code::NotRecorded => fault::NOT_RECORDED_HINT,
            Code::ManaUnreachable => "Is mana-auth running at that address? Check MANA_AUTH_URL.",
            Code::ManaUnsendable if matches!(self, Self::Unsendable { asked } if asked.shows_the_service_key()) => {
                "Check MANA_SERVICE_KEY for line breaks and letters outside of ASCII."
            }
            Code::ManaUnsendable => {
                "That token was given out for this one; get it anew, or look into mana-auth's log."
            }
            Code::SeedSecretEmpty => {
                "Set PERSONA_SEED_SECRET to the secret that the personas were seeded with."
            }
            Code::DeliveryRefused if matches!(self, Self::Refused { status: 400..500, .. }) => {
                "mana-auth takes these rows never: they stay in the ledger as refused, and `turns show` tells of them. Look \
                 into mana-auth's log for the reason."
            }
            _ => "Look into mana-auth's log; the next tick tries again.",
        }
    }

    /// Whether every other persona would meet the same, so that the tick had better start no further turn.
    #[must_use]
    pub fn stops_tick(&self) -> bool {
        matches!(self, Self::Refused { asked: Asked::Due, .. } | Self::NotYet { asked: Asked::Due, .. })
            || matches!(self, Self::Unreachable { .. } | Self::EmptySeedSecret(_))
            || matches!(self, Self::Unsendable { asked } if asked.shows_the_service_key())
            || matches!(self, Self::SignInsStopped { .. } | Self::AllRefused { .. })
            || self.fault_code() == Code::ServiceKeyRefused
    }

    /// Whether mana-auth does not do its work, whatever it is asked.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            other => matches!(other, Self::Unreachable { .. } | Self::NoAnswer { .. }),
        }
    }

    /// Whether the same request may succeed later. What is not worth repeating is refused for good, and
    /// the outbox sets it aside. A wrong key or path is repeated, because the operator can put it right
    /// and nothing may be lost meanwhile.
    #[must_use]
    pub fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Refused { status: 401 | 403 | 408 | 425 | 429, .. } => true,
            Self::Refused { status: 404, .. } => self.fault_code() == Code::WrongPath,
            Self::Refused { status, .. } => !(400..500).contains(status),
            Self::NotYet { .. }
            | Self::AllRefused { .. }
            | Self::SignInsStopped { .. }
            | Self::Stopping { .. } => true,
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Unreadable { .. }
            | Self::Unsendable { .. }
            | Self::Unrecorded { .. } => true,
            Self::LoginIncomplete { .. }
            | Self::OtherUser { .. }
            | Self::NoCookie { .. }
            | Self::NoSpace { .. }
            | Self::EmptySeedSecret(_) => false,
        }
    }

    /// Before then it makes no sense to ask again, where mana-auth says so.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::NotYet { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Only mana-auth's own login counts failures and locks; better-auth's, with the cookie, does not (contract 3.1).
    fn counts_failures(&self) -> bool {
        matches!(self, Self::Refused { asked: Asked::Login { by: SignInForm::Bearer, .. }, .. })
    }

    /// Whether this answer to a cookie sign-in means that there is none.
    pub(super) fn rules_out_cookies(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. } | Self::NoCookie { .. })
    }

    /// Whether mana-auth does not know who asks: the session or the token has ended.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(asked: Asked, status: u16, body: &str) -> ManaError {
        ManaError::Refused { asked, status, body: body.to_owned() }
    }

    #[test]
    fn a_body_is_quoted_up_to_300_characters_and_none_is_split() {
        let status = StatusCode::BAD_GATEWAY;
        let error = ManaError::refused(&Asked::Spaces, status, &"ü".repeat(301));
        assert_eq!(error.to_string(), format!("Space list failed: HTTP 502 — {}", "ü".repeat(300)));
    }

    #[test]
    fn only_what_is_refused_for_good_is_not_repeated() {
        let gone = r#"{"error":"Persona not found"}"#;
        for (status, body, repeated) in [
            (400, r#"{"error":"Invalid JSON"}"#, false),
            (401, "", true),
            (403, "", true),
            (404, gone, false),
            (404, "404 Not Found", true),
            (408, "", true),
            (413, "", false),
            (422, "", false),
            (429, "", true),
            (500, "", true),
            (503, "", true),
        ] {
            let error = refused(Asked::Actions, status, body);
            assert_eq!(error.is_worth_repeating(), repeated, "{error}");
        }
        let (url, cause) = ("http://localhost:1", String::new());
        assert!(ManaError::unreachable(&Asked::Feedback, url, cause.clone()).is_worth_repeating());
        assert!(ManaError::no_answer(&Asked::Feedback, url, cause.clone()).is_worth_repeating());
        assert!(ManaError::unreadable(&Asked::Feedback, url, cause).is_worth_repeating());
    }

    #[test]
    fn only_the_login_that_locks_is_said_to_lock() {
        for (by, locks) in [(SignInForm::Cookie, false), (SignInForm::Bearer, true)] {
            let error = refused(Asked::login("a@mana.test", by), 401, "");
            assert_eq!(error.hint().contains("Five failures lock"), locks, "{by:?}");
        }
    }

    #[test]
    fn each_refusal_has_a_code_and_every_code_a_hint_of_its_own_kind() {
        let login = || Asked::login("a@mana.test", SignInForm::Cookie);
        for (error, code, stops_tick) in [
            (refused(login(), 401, ""), "login-refused", false),
            (refused(login(), 403, ""), "login-unverified", false),
            (refused(login(), 429, r#"{"error":"Account locked"}"#), "login-locked", false),
            (refused(login(), 429, r#"{"error":"ACCOUNT_LOCKED"}"#), "login-locked", false),
            (refused(login(), 429, ""), "login-limited", false),
            (refused(login(), 500, ""), "login-failed", false),
            (refused(Asked::Spaces, 401, ""), "space-refused", false),
            (refused(Asked::VaultInit, 500, ""), "vault-failed", false),
            (refused(Asked::Due, 401, ""), "service-key-refused", true),
            (refused(Asked::Due, 500, ""), "due-failed", true),
            (refused(Asked::Actions, 401, ""), "service-key-refused", true),
            (refused(Asked::Feedback, 400, ""), "delivery-refused", false),
            (ManaError::NoSpace { email: "a@mana.test".to_owned() }, "no-space", false),
            (ManaError::EmptySeedSecret(EmptySeedSecret), "seed-secret-empty", true),
            (ManaError::Unsendable { asked: Asked::Due }, "mana-unsendable", true),
            (ManaError::Unsendable { asked: Asked::VaultStatus }, "mana-unsendable", false),
        ] {
            assert_eq!((error.code(), error.stops_tick()), (code, stops_tick), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
}
