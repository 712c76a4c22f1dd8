//! Stage `space`: where the persona acts. Its vault is opened, because without one most tools fail
//! (contract D8).

use super::deps::Deps;
use super::faults;
use super::values::{Placed, SignedIn};
use crate::mana::Vault;
use domain::event::TurnEnd;
use domain::fault::Stage;

pub(super) async fn enter(signed_in: SignedIn, deps: &Deps) -> Result<Placed, TurnEnd> {
    let SignedIn { turn, account } = signed_in;
    let refused = |error| faults::mana(Stage::Space, &error);
    let space = deps.mana.personal_space(&account).await.map_err(refused)?;
    if deps.mana.open_vault(&account).await.map_err(refused)? == Vault::Created {
        tracing::info!(turn = %turn.turn, email = turn.persona.email, "created the persona's vault");
    }
    Ok(Placed { turn, account, space })
}
