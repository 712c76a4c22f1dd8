//! The neighbours together on loopback, from this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::claude;
use super::database::{Database, DatabaseError, DatabaseUrl};
use super::mana_auth::{self, KeyError, ManaAuth, SignInLimit};
use super::mana_mcp::{self, ManaMcp, PolicyMode};
use super::server::{BindError, Bound, Served};
use super::witness::Witness;
use domain::clock::Clock;

/// How the stand-ins behave together. [`StackOptions::on_free_ports`] has the usual values.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The time that all of them go by.
    pub clock: Clock,
    /// Where mana-auth and mana-mcp keep their rows.
    pub database: DatabaseUrl,
    /// Where mana-auth listens; port 0 is any free one.
    pub auth: SocketAddr,
    /// Where mana-mcp listens; port 0 is any free one.
    pub mcp: SocketAddr,
    /// Where the scripted Claude listens; port 0 is any free one.
    pub claude: SocketAddr,
    /// How the scripted Claude behaves.
    pub script: claude::Script,
    /// What mana-auth takes as `X-Service-Key`.
    pub service_key: SecretString,
    /// Rounds of PBKDF2 for new passwords.
    pub password_rounds: NonZeroU32,
    /// How long a JWT is valid.
    pub token_lifetime: TimeDelta,
    /// See [`mana_auth::Options::bearer_lists_organizations`].
    pub bearer_lists_organizations: bool,
    /// See [`mana_auth::Options::sign_in_limit`].
    pub sign_in_limit: Option<SignInLimit>,
    /// What mana-mcp does to somebody who calls too often.
    pub policy: PolicyMode,
    /// See [`mana_mcp::Options::spaces_list_fails`].
    pub spaces_list_fails: bool,
    /// Who looks on while all of them answer.
    pub witness: Witness,
}

impl StackOptions {
    /// Free ports, a database in memory, mana-auth's own default key, and the real services' behavior.
    #[must_use]
    pub fn on_free_ports(clock: Clock) -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            clock,
            database: DatabaseUrl::Memory,
            auth: any_port,
            mcp: any_port,
            claude: any_port,
            script: claude::Script::default(),
            service_key: SecretString::from("dev-service-key"),
            password_rounds: NonZeroU32::new(1_000).expect("a thousand is not zero"),
            token_lifetime: TimeDelta::minutes(15),
            bearer_lists_organizations: false,
            sign_in_limit: None,
            policy: PolicyMode::default(),
            spaces_list_fails: true,
            witness: Witness::nobody(),
        }
    }
}

/// Running stand-ins. Dropping it stops them at once; [`Stack::stop`] lets open requests end.
#[derive(Debug)]
pub struct Stack {
    database: Database,
    service_key: SecretString,
    auth: Arc<ManaAuth>,
    auth_server: Served,
    auth_url: String,
    mcp: Arc<ManaMcp>,
    mcp_server: Served,
    mcp_url: String,
    claude: claude::Serving,
}

/// Why the stand-ins did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// One of them cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The scripted Claude's listener is of no use.
    #[error("the scripted Claude cannot be served: {0}")]
    Claude(#[from] std::io::Error),
    /// Their database is out of reach.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// mana-auth's key is of no use.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Stack {
    /// Starts them all. Ports are taken before anything is written, so a taken one changes nothing.
    ///
    /// # Errors
    /// See [`StackError`]; what was started before is stopped.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        let auth_bound = Bound::to("mana-auth", options.auth).await?;
        let mcp_bound = Bound::to("mana-mcp", options.mcp).await?;
        let claude_bound = Bound::to("scripted Claude", options.claude).await?;
        let database = Database::open(&options.database).await?;
        let (listener, clock) = (claude_bound.into_listener(), options.clock.clone());
        let claude = claude::serve_watched(listener, options.script, clock, &options.witness)?;

        let auth = ManaAuth::new(mana_auth::Options {
            clock: options.clock.clone(),
            database: database.clone(),
            base_url: auth_bound.url(),
            service_key: options.service_key.clone(),
            password_rounds: options.password_rounds,
            token_lifetime: options.token_lifetime,
            bearer_lists_organizations: options.bearer_lists_organizations,
            sign_in_limit: options.sign_in_limit,
        })
        .await?;
        let mcp_stop = CancellationToken::new();
        let mcp = ManaMcp::new(mana_mcp::Options {
            clock: options.clock,
            database: database.clone(),
            verifier: auth.verifier(),
            policy: options.policy,
            spaces_list_fails: options.spaces_list_fails,
            stop: mcp_stop.clone(),
        });
        // The scripted Claude needs neither database nor key: bind it above with the others (so that a
        // taken port is noticed before anything is written), serve it here, stop it in `stop`.
        let auth_server =
            auth_bound.serve(options.witness.before("mana-auth", auth.router()), CancellationToken::new());
        let mcp_server = mcp_bound.serve(options.witness.before("mana-mcp", mcp.router()), mcp_stop);
        Ok(Self {
            database,
            service_key: options.service_key,
            auth_url: auth_server.url(),
            auth,
            auth_server,
            mcp_url: mcp_server.url(),
            mcp,
            mcp_server,
            claude,
        })
    }

    /// Where mana-auth is.
    #[must_use]
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// Where mana-mcp is, without `/mcp`.
    #[must_use]
    pub fn mcp_url(&self) -> &str {
        &self.mcp_url
    }

    /// Where the scripted Claude is, without `/v1`.
    #[must_use]
    pub fn claude_url(&self) -> &str {
        self.claude.url()
    }

    /// What mana-auth takes as `X-Service-Key`. It is no secret.
    #[must_use]
    pub fn service_key(&self) -> &str {
        self.service_key.expose_secret()
    }

    /// A token for `seed`, valid for 30 days (see [`ManaAuth::admin_jwt`]).
    #[must_use]
    pub fn admin_jwt(&self) -> String {
        self.auth.admin_jwt()
    }

    /// mana-auth itself, to set faults and make accounts.
    #[must_use]
    pub fn auth(&self) -> &ManaAuth {
        &self.auth
    }

    /// mana-mcp itself, to set faults and count sessions.
    #[must_use]
    pub fn mcp(&self) -> &ManaMcp {
        &self.mcp
    }

    /// The scripted Claude itself, to set faults and read its books.
    #[must_use]
    pub fn claude(&self) -> &claude::Serving {
        &self.claude
    }

    /// The database, to look at the rows.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stops them, mana-mcp first because it depends on the others, and closes the database.
    pub async fn stop(self) {
        self.mcp_server.stop().await;
        self.auth_server.stop().await;
        self.claude.stop().await;
        self.database.close().await;
    }
}
