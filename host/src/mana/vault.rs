//! The persona's encryption vault, without which mana-mcp can neither write nor read its tasks, notes
//! and journal (contract D8). Nobody else creates it for a persona.

use serde::Deserialize;

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use super::header::bearer;
use super::signed_in::SignedIn;

/// What became of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vault {
    /// It was there.
    Existed,
    /// It is there now.
    Created,
}

impl Mana {
    /// Sees to it that the persona has a vault (contract 3.5, step 4).
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked.
    pub async fn open_vault(&self, signed_in: &SignedIn) -> Result<Vault, ManaError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            vault_exists: bool,
        }
        let asked = Asked::VaultStatus;
        let request = self
            .http
            .get(self.auth("/api/v1/me/encryption-vault/status"))
            .header("authorization", bearer(&asked, &signed_in.jwt)?);
        let answer = self.in_time(self.ask(&asked, request).await?, &asked)?;
        let status: Status = answer.accepted(&asked)?.json(&asked)?;
        if status.vault_exists {
            return Ok(Vault::Existed);
        }
        let asked = Asked::VaultInit;
        let request = self
            .http
            .post(self.auth("/api/v1/me/encryption-vault/init"))
            .header("authorization", bearer(&asked, &signed_in.jwt)?);
        // The answer holds the master key: it is dropped unread, and only a refusal is ever quoted.
        self.in_time(self.ask(&asked, request).await?, &asked)?.accepted(&asked)?;
        Ok(Vault::Created)
    }
}
