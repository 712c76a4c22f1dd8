//! A persona signs in, and its JWT is renewed. What is done with either is not known here.

use http::HeaderMap;
use http::header::SET_COOKIE;
use secrecy::SecretString;
use serde::Deserialize;

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use super::header::prove;
use super::sign_in_form::SignInForm;
use super::signed_in::{Proof, SignedIn};
use super::token::expiry;
use domain::ids::PersonaId;

impl Mana {
    /// Signs a persona in with its HMAC password (contract 3.1 and 3.5). It waits until mana-auth takes another sign-in,
    /// and one that came too fast all the same is repeated twice at most; one on a locked account never is. A persona that
    /// has a session already goes on with it, and only its JWT is new.
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked, when the seed secret is empty, or when sign-ins are stopped because it
    /// seems to be wrong.
    pub async fn sign_in(&self, email: &str) -> Result<SignedIn, ManaError> {
        self.let_in(email, None).await
    }

    /// The same for a persona whose user is known. A session of anybody else is ended, and nothing else is done under it.
    ///
    /// # Errors
    /// As [`Mana::sign_in`], or when mana-auth lets somebody else in.
    pub async fn sign_in_as(&self, email: &str, user: &PersonaId) -> Result<SignedIn, ManaError> {
        self.let_in(email, Some(user)).await
    }

    async fn let_in(&self, email: &str, expected: Option<&PersonaId>) -> Result<SignedIn, ManaError> {
        match self.kept(email, expected).await? {
            Some(signed_in) => Ok(signed_in),
            None => self.sign_in_anew(email, expected).await,
        }
    }

    /// The persona's session, if it is of this user and mana-auth still knows it.
    async fn kept(&self, email: &str, expected: Option<&PersonaId>) -> Result<Option<SignedIn>, ManaError> {
        let Some(kept) = self.sessions.of(email) else { return Ok(None) };
        if expected.is_some_and(|user| *user != kept.user) {
            // The address has gone over to another user.
            self.sign_out_each(&self.sessions.forget(email)).await;
            return Ok(None);
        }
        // The other form has nothing that a fresh JWT could be had for.
        let Proof::Cookie(cookie) = &kept.proof else { return Ok(None) };
        match self.renewed(&kept, cookie).await {
            Ok(fresh) => {
                self.sessions.renew(&fresh);
                Ok(Some(fresh))
            }
            Err(error) if error.is_unauthorized() => {
                drop(self.sessions.forget(email));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn sign_in_anew(&self, email: &str, expected: Option<&PersonaId>) -> Result<SignedIn, ManaError> {
        let signed_in = self.sign_in_by_form(email, expected).await?;
        let unused = self.sessions.keep(&signed_in);
        self.sign_out_each(&unused).await;
        Ok(signed_in)
    }

    async fn sign_in_by_form(
        &self,
        email: &str,
        expected: Option<&PersonaId>,
    ) -> Result<SignedIn, ManaError> {
        match self.options.sign_in {
            SignInForm::Cookie => self.sign_in_by_cookie(email, expected).await,
            SignInForm::Bearer => self.sign_in_by_bearer(email, expected).await,
            SignInForm::Auto => match self.sign_in_by_cookie(email, expected).await {
                Err(error) if error.rules_out_cookies() => self.sign_in_by_bearer(email, expected).await,
                tried => tried,
            },
        }
    }

    /// The same persona with a fresh JWT. The session outlives many of them (7 days against 15 minutes);
    /// when it has ended too, the persona signs in anew.
    ///
    /// # Errors
    /// As [`Mana::sign_in_as`].
    pub async fn refresh(&self, signed_in: &SignedIn) -> Result<SignedIn, ManaError> {
        let renewed = match &signed_in.proof {
            Proof::Cookie(cookie) => self.renewed(signed_in, cookie).await,
            Proof::Bearer(_) => return self.sign_in_anew(&signed_in.email, Some(&signed_in.user)).await,
        };
        match renewed {
            Err(error) if error.is_unauthorized() => {
                drop(self.sessions.forget(&signed_in.email));
                self.sign_in_anew(&signed_in.email, Some(&signed_in.user)).await
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
    pub(super) async fn sign_in_by_cookie(
        &self,
        email: &str,
        expected: Option<&PersonaId>,
    ) -> Result<SignedIn, ManaError> {
        let asked = Asked::login(email, SignInForm::Cookie);
        let answer = self.knock(&asked, email, "/api/auth/sign-in/email").await?;
        let cookie =
            cookies(&answer.headers).ok_or_else(|| ManaError::NoCookie { email: email.to_owned() })?;
        let opened: Opened = answer.json(&asked)?;
        let user = opened.user_id().ok_or_else(|| incomplete(email))?;
        let proof = Proof::Cookie(cookie.clone());
        let user = self.right_user(email, user, expected, &proof).await?;
        let jwt = self.jwt_for(email, &cookie).await?;
        let expires_at = expiry(&jwt, self.clock.now());
        Ok(SignedIn { user, email: email.to_owned(), jwt: jwt.into(), expires_at, proof })
    }

    /// Ends the session of a user who is not the one that was meant.
    async fn right_user(
        &self,
        email: &str,
        found: PersonaId,
        expected: Option<&PersonaId>,
        proof: &Proof,
    ) -> Result<PersonaId, ManaError> {
        match expected {
            Some(expected) if *expected != found => {
                self.end_session(email, proof).await;
                Err(ManaError::OtherUser { email: email.to_owned(), expected: expected.clone(), found })
            }
            _ => Ok(found),
        }
    }

    /// The first runner's form: everything comes in one answer, and there is no cookie.
    async fn sign_in_by_bearer(
        &self,
        email: &str,
        expected: Option<&PersonaId>,
    ) -> Result<SignedIn, ManaError> {
        let asked = Asked::login(email, SignInForm::Bearer);
        let opened: Opened = self.knock(&asked, email, "/api/v1/auth/login").await?.json(&asked)?;
        let user = opened.user_id().ok_or_else(|| incomplete(email))?;
        let access = opened.access_token.filter(|token| !token.is_empty());
        let session = opened.token.filter(|token| !token.is_empty());
        let jwt = access.clone().or_else(|| session.clone()).ok_or_else(|| incomplete(email))?;
        let proof = Proof::Bearer(session.unwrap_or_else(|| jwt.clone()).into());
        let user = self.right_user(email, user, expected, &proof).await?;
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
        let answer = self.in_time(self.ask(&asked, request).await?, &asked)?;
        let minted: Minted = answer.accepted(&asked)?.json(&asked)?;
        minted.token.filter(|token| !token.is_empty()).ok_or_else(|| incomplete(email))
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
    use secrecy::ExposeSecret as _;

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
