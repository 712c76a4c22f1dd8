//! The HTTP server, and who may ask it for what.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::{ExposeSecret as _, SecretString};

use super::sources::Sources;
use crate::config::settings::Http;
use crate::config::{ConfigError, file};

/// Who has it may ask from anywhere.
const ADMIN_TOKEN: &str = "PERSONA_ADMIN_TOKEN";
/// Who has it may look from anywhere.
const VIEW_TOKEN: &str = "PERSONA_VIEW_TOKEN";
const SHORTEST_TOKEN: usize = 16;

pub(super) fn http(sources: &mut Sources<'_>, file: file::Http) -> Result<Http, ConfigError> {
    let bind = sources.pick("http.bind", file.bind, IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::to_string);
    let port = sources.number("http.port", "PORT", file.port, 3070, u16::MAX)?;
    let allowed_hosts = sources.hosts("http.allowed_hosts", file.allowed_hosts)?;
    let require_token = sources.pick("http.require_token", file.require_token, false, bool::to_string);
    let admin_token = sources.secret("http.admin_token", ADMIN_TOKEN, "")?;
    let next_admin_token = sources.next_secret("http.admin_token", ADMIN_TOKEN)?;
    let view_token = sources.secret("http.view_token", VIEW_TOKEN, "")?;
    let next_view_token = sources.next_secret("http.view_token", VIEW_TOKEN)?;
    for (variable, token) in [
        (ADMIN_TOKEN, &admin_token),
        ("PERSONA_ADMIN_TOKEN_NEXT", &next_admin_token),
        (VIEW_TOKEN, &view_token),
        ("PERSONA_VIEW_TOKEN_NEXT", &next_view_token),
    ] {
        long_enough(variable, token)?;
    }
    different(&[&admin_token, &next_admin_token], &[&view_token, &next_view_token])?;
    Ok(Http {
        bind,
        port,
        admin_token,
        next_admin_token,
        view_token,
        next_view_token,
        require_token,
        allowed_hosts,
    })
}

/// Whoever guesses a token over the network is to have no chance.
fn long_enough(variable: &str, token: &SecretString) -> Result<(), ConfigError> {
    let length = token.expose_secret().chars().count();
    if length == 0 || length >= SHORTEST_TOKEN {
        return Ok(());
    }
    let problem =
        format!("must have {SHORTEST_TOKEN} characters at least, such as `openssl rand -hex 32` prints");
    Err(ConfigError::Value { name: variable.to_owned(), problem, raw: format!("{length} characters") })
}

/// Whoever may look is not to be able to do anything because both tokens are the same.
fn different(admin: &[&SecretString], view: &[&SecretString]) -> Result<(), ConfigError> {
    let set = |token: &&&SecretString| !token.expose_secret().is_empty();
    let same = |one: &SecretString| admin.iter().any(|own| own.expose_secret() == one.expose_secret());
    match view.iter().filter(set).any(|one| same(one)) {
        false => Ok(()),
        true => Err(ConfigError::Value {
            name: VIEW_TOKEN.to_owned(),
            problem: "must be another one than PERSONA_ADMIN_TOKEN: who has it is to look only".to_owned(),
            raw: "the same".to_owned(),
        }),
    }
}
