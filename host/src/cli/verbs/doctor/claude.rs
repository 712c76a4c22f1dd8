//! Whether Claude takes the key and knows the models: by the one question that costs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;

use super::finding::Look;
use crate::config::Config;
use crate::model::{Claude, LookedUp, Options};
use crate::outbound::Client;

const PATIENCE: Duration = Duration::from_secs(8);

/// Looks up each model that turns may ask for.
pub(super) async fn look(config: &Config, http: &Client) -> Look {
    let mut look = Look::at("claude");
    if config.model.api_key.expose_secret().is_empty() {
        look.left_out.push("the key: there is none".to_owned());
        return look;
    }
    let options = Options {
        base_url: config.model.base_url.clone(),
        version: config.model.api_version.clone(),
        idle_timeout: PATIENCE.min(config.model.idle_timeout),
        ..Options::new(config.model.api_key.clone())
    };
    let claude = Claude::new(http.clone(), options);
    let of_strategies = config.strategies.iter().filter_map(|own| own.model.as_deref());
    let models: BTreeSet<&str> = of_strategies.chain([config.model.name.as_str()]).collect();
    let asked = join_all(models.iter().map(|model| claude.look_up(model))).await;
    for (model, answer) in models.into_iter().zip(asked) {
        match answer {
            Ok(LookedUp::Known) => look.sound.push(format!("it takes the key, and knows {model}")),
            Ok(LookedUp::NotAsked) => look.left_out.push(format!(
                "the key, and {model}: {} has no free question for that (GET /v1/models/…)",
                config.model.base_url
            )),
            Err(error) => {
                let code = error.fault_code();
                // A key that is refused is refused for each model.
                if !look.found.iter().any(|own| own.code.as_deref() == Some(code.word()))
                    || error.to_string().contains(model)
                {
                    look.refused(&error, &place(config, model), code, error.hint());
                }
            }
        }
    }
    if look.found.is_empty() && !look.sound.is_empty() {
        look.left_out.push("whether the account has credit: only a call that is paid for tells".to_owned());
    }
    look
}

/// Where the model was named, and who was asked.
fn place(config: &Config, model: &str) -> String {
    let named = match config.strategies.iter().find(|own| own.model.as_deref() == Some(model)) {
        Some(strategy) => format!("`model` of [strategies.{}]", strategy.name),
        None => "ANTHROPIC_API_KEY, ANTHROPIC_MODEL (model.name)".to_owned(),
    };
    format!("{named} at {}", config.model.base_url)
}
