//! `seed`: the personas of a catalog, created one after the other.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::Seed;
use crate::cli::output::{BAD, FAINT, GOOD, ODD, Output, styled};
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::mana::admin::Admin;
use crate::mana::catalog::Catalog;
use crate::mana::password;
use crate::outbound;
use domain::code::Code;

/// Creates the personas. One that mana-auth refuses does not keep the others from being created.
///
/// # Errors
/// When the catalog has mistakes, there is no token, or mana-auth refused one of them.
pub async fn seed(args: Seed, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let catalog = parsed(&args.catalog, "nothing was created; correct the file and run it again")?;
    if args.jwt.is_some() {
        output.say(&styled(ODD, "--jwt shows the token to whoever lists processes; MANA_ADMIN_JWT does not"));
    }
    let token = args.jwt.or_else(|| load::variable("MANA_ADMIN_JWT")).filter(|token| !token.is_empty());
    if args.dry_run {
        let emails: Vec<&str> = catalog.personas.iter().map(|entry| entry.email.as_str()).collect();
        output.print(&json!({ "wouldCreate": emails }), || emails.join("\n") + "\n")?;
        output.next(&["seed", "--catalog", &args.catalog.display().to_string()]);
        return Ok(());
    }
    let token = token.ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            Code::AdminTokenMissing,
            "there is no administrator's token to create personas with",
        )
        .hint("set MANA_ADMIN_JWT or use --jwt; `persona-host stack` prints one for its stand-in")
    })?;
    let admin = Admin::new(outbound::client()?, admin_url(&config), token.into());
    // Whoever cannot be listed may be created all the same; then nobody knows who was there.
    let before: Option<BTreeSet<String>> =
        admin.list().await.ok().map(|all| all.into_iter().map(|own| own.email.to_lowercase()).collect());
    let is_there = |email: &str| before.as_ref().is_some_and(|before| before.contains(&email.to_lowercase()));
    let (mut created, mut updated): (Vec<Value>, Vec<Value>) = Default::default();
    let mut failed: Vec<Value> = Vec::new();
    let mut first: Option<Failure> = None;
    for entry in &catalog.personas {
        let password = password(&config.mana.seed_secret, &entry.email).map_err(|error| {
            Failure::new(Exit::Refused, Code::SeedSecretEmpty, error.to_string())
                .hint("set PERSONA_SEED_SECRET")
        })?;
        match admin.create(entry, &password).await {
            Ok(user) => {
                let (list, mark, told) = match is_there(&entry.email) {
                    false => (&mut created, styled(GOOD, "✓"), ""),
                    true => (
                        &mut updated,
                        styled(FAINT, "="),
                        "  was there: its description is that of the catalog, its password is what it was",
                    ),
                };
                output.say(&format!("  {mark} {:<28} {user}{told}", entry.email));
                list.push(json!({ "email": entry.email, "userId": user }));
            }
            Err(error) => {
                let stops = error.stops_seeding();
                let failure = Failure::from(error);
                output.say(&format!("  {} {:<28} {failure}", styled(BAD, "✗"), entry.email));
                failed.push(json!({ "email": entry.email, "error": failure.to_string() }));
                first.get_or_insert(failure);
                if stops {
                    break;
                }
            }
        }
    }
    let (new, old, all) = (created.len(), updated.len(), catalog.personas.len());
    if new + old > 0 {
        let document = json!({ "created": created, "updated": updated, "failed": failed });
        output.print(&document, || {
            format!("{} of {all} personas are at mana-auth: {new} created, {old} there already\n", new + old)
        })?;
    }
    if let Some(failure) = first {
        return Err(failure);
    }
    output.next(&["tick"]);
    Ok(())
}

/// Reads a catalog.
///
/// # Errors
/// When it cannot be read, or has mistakes: all of them are named.
pub fn read(path: &Path) -> Result<Catalog, Failure> {
    parsed(path, "correct the file and run it again")
}

fn parsed(path: &Path, next: &str) -> Result<Catalog, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::File,
            Code::FileUnreadable,
            format!("the catalog {} cannot be read: {error}", path.display()),
        )
        .hint("name a file in the format of examples/personas.json")
    })?;
    Catalog::parse(&text).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            Code::CatalogUnusable,
            format!("the catalog {} cannot be used: {error}", path.display()),
        )
        .hint(next)
    })
}

/// Where personas are created, in the generation of the API that is configured (contract 5 and 10).
pub(super) fn admin_url(config: &Config) -> String {
    let personas = &config.mana.personas_url;
    match personas.strip_suffix("/personas/internal") {
        Some(base) => format!("{base}/personas/admin"),
        None => match personas.strip_suffix("/internal/personas") {
            Some(base) => format!("{base}/admin/personas"),
            None => format!("{}/api/v1/admin/personas", config.mana.auth_url),
        },
    }
}
