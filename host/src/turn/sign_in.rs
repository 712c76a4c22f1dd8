//! Stage `sign-in`: the persona's own account, as mana-auth sees it.

use super::deps::Deps;
use super::faults;
use super::values::{Assigned, SignedIn};
use domain::event::TurnEnd;
use domain::fault::Stage;

pub(super) async fn sign_in(turn: Assigned, deps: &Deps) -> Result<SignedIn, TurnEnd> {
    let account = deps.mana.sign_in(&turn.persona.email).await;
    // What is done next is done in that account, and delivered for the persona.
    let account = account.and_then(|account| account.is(&turn.persona.id));
    let account = account.map_err(|error| faults::mana(Stage::SignIn, &error))?;
    Ok(SignedIn { turn, account })
}
