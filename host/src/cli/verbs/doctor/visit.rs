//! The visit: what is looked at, in which order, and how it is told.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::finding::{Finding, Look};
use super::port;
use super::{claude, configuration, ledger, mend, neighbours, room};
use crate::cli::args::Doctor;
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, Output, PLACE, styled, text_width};
use crate::cli::text::{counted, set};
use crate::cli::{Exit, Failure, load};
use crate::outbound::{self, Named};
use domain::code::Code;

/// How wide the words of a finding's lines are.
const WORDS: usize = 11;

/// Looks at everything, and tells what is wrong. Ends with [`Exit::No`] if anything is and was not mended.
///
/// # Errors
/// When nothing can be printed.
pub async fn doctor(args: &Doctor, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let (looks, runs) = looks(args, file).await;
    let found: Vec<&Finding> = looks.iter().flat_map(|look| &look.found).collect();
    let mended = match args.fix && !found.is_empty() {
        true => mend::mend(&found, args.yes, output),
        false => vec![false; found.len()],
    };
    output.print(&document(&looks, &found, &mended), || text(&looks, &mended))?;
    let open: Vec<&&Finding> =
        found.iter().zip(&mended).filter(|(_, is_mended)| !**is_mended).map(|(own, _)| own).collect();
    if open.is_empty() {
        output.next(if runs { &["status"] } else { &["run"] });
        return Ok(());
    }
    if open.iter().any(|own| own.mend.is_some()) {
        output.next(&["doctor", "--fix"]);
    }
    Err(Failure::new(Exit::No, Code::MistakesFound, counted(open.len(), "fault")).told())
}

/// What was looked at, and whether a persona-host runs here.
async fn looks(args: &Doctor, file: Option<&Path>) -> (Vec<Look>, bool) {
    let (mut looks, config) = configuration::look(file).await;
    let Some(config) = config else { return (looks, false) };
    let http = match outbound::patient(Duration::ZERO, &Named::new(&config.allowed_hosts)) {
        Ok(http) => http,
        Err(error) => {
            looks.push(configuration::cut_short(&error.into()));
            return (looks, false);
        }
    };
    let (port, daemon) = port::look(&config, &http).await;
    let (ledger, known) = ledger::look(&config, daemon.as_ref()).await;
    // Whoever has no URL that a neighbour has is sent no password.
    let may_sign_in = !args.no_sign_in && load::strange_neighbours(&config).is_empty();
    let tried = (args.persona.as_deref(), may_sign_in);
    let neighbours = neighbours::look(&config, &http, known, daemon.as_ref(), tried);
    let (neighbours, claude) = tokio::join!(neighbours, claude::look(&config, &http));
    looks.extend(neighbours);
    looks.extend([claude, ledger, port, room::look(&config).await]);
    (looks, daemon.is_some())
}

fn document(looks: &[Look], found: &[&Finding], mended: &[bool]) -> Value {
    let findings = found.iter().zip(mended).map(|(own, is_mended)| {
        let mut told = json!(own);
        told["mend"] = json!(own.mend.as_ref().map(super::finding::Mend::says));
        told["mended"] = json!(is_mended);
        told
    });
    json!({
        "sound": found.is_empty(),
        "findings": findings.collect::<Vec<Value>>(),
        "checks": looks.iter().map(Look::document).collect::<Vec<Value>>(),
    })
}

fn text(looks: &[Look], mended: &[bool]) -> String {
    let mut text = String::new();
    let mut mended_ones = mended.iter();
    let width = looks.iter().map(|look| look.check.len()).max().unwrap_or_default();
    for look in looks {
        let name = |mark: String| format!("{mark} {:<width$}  ", look.check);
        for own in &look.found {
            let is_mended = mended_ones.next().copied().unwrap_or_default();
            let mark = if is_mended { styled(ODD, "✓") } else { styled(BAD, "✗") };
            text += &set(&name(mark), width + 4, &own.what, text_width());
            let lines =
                [("where", own.at.as_deref().unwrap_or_default()), ("cause", &own.cause), ("fix", &own.fix)];
            for (word, said) in lines.into_iter().filter(|(_, said)| !said.is_empty()) {
                let label = format!("    {}", styled(PLACE, format!("{word:<7}")));
                text += &set(&label, WORDS, said, text_width());
            }
        }
        look.notes.iter().for_each(|own| text += &set(&name(styled(ODD, "!")), width + 4, own, text_width()));
        look.sound
            .iter()
            .for_each(|own| text += &set(&name(styled(GOOD, "✓")), width + 4, own, text_width()));
        for own in &look.left_out {
            text +=
                &set(&name(styled(FAINT, "–")), width + 4, &format!("not looked at: {own}"), text_width());
        }
    }
    text + &ending(looks, mended)
}

fn ending(looks: &[Look], mended: &[bool]) -> String {
    let all = looks.iter().map(|look| look.found.len()).sum::<usize>();
    let done = mended.iter().filter(|is_mended| **is_mended).count();
    let said = match (all, done) {
        (0, _) => {
            let unseen = looks.iter().map(|look| look.left_out.len()).sum::<usize>();
            let but = match unseen {
                0 => String::new(),
                1 => "; 1 thing was not looked at (marked –)".to_owned(),
                many => format!("; {many} things were not looked at (marked –)"),
            };
            styled(GOOD, "nothing is wrong in what was looked at") + &but
        }
        (all, done) if all == done => styled(GOOD, format!("{} found and mended", counted(all, "fault"))),
        (all, done) => styled(HEAD, format!("{} found", counted(all - done, "fault"))),
    };
    said + "\n"
}
