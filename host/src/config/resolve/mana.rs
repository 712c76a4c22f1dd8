//! The neighbours mana-auth and mana-mcp: where they are, and what is known of them.

use std::time::Duration;

use super::sources::{Sources, shown_span, up_to_a_day};
use crate::config::production::DEVELOPMENT_SEED_SECRET;
use crate::config::settings::{Mana, SignIn, ToolChanges};
use crate::config::{ConfigError, file};
use domain::ids::Sha256Hex;

/// The persona endpoints of mana-auth at the seed (contract 4).
const PERSONAS_PATH: &str = "/api/v1/internal/personas";
/// The same after they moved to apps/api (contract 10).
const PERSONAS_PATH_OF_API: &str = "/api/v1/personas/internal";

pub(super) fn mana(sources: &mut Sources<'_>, file: file::Mana) -> Result<Mana, ConfigError> {
    let auth_url = sources.url("mana.auth_url", "MANA_AUTH_URL", file.auth_url, "http://localhost:3001")?;
    let mcp_url = sources.url("mana.mcp_url", "MANA_MCP_URL", file.mcp_url, "http://localhost:3069")?;
    // A configured MANA_API_URL is how the later generation of the runner names the new home.
    let moved = (sources.environment)("MANA_API_URL").is_some_and(|url| !url.is_empty());
    let base = sources.url("mana.personas_url", "MANA_API_URL", file.personas_url, &auth_url)?;
    let default = if moved { PERSONAS_PATH_OF_API } else { PERSONAS_PATH };
    let path = sources.pick("mana.personas_path", file.personas_path, default.to_owned(), Clone::clone);
    let accepted_tools = sources
        .pick("mana.accepted_tools", file.accepted_tools, Vec::new(), |digests| format!("{digests:?}"));
    let accepted_tools = accepted_tools.into_iter().map(accepted_tool).collect::<Result<_, _>>()?;
    let patience = |sources: &mut Sources<'_>, name: &str, span: Option<file::Span>, usual: u64| {
        let span = sources.pick(name, span.map(|span| span.0), Duration::from_secs(usual), shown_span);
        up_to_a_day(name, span).map(|()| span)
    };
    Ok(Mana {
        personas_url: format!("{base}/{}", path.trim_matches('/')),
        auth_url,
        mcp_url,
        sign_in: sources
            .pick("mana.sign_in", file.sign_in, SignIn::Auto, |form| format!("{form:?}").to_lowercase()),
        sign_in_limit: sign_in_limit(sources, file.sign_in_limit)?,
        idempotent_tools: sources
            .pick("mana.idempotent_tools", file.idempotent_tools, Vec::new(), |tools| format!("{tools:?}")),
        tool_changes: sources.pick("mana.tool_changes", file.tool_changes, ToolChanges::Warn, |policy| {
            format!("{policy:?}").to_lowercase()
        }),
        accepted_tools,
        answer_timeout: patience(sources, "mana.answer_timeout", file.answer_timeout, 30)?,
        tool_timeout: patience(sources, "mana.tool_timeout", file.tool_timeout, 60)?,
        service_key: sources.secret("mana.service_key", "MANA_SERVICE_KEY", "")?,
        next_service_key: sources.next_secret("mana.service_key", "MANA_SERVICE_KEY")?,
        seed_secret: sources.secret("mana.seed_secret", "PERSONA_SEED_SECRET", DEVELOPMENT_SEED_SECRET)?,
    })
}

fn accepted_tool(digest: String) -> Result<Sha256Hex, ConfigError> {
    Sha256Hex::parse(&digest).ok_or_else(|| ConfigError::Value {
        name: "mana.accepted_tools".to_owned(),
        problem: "must have sha256 digests of 64 hexadecimal digits, as `turns show` tells them".to_owned(),
        raw: digest,
    })
}

/// So many sign-ins at once, and then none for so long: `3/10s`.
fn sign_in_limit(
    sources: &mut Sources<'_>,
    text: Option<String>,
) -> Result<Option<(u32, Duration)>, ConfigError> {
    /// A longer one would keep turns waiting for longer than mana-auth asks of anybody.
    const LONGEST: Duration = Duration::from_secs(60);
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "as mana-auth says".to_owned());
    let Some(text) = sources.pick("mana.sign_in_limit", text.map(Some), None, shown) else { return Ok(None) };
    let read = |text: &str| {
        let (at_once, window) = text.split_once('/')?;
        let at_once: u32 = at_once.trim().parse().ok().filter(|at_once| *at_once > 0)?;
        let window = humantime::parse_duration(window.trim()).ok()?;
        (!window.is_zero() && window <= LONGEST).then_some((at_once, window))
    };
    let problem = || {
        "must be a number of sign-ins and the time after which there may be as many again, 1m at most, such as \"3/10s\""
            .to_owned()
    };
    let refused = || ConfigError::Value {
        name: "mana.sign_in_limit".to_owned(),
        problem: problem(),
        raw: text.clone(),
    };
    read(&text).map(Some).ok_or_else(refused)
}
