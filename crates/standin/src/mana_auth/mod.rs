//! The stand-in mana-auth (contract 3 to 6): accounts, sessions, spaces, vaults and personas.
//!
//! It answers with the statuses and bodies that the real one was seen to give. It differs on purpose
//! in this: password hashes are cheap, because nobody's password is in here; there is a token with
//! the role `admin` ([`ManaAuth::admin_jwt`]), which the real one cannot issue (contract D10); the
//! vault's key is random and encrypts nothing; both generations of persona paths are served.

mod accounts;
mod admin;
mod answer;
mod auth;
mod better_auth;
mod due;
mod faults;
mod guards;
mod limit;
mod lockout;
mod login;
mod module_mix;
mod password;
mod personas;
mod routes;
mod rows;
mod sessions;
mod spaces;
mod vault;

pub use self::accounts::NewUser;
pub use self::auth::{KeyError, ManaAuth, Options};
pub use self::faults::Faults;
pub use self::limit::SignInLimit;
pub(crate) use self::spaces::spaces_of;
pub(crate) use self::vault::vault_exists;
