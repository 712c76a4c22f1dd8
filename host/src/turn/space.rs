//! Stage `space`: where the persona acts. Its vault is opened, because without one most tools fail
//! (contract D8).

use super::deps::Deps;
use super::faults;
use super::values::{Placed, SignedIn};
use crate::mana::{ManaError, SignedIn as Account, Space, Vault};
use domain::fault::Stage;
use domain::turn_end::TurnEnd;

pub(super) async fn enter(signed_in: SignedIn, deps: &Deps) -> Result<Placed, TurnEnd> {
    let SignedIn { turn, mut account } = signed_in;
    let refused = |error| faults::mana(Stage::Space, &error);
    let mut entered = look(&account, deps).await;
    // The session ended since it gave the token: it lives for a week, and is gone on with while it does.
    if entered.as_ref().is_err_and(ManaError::is_unauthorized) {
        account = deps.mana.refresh(&account).await.map_err(refused)?;
        entered = look(&account, deps).await;
    }
    let (space, vault) = entered.map_err(refused)?;
    if vault == Vault::Created {
        tracing::info!(turn = %turn.turn, email = turn.persona.email, "created the persona's vault");
    }
    Ok(Placed { turn, account, space })
}

async fn look(account: &Account, deps: &Deps) -> Result<(Space, Vault), ManaError> {
    Ok((deps.mana.personal_space(account).await?, deps.mana.open_vault(account).await?))
}
