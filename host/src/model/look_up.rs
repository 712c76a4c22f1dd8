//! Whether the API takes the key, and knows a model: the one question that costs nothing.

use tokio::time::timeout_at;

use super::client::Claude;
use super::error::ModelError;
use super::failure::Failure;
use super::reading::causes;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// The key is taken, and the model is there for it.
    Known,
    /// The server has no such question, as many that only speak the Messages API: nothing is known.
    NotAsked,
}

impl Claude {
    /// Asks `GET /v1/models/{model}` once. No token is counted and none is paid for, so it says nothing of billing.
    ///
    /// # Errors
    /// When the key is refused, or there is no such model for it, or nobody answers.
    pub async fn look_up(&self, model: &str) -> Result<LookedUp, ModelError> {
        let looked_up = self.looked_up(model).await;
        looked_up.map_err(|failure| ModelError { failure, attempts: 1, is_stopped: false })
    }

    async fn looked_up(&self, model: &str) -> Result<LookedUp, Failure> {
        let url = format!("{}/v1/models/{model}", self.options.base_url.trim_end_matches('/'));
        let sent = self.http.get(&url).headers(self.headers()?).send();
        let Ok(sent) = timeout_at(self.latest(), sent).await else { return Err(self.silent()) };
        let response = sent.map_err(|error| match error.is_builder() {
            true => Failure::Options { what: format!("{url}: {}", causes(&error)) },
            false => Failure::Unreachable { url: url.clone(), cause: causes(&error) },
        })?;
        if response.status().is_success() {
            return Ok(LookedUp::Known);
        }
        let status = response.status().as_u16();
        let refusal = self.refusal(response).await;
        // Who knows the question names the model that is not there.
        if matches!(status, 404 | 405 | 501) && !refusal.message.contains(model) {
            return Ok(LookedUp::NotAsked);
        }
        Err(self.without_key(Failure::Refused(refusal)))
    }
}
