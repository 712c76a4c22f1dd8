//! What a persona did and how it liked it, on its way to mana-auth (contract 4.2 and 4.3). When and
//! how often is the outbox's business.

use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use super::exchange::Answer;
use domain::delivery::{Delivery, Rows};

impl Mana {
    /// Sends one request's worth of rows. A repeat of the same delivery adds no rows.
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked; [`ManaError::is_worth_repeating`] says whether to try again.
    pub async fn deliver(&self, delivery: &Delivery) -> Result<(), ManaError> {
        let (asked, body) = match &delivery.rows {
            Rows::Actions(rows) => (Asked::Actions, json!({ "actions": rows })),
            Rows::Feedback(rows) => (Asked::Feedback, json!({ "feedback": rows })),
        };
        let url = self.url_of(&asked, delivery)?;
        let answer = self.keys.ask(&asked, self.http.post(url).json(&body)).await?;
        acknowledged(&asked, self.in_time(answer, &asked)?.accepted(&asked)?)
    }

    /// `…/{persona}/{kind}`, with whatever the id holds escaped.
    fn url_of(&self, asked: &Asked, delivery: &Delivery) -> Result<Url, ManaError> {
        let base = self.personas("");
        let unusable = |cause: String| ManaError::unreachable(asked, &base, cause);
        let mut url = Url::parse(&base).map_err(|error| unusable(error.to_string()))?;
        url.path_segments_mut()
            .map_err(|()| unusable("not an address with a path".to_owned()))?
            .extend([delivery.persona.as_str(), delivery.rows.kind()]);
        Ok(url)
    }
}

/// Only `ok: true` is an acknowledgment: some proxies answer anything with a page and status 200, and
/// rows that such an answer took away would be lost.
fn acknowledged(asked: &Asked, answer: Answer) -> Result<(), ManaError> {
    #[derive(Deserialize)]
    struct Acknowledgment {
        ok: Value,
    }
    match answer.json::<Acknowledgment>(asked)?.ok {
        Value::Bool(true) => Ok(()),
        other => Err(answer.unreadable(asked, format!("ok is {other}, not true"))),
    }
}
