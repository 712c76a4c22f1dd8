//! The client of mana-auth, against a double that says what a test tells it to say, and against the
//! stand-in.

mod deliveries;
mod double;
mod faults;
mod pacing;
mod seeding;
mod sign_in;
mod spaces;

use std::time::Duration;

use domain::clock::Clock;
use persona_host::mana::{Mana, Options, SignInForm};

use crate::support::http::client;

const ANNA: &str = "persona.anna@mana.test";
/// Anna's password under the secret that [`mana`] uses (contract 1).
const ANNAS_PASSWORD: &str = "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA";

/// A client of the mana-auth at `base`, whose persona endpoints are where the first generation has them.
fn mana(base: &str, sign_in: SignInForm) -> Mana {
    let options = Options {
        auth_url: base.to_owned(),
        personas_url: format!("{base}/api/v1/internal/personas"),
        service_key: "the-service-key".into(),
        seed_secret: "dev-persona-seed-secret-rotate-in-prod".into(),
        sign_in,
        sign_in_limit: None,
        patience: Duration::from_secs(30),
    };
    Mana::new(client(), Clock::system(), options)
}
