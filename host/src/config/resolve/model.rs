//! Claude: where it is, which model is asked, and how patiently.

use std::time::Duration;

use super::sources::{Sources, at_least_one, shown_span, up_to_a_day};
use crate::config::settings::Model;
use crate::config::{ConfigError, file};

pub(super) fn model(sources: &mut Sources<'_>, file: file::Model) -> Result<Model, ConfigError> {
    let idle = file.idle_timeout.map(|span| span.0);
    let model = Model {
        base_url: sources.url(
            "model.base_url",
            "ANTHROPIC_BASE_URL",
            file.base_url,
            "https://api.anthropic.com",
        )?,
        api_key: sources.secret("model.api_key", "ANTHROPIC_API_KEY", "")?,
        name: sources.text("model.name", "ANTHROPIC_MODEL", file.name, "claude-haiku-5-5")?,
        api_version: sources.pick(
            "model.api_version",
            file.api_version,
            "2026-10-21".to_owned(),
            Clone::clone,
        ),
        max_tokens: sources.pick("model.max_tokens", file.max_tokens, 4096, u32::to_string),
        caching: sources.pick("model.caching", file.caching, true, bool::to_string),
        cache_diagnostics: sources.pick(
            "model.cache_diagnostics",
            file.cache_diagnostics,
            true,
            bool::to_string,
        ),
        structured_ratings: sources.pick(
            "model.structured_ratings",
            file.structured_ratings,
            true,
            bool::to_string,
        ),
        max_attempts: sources.pick("model.max_attempts", file.max_attempts, 5, u32::to_string),
        idle_timeout: sources.pick("model.idle_timeout", idle, Duration::from_secs(60), shown_span),
    };
    at_least_one("model.max_tokens", u64::from(model.max_tokens))?;
    at_least_one("model.max_attempts", u64::from(model.max_attempts))?;
    up_to_a_day("model.idle_timeout", model.idle_timeout)?;
    Ok(model)
}
