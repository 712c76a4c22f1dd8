//! A persona signs in, and its JWT is renewed. What is done with either is not known here.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Mana;
use super::error::{Asked, ManaError, says_locked};
use super::exchange::{Answer, ask};
use super::header::prove;
use super::password::password;
use super::sign_in_form::SignInForm;
use super::signed_in::{Proof, SignedIn};
use super::token::expiry;
use domain::ids::PersonaId;

/// How often a sign-in that was turned away for coming too fast is repeated.
const REPEATS: u32 = 2;
/// The longest wait before such a repeat; who is told to wait longer fails now and comes with the next tick.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The wait when mana-auth does not say how long: the window of its rate limit (contract 3.3).
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// How long a lock lasts when mana-auth does not say it: from the last failure (contract 3.1).
const LOCKED: Duration = Duration::from_secs(30 * 60);
/// Whatever mana-auth says, the persona is tried again after a day.
const LONGEST_LOCK: Duration = Duration::from_secs(24 * 60 * 60);

impl Mana {
    /// Signs a persona in with its HMAC password (contract 3.1 and 3.5). A sign-in that came too fast
    /// waits as long as mana-auth asks, up to 30 seconds, and is repeated twice at most; one on a locked
    /// account never is. A persona that has a session already goes on with it, and only its JWT is new.
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked, or when the seed secret is empty.
    pub async fn sign_in(&self, email: &str) -> Result<SignedIn, ManaError> {
        match self.kept(email).await? {
            Some(signed_in) => Ok(signed_in),
            None => self.sign_in_anew(email).await,
        }
    }

