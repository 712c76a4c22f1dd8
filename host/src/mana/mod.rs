//! The client of mana-auth: sign-in, spaces, due list, deliveries. It knows no MCP and no model.
//!
//! Its two other doors are for commands: [`catalog`] reads a file of personas, and [`admin`] creates them and
//! lists all.

pub mod admin;
pub mod catalog;

mod asked;
mod client;
mod deliver;
mod doubts;
mod due;
mod error;
mod exchange;
mod header;
mod keys;
mod knock;
mod pace;
mod password;
mod sessions;
mod sign_in;
mod sign_in_form;
mod sign_out;
mod signed_in;
mod space;
mod token;
mod vault;

pub use asked::Asked;
pub use client::{Mana, News, Options};
pub use doubts::SignInsStopped;
pub use due::{DueList, UnreadableEntry};
pub use error::ManaError;
pub use pace::SignInLimit;
pub use password::{EmptySeedSecret, password};
pub use sign_in_form::SignInForm;
pub use signed_in::{Proof, SignedIn};
pub use space::Space;
pub use vault::Vault;
