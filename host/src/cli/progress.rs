//! What happens while it happens: a line for each turn that ends.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::output::{BAD, GOOD, ODD, Output, styled};
use super::text::{in_a_line, printable};
use super::tick_view::scores;
use domain::event::Event;
use domain::turn_end::TurnEnd;

/// What is said of an end, in characters; the ledger has all of it.
const SAID: usize = 300;

/// Shows turns as they end, until nothing can happen any more.
pub async fn show(mut events: Receiver<Event>, output: Output) {
    while next(&mut events, output).await.is_some() {}
}

/// Shows turns as they end, until `tick` is over.
pub async fn of_one_tick<T>(mut events: Receiver<Event>, tick: impl Future<Output = T>, output: Output) -> T {
    tokio::pin!(tick);
    let ended = loop {
        tokio::select! {
            biased;
            _ = next(&mut events, output) => {}
            ended = &mut tick => break ended,
        }
    };
    // What a tick tells last, it tells as it ends.
    loop {
        match events.try_recv() {
            Ok(event) => say(&event, output),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return ended,
        }
    }
}

/// Shows the next event; none when there will be no more.
async fn next(events: &mut Receiver<Event>, output: Output) -> Option<()> {
    match events.recv().await {
        Ok(event) => say(&event, output),
        // Lines that came too fast to be shown are in the ledger.
        Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => return None,
    }
    Some(())
}

fn say(event: &Event, output: Output) {
    match (event, line(event)) {
        // The answer has a row for it.
        (Event::TurnEnded { .. }, Some(line)) => output.progress(&line),
        (_, Some(line)) => output.say(&line),
        (_, None) => {}
    }
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::TurnEnded { email, outcome, actions, ratings, took, .. } => {
            let (took, email) = (format!("{:.1} s", took.as_secs_f64()), printable(email));
            Some(match outcome {
                TurnEnd::Completed => {
                    let (mark, scores) = (styled(GOOD, "✓"), scores(ratings));
                    format!("  {mark} {email:<28} {actions:>2} actions, rated {scores}  ({took})")
                }
                TurnEnd::Idle => format!("  {} {email:<28} used no tool  ({took})", styled(ODD, "–")),
                TurnEnd::Skipped { reason, .. } => {
                    format!("  {} {email:<28} skipped: {}", styled(ODD, "–"), in_a_line(reason, SAID))
                }
                TurnEnd::Faulted(fault) if fault.is_a_stop() => {
                    let (mark, stage) = (styled(ODD, "–"), fault.stage);
                    format!("  {mark} {email:<28} stopped in {stage}: {}", in_a_line(&fault.message, SAID))
                }
                TurnEnd::Faulted(fault) => {
                    let (mark, stage) = (styled(BAD, "✗"), fault.stage);
                    format!("  {mark} {email:<28} failed in {stage}: {}", in_a_line(&fault.message, SAID))
                }
            })
        }
        Event::Held { email, reason } => {
            let (mark, email, reason) = (styled(ODD, "–"), printable(email), in_a_line(reason, SAID));
            Some(format!("  {mark} {email:<28} held: {reason}"))
        }
        Event::ForeignActivity { email, last_active_at, .. } => {
            let (mark, email, at) =
                (styled(ODD, "!"), printable(email), last_active_at.format("%Y-%m-%d %H:%M:%S UTC"));
            Some(format!("  {mark} {email:<28} was active on {at} by another runner or ledger"))
        }
        Event::SignInWaits { email, until } => {
            let (mark, email, until) = (styled(ODD, "…"), printable(email), until.format("%H:%M:%S UTC"));
            Some(format!("  {mark} {email:<28} signs in at {until}: mana-auth allows no more at once"))
        }
        Event::SignInsStopped { refused, until, hint } => {
            let (mark, refused) = (styled(BAD, "!"), printable(&refused.join(", ")));
            let until = until.format("%H:%M:%S UTC");
            Some(format!(
                "  {mark} nobody signs in until {until}: the passwords of {refused} were refused. {hint}"
            ))
        }
        Event::SignInsGoOn => {
            Some(format!("  {} a password was accepted: sign-ins go on", styled(GOOD, "✓")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::code::Code;
    use domain::fault::{Fault, Stage};
    use domain::ids::TurnId;

    use super::*;

    #[test]
    fn a_cause_of_several_lines_is_told_in_one() {
        let cause = "compose-turn: the plugin broke down; it printed:\n    no moon\n";
        let email = "anna@mana.test".to_owned();
        let faulted = Event::TurnEnded {
            turn: TurnId::of(&domain::ids::PersonaId::new("anna"), &domain::ids::Slot::after(None)),
            email: email.clone(),
            outcome: TurnEnd::Faulted(Fault::new(Stage::Compose, Code::PluginTrap, cause)),
            actions: 0,
            ratings: Vec::new(),
            took: std::time::Duration::ZERO,
        };
        let held = Event::Held { email, reason: format!("its last turn failed: {cause}") };
        for event in [faulted, held] {
            let line = line(&event).expect("it is told");
            assert!(line.ends_with("it printed: / no moon"), "{line}");
        }
    }
}
