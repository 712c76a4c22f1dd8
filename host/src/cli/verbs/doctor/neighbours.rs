//! mana-auth and mana-mcp: whether they are there, take the keys, and let a persona in.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::clocks;
use super::finding::Look;
use super::port::Daemon;
use super::sign_in::{self, Known};
use crate::cli::text::{counted, so_many};
use crate::cli::{Failure, load};
use crate::config::Config;
use crate::mana::{Mana, Options, SignedIn};
use crate::mcp::{self, Mcp};
use crate::outbound::Client;
use domain::clock::Clock;
use domain::code::Code;

const PATIENCE: Duration = Duration::from_secs(5);
/// For a sign-in that mana-auth asks to wait with.
const LONGER: Duration = Duration::from_secs(20);

/// Looks at both, and at the clocks of all three neighbours.
pub(super) async fn look(
    config: &Config,
    http: &Client,
    mut known: Known,
    daemon: Option<&Daemon>,
    (persona, signs_in): (Option<&str>, bool),
) -> Vec<Look> {
    let mut clocks = Look::at("clocks");
    let options =
        Options { patience: PATIENCE.min(config.mana.answer_timeout), ..load::mana_options(config) };
    let mana =
        Mana::new(http.clone(), Clock::system(), options).exchanging(config.mana.next_service_key.clone());
    let (auth, is_there) = service_key(config, http, &mana, &mut known, &mut clocks).await;
    let mut persona_look = Look::at("sign-in");
    let signed_in = match (is_there, signs_in) {
        (false, _) => {
            persona_look.left_out.push("a sign-in: mana-auth does not answer".to_owned());
            None
        }
        (_, false) => {
            persona_look
                .left_out
                .push("a sign-in: it was not wanted, or mana-auth has no URL of a neighbour".to_owned());
            None
        }
        _ => {
            let tried = sign_in::look(&mut persona_look, &mana, &known, daemon, persona);
            match timeout(LONGER, tried).await {
                Ok(signed_in) => signed_in,
                Err(_) => {
                    persona_look.left_out.push("a sign-in: mana-auth takes no more at the moment".to_owned());
                    None
                }
            }
        }
    };
    let mcp = tools(config, http, &mana, signed_in.as_ref()).await;
    mana.sign_out_all().await;
    for (who, url) in [
        ("mana-auth", &config.mana.auth_url),
        ("mana-mcp", &config.mana.mcp_url),
        ("Claude", &config.model.base_url),
    ] {
        clocks::look(&mut clocks, who, url, http).await;
    }
    vec![auth, persona_look, mcp, clocks]
}

/// Asks who is due, which shows whether mana-auth is there and takes the service key.
async fn service_key(
    config: &Config,
    http: &Client,
    mana: &Mana,
    known: &mut Known,
    clocks: &mut Look,
) -> (Look, bool) {
    let mut look = Look::at("mana-auth");
    if config.mana.service_key.expose_secret().is_empty() {
        look.left_out.push("the service key: there is none".to_owned());
        let answer = http.get(&config.mana.auth_url).timeout(PATIENCE).send().await;
        if answer.is_err() {
            let (url, hint) =
                (&config.mana.auth_url, "Is mana-auth running at that address? Check MANA_AUTH_URL.");
            look.refused(
                format!("nobody answers at {url}"),
                "MANA_AUTH_URL",
                Code::ManaUnreachable,
                Some(hint),
            );
        }
        return (look, answer.is_ok());
    }
    let before = Clock::system().now();
    match mana.due().await {
        Ok(list) => {
            look.sound
                .push(format!("it takes the service key; {} due", so_many(list.personas.len(), "is", "are")));
            let after = Clock::system().now();
            clocks::compare(
                clocks,
                "mana-auth's list",
                &config.mana.personas_url,
                (before, after),
                list.server_time,
            );
            look.notes.extend(
                list.unreadable
                    .iter()
                    .map(|own| format!("its entry {} cannot be read: {}", own.who, own.reason)),
            );
            let due = list.personas.into_iter().map(|own| own.email);
            known.emails.extend(due);
            known.emails.sort();
            known.emails.dedup();
            (look, true)
        }
        Err(error) => {
            let is_there = !matches!(error.fault_code(), Code::ManaUnreachable | Code::ManaNoAnswer);
            look.failed(&Failure::from(error));
            if let Some(found) = look.found.last_mut() {
                found.at.get_or_insert_with(|| {
                    format!("MANA_AUTH_URL, MANA_SERVICE_KEY at {}", config.mana.personas_url)
                });
            }
            (look, is_there)
        }
    }
}

/// Opens a session as a turn would, and asks for the tools.
async fn tools(config: &Config, http: &Client, mana: &Mana, signed_in: Option<&SignedIn>) -> Look {
    let mut look = Look::at("mana-mcp");
    let at = format!("MANA_MCP_URL, {}/mcp", config.mana.mcp_url);
    let Some(signed_in) = signed_in else {
        match http.get(&config.mana.mcp_url).timeout(PATIENCE).send().await {
            Ok(_) => look.left_out.push("whether it takes a token: nobody signed in. It answers".to_owned()),
            Err(error) => {
                let page =
                    mcp::McpError::Unreachable { url: config.mana.mcp_url.clone(), cause: error.to_string() };
                look.refused(&page, &at, page.fault_code(), Some(page.hint()));
            }
        }
        return look;
    };
    let space = match mana.personal_space(signed_in).await {
        Ok(space) => space,
        Err(error) => {
            look.failed(&Failure::from(error));
            return look;
        }
    };
    let options = mcp::Options {
        url: format!("{}/mcp", config.mana.mcp_url),
        call_timeout: PATIENCE,
        open_timeout: PATIENCE,
    };
    let opened = Mcp::new(http.clone(), options).open(&signed_in.jwt, &space.id).await;
    let offered = match opened {
        Ok(session) => {
            let offered = session.tools().await;
            session.close().await;
            offered
        }
        Err(error) => Err(error),
    };
    match offered {
        Ok(offer) => {
            look.sound.push(format!("it takes the token, and offers {}", counted(offer.tools.len(), "tool")))
        }
        Err(error) => look.refused(&error, &at, error.fault_code(), Some(error.hint())),
    }
    look
}