    /// The persona's session, if mana-auth still knows it.
    async fn kept(&self, email: &str) -> Result<Option<SignedIn>, ManaError> {
        let Some(kept) = self.sessions.of(email) else { return Ok(None) };
        // The other form has nothing that a fresh JWT could be had for.
        let Proof::Cookie(cookie) = &kept.proof else { return Ok(None) };
        match self.renewed(&kept, cookie).await {
            Ok(fresh) => {
                self.sessions.renew(&fresh);
                Ok(Some(fresh))
            }
            Err(error) if error.is_unauthorized() => {
                self.sessions.forget(email);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn sign_in_anew(&self, email: &str) -> Result<SignedIn, ManaError> {
        let signed_in = self.sign_in_by_form(email).await?;
        let unused = self.sessions.keep(&signed_in);
        self.sign_out_each(&unused).await;
        Ok(signed_in)
    }

    async fn sign_in_by_form(&self, email: &str) -> Result<SignedIn, ManaError> {
        match self.options.sign_in {
            SignInForm::Cookie => self.sign_in_by_cookie(email).await,
            SignInForm::Bearer => self.sign_in_by_bearer(email).await,
            SignInForm::Auto => match self.sign_in_by_cookie(email).await {
                Err(error) if error.rules_out_cookies() => self.sign_in_by_bearer(email).await,
                tried => tried,
            },
        }
    }

    /// The same persona with a fresh JWT. The session outlives many of them (7 days against 15 minutes);
    /// when it has ended too, the persona signs in anew.
    ///
    /// # Errors
    /// As [`Mana::sign_in`], or when the sign-in gives another user.
    pub async fn refresh(&self, signed_in: &SignedIn) -> Result<SignedIn, ManaError> {
        let renewed = match &signed_in.proof {
            Proof::Cookie(cookie) => self.renewed(signed_in, cookie).await,
            Proof::Bearer(_) => return self.sign_in_anew(&signed_in.email).await?.is(&signed_in.user),
        };
        match renewed {
            Err(error) if error.is_unauthorized() => {
                self.sessions.forget(&signed_in.email);
                self.sign_in_anew(&signed_in.email).await?.is(&signed_in.user)
            }
            renewed => renewed,
        }
    }

    /// The same session with a fresh JWT.
    async fn renewed(&self, signed_in: &SignedIn, cookie: &SecretString) -> Result<SignedIn, ManaError> {
        let jwt = self.jwt_for(&signed_in.email, cookie).await?;
        let expires_at = expiry(&jwt, self.clock.now());
        Ok(SignedIn { jwt: jwt.into(), expires_at, ..signed_in.clone() })
    }

    /// What a real mana-auth accepts: the session cookie, and the JWT that it mints for it.
    pub(super) async fn sign_in_by_cookie(&self, email: &str) -> Result<SignedIn, ManaError> {
        let asked = Asked::login(email, SignInForm::Cookie);
        let answer = self.knock(&asked, email, "/api/auth/sign-in/email").await?;
        let cookie =
            cookies(&answer.headers).ok_or_else(|| ManaError::NoCookie { email: email.to_owned() })?;
        let opened: Opened = answer.json(&asked)?;
        let user = opened.user_id().ok_or_else(|| incomplete(email))?;
        let jwt = self.jwt_for(email, &cookie).await?;
        let expires_at = expiry(&jwt, self.clock.now());
        Ok(SignedIn {
            user,
            email: email.to_owned(),
            jwt: jwt.into(),
            expires_at,
            proof: Proof::Cookie(cookie),
        })
    }

    /// The first runner's form: everything comes in one answer, and there is no cookie.
    async fn sign_in_by_bearer(&self, email: &str) -> Result<SignedIn, ManaError> {
        let asked = Asked::login(email, SignInForm::Bearer);
        let opened: Opened = self.knock(&asked, email, "/api/v1/auth/login").await?.json(&asked)?;
        let user = opened.user_id().ok_or_else(|| incomplete(email))?;
        let access = opened.access_token.filter(|token| !token.is_empty());
        let session = opened.token.filter(|token| !token.is_empty());
        let jwt = access.clone().or_else(|| session.clone()).ok_or_else(|| incomplete(email))?;
        let proof = Proof::Bearer(session.unwrap_or_else(|| jwt.clone()).into());
        let expires_at = expiry(&jwt, self.clock.now());
        Ok(SignedIn { user, email: email.to_owned(), jwt: jwt.into(), expires_at, proof })
    }

    /// The JWT of the session that the cookie stands for (contract 3.3).
    async fn jwt_for(&self, email: &str, cookie: &SecretString) -> Result<String, ManaError> {
        #[derive(Deserialize)]
        struct Minted {
            token: Option<String>,
        }
        let asked = Asked::login(email, SignInForm::Cookie);
        let (name, value) = prove(&asked, &Proof::Cookie(cookie.clone()))?;
        let request = self.http.get(self.auth("/api/auth/token")).header(name, value);
        let minted: Minted = ask(&asked, request).await?.accepted(&asked)?.json(&asked)?;
        minted.token.filter(|token| !token.is_empty()).ok_or_else(|| incomplete(email))
    }

    /// Sends email and password, and patiently so.
    async fn knock(&self, asked: &Asked, email: &str, path: &str) -> Result<Answer, ManaError> {
        let password = password(&self.options.seed_secret, email)?;
        let credentials = json!({"email": email, "password": password.expose_secret()});
        let mut repeats = 0;
        loop {
            let answer = ask(asked, self.http.post(self.auth(path)).json(&credentials)).await?;
            match wait_before_repeat(&answer) {
                Some(wait) if repeats < REPEATS && wait <= LONGEST_WAIT => {
                    repeats += 1;
                    self.waits.tell(email, self.clock.now() + wait);
                    tokio::time::sleep(wait).await;
                }
                _ if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    let until = self.clock.now() + wait_before_next(&answer);
                    return Err(ManaError::not_yet(asked, answer.body(), until));
                }
                _ => return answer.accepted(asked),
            }
        }
    }
}

/// The part of both sign-ins' answers that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    token: Option<String>,
    access_token: Option<String>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: Option<String>,
}

impl Opened {
    fn user_id(&self) -> Option<PersonaId> {
        let id = self.user.as_ref()?.id.as_ref()?;
        (!id.is_empty()).then(|| PersonaId::new(id))
    }
}

fn incomplete(email: &str) -> ManaError {
    ManaError::LoginIncomplete { email: email.to_owned() }
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

/// Every cookie that an answer sets, as the value of a `Cookie` header; a later one replaces an
/// earlier one of its name, and an empty one takes it away.
fn cookies(headers: &HeaderMap) -> Option<SecretString> {
    let mut kept: Vec<(&str, &str)> = Vec::new();
    for set in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        let pair = set.split_once(';').map_or(set, |(pair, _)| pair);
        let Some((name, value)) = pair.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        kept.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            kept.push((name, value));
        }
    }
    let pairs: Vec<String> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("; ").into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_cookie_pair_is_kept_and_the_last_of_a_name_wins() {
        for (set, expected) in [
            (vec![], None),
            (
                vec!["mana.session_token=t.s%3D; Max-Age=604800; Path=/; HttpOnly"],
                Some("mana.session_token=t.s%3D"),
            ),
            (vec!["a=1; Path=/", "b=2", "a=3"], Some("b=2; a=3")),
            (vec!["a=1", "a=; Max-Age=0"], None),
            (vec!["nonsense"], None),
            (vec!["a=b=c"], Some("a=b=c")),
        ] {
            let mut headers = HeaderMap::new();
            for line in &set {
                headers.append(SET_COOKIE, HeaderValue::from_static(line));
            }
            let cookie = cookies(&headers);
            assert_eq!(cookie.as_ref().map(SecretString::expose_secret), expected, "{set:?}");
        }
    }
}
