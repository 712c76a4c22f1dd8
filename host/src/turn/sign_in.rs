//! Stage `sign-in`: the persona's own account, as mana-auth sees it.

use super::deps::Deps;
use super::faults;
use super::values::{Assigned, SignedIn};
use domain::fault::Stage;
use domain::turn_end::TurnEnd;

pub(super) async fn sign_in(turn: Assigned, deps: &Deps) -> Result<SignedIn, TurnEnd> {
    // What is done next is done in that account, and delivered for the persona.
    let mana = deps.mana.clone().heeding(turn.stop.clone());
    let account = mana.sign_in_as(&turn.persona.email, &turn.persona.id).await;
    let account = account.map_err(|error| faults::mana(Stage::SignIn, &error))?;
    Ok(SignedIn { turn, account })
}
