//! What the routes of mana-auth share: its options, its key and its database.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use ring::hmac;
use secrecy::SecretString;

use super::faults::Faults;
use super::limit::{SignInLimit, SignInsTaken};
use crate::database::{Database, DatabaseError, Moment};
use crate::random;
use crate::token::{self, AUDIENCE, Claims, DamagedKey, Signer, Verifier};
use domain::clock::Clock;

/// How long the token for `seed` is valid.
const ADMIN_LIFETIME: TimeDelta = TimeDelta::days(30);

/// How this mana-auth behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time that everything here goes by.
    pub clock: Clock,
    /// Where the rows are.
    pub database: Database,
    /// Its own address; the issuer of its tokens.
    pub base_url: String,
    /// What `X-Service-Key` has to be.
    pub service_key: SecretString,
    /// Rounds of PBKDF2 for new passwords. Few by default: it is a stand-in.
    pub password_rounds: NonZeroU32,
    /// How long a token is valid (contract 3.2: 15 minutes).
    pub token_lifetime: TimeDelta,
    /// Whether `organization/list` also takes the session token as `Authorization: Bearer`, as a
    /// deployment with better-auth's bearer plugin would (contract 11). The real one does not (D2).
    pub bearer_lists_organizations: bool,
    /// How many may sign in at once; none: better-auth's limit is off, as in development.
    pub sign_in_limit: Option<SignInLimit>,
}

/// The stand-in itself.
#[derive(Debug)]
pub struct ManaAuth {
    pub(super) options: Options,
    pub(super) signer: Signer,
    /// Signs session cookies.
    pub(super) cookie_key: hmac::Key,
    /// Held while a slug is chosen and taken.
    pub(super) signing_up: tokio::sync::Mutex<()>,
    sign_ins_taken: Mutex<SignInsTaken>,
    faults: Mutex<Faults>,
}

/// Why mana-auth cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its key could not be read or kept.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Its key is of no use.
    #[error(transparent)]
    Damaged(#[from] DamagedKey),
}

impl ManaAuth {
    /// Takes the signing key out of the database, or puts a new one there, so that tokens and cookies
    /// outlive a restart.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn new(options: Options) -> Result<Arc<Self>, KeyError> {
        let (kid, pkcs8) = signing_key(&options).await?;
        let signer = Signer::new(&pkcs8, kid)?;
        let cookie_key = hmac::Key::new(hmac::HMAC_SHA256, &pkcs8);
        let (signing_up, sign_ins_taken, faults) = Default::default();
        Ok(Arc::new(Self { options, signer, cookie_key, signing_up, sign_ins_taken, faults }))
    }

    /// What checks this mana-auth's tokens.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.signer.verifier()
    }

    /// A token with the role `admin`, valid for 30 days: what `seed` needs.
    #[must_use]
    pub fn admin_jwt(&self) -> String {
        let now = self.options.clock.now();
        self.signer.sign(&Claims {
            iat: now.timestamp(),
            sub: "stand-in-admin".to_owned(),
            email: "admin@mana.test".to_owned(),
            role: "admin".to_owned(),
            sid: "stand-in".to_owned(),
            tier: "founder".to_owned(),
            exp: (now + ADMIN_LIFETIME).timestamp(),
            iss: self.options.base_url.clone(),
            aud: AUDIENCE.to_owned(),
        })
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Whether the request at hand is one of those that go wrong; it is counted off.
    pub(super) fn takes_fault(&self, of: impl FnOnce(&mut Faults) -> &mut u32) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let left = of(&mut faults);
        let hit = *left > 0;
        *left = left.saturating_sub(1);
        hit
    }

    /// Takes a sign-in of either form, or gives the seconds after which there is one.
    pub(super) fn take_sign_in(&self) -> Result<(), i64> {
        let Some(limit) = self.options.sign_in_limit else { return Ok(()) };
        let mut taken = self.sign_ins_taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take(limit, self.options.clock.now())
    }

    /// The time, as rows keep it.
    pub(super) fn now(&self) -> Moment {
        self.options.clock.now().into()
    }

    pub(super) fn database(&self) -> &Database {
        &self.options.database
    }
}

async fn signing_key(options: &Options) -> Result<(String, Vec<u8>), KeyError> {
    let newest = "SELECT id, private_key FROM auth.jwks ORDER BY created_at DESC LIMIT 1";
    if let Some(row) = options.database.row(newest, &[]).await? {
        let pkcs8 = STANDARD.decode(row.text("private_key")?).map_err(|_| DamagedKey)?;
        return Ok((row.text("id")?, pkcs8));
    }
    let (kid, pkcs8) = (random::id(32), token::new_key());
    let public = Signer::new(&pkcs8, kid.as_str())?.verifier().jwks()["keys"][0].to_string();
    options
        .database
        .execute(
            "INSERT INTO auth.jwks (id, public_key, private_key, created_at) VALUES ($1, $2, $3, $4)",
            &[
                kid.as_str().into(),
                public.into(),
                STANDARD.encode(&pkcs8).into(),
                Moment::from(options.clock.now()).into(),
            ],
        )
        .await?;
    Ok((kid, pkcs8))
}
