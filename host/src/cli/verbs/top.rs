//! `top`: `status`, drawn again and again on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::status::{Source, text};
use crate::cli::keys::{self, Keys};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use domain::code::Code;
use domain::letter::for_a_terminal;

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(1);
/// What a terminal has at least.
const SMALLEST: (usize, usize) = (80, 24);

/// Another screen without a cursor, on which long lines are cut off, and back to what was there.
const BEGIN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const END: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Draws until `q`, Ctrl-C or another signal that ends it.
///
/// # Errors
/// When standard output or input is no terminal, or the first look fails.
pub async fn top(url: Option<&str>, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    if output.json || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let message = "`top` draws on a terminal, and this is none";
        return Err(Failure::new(Exit::Usage, Code::NoTerminal, message)
            .hint("`persona-host status` tells it once; with --json, for programs"));
    }
    let source = Source::at(url, file)?;
    let first = text(&source.document().await?);
    // Before anything is changed of the terminal: who ends this gets it back as it was.
    let mut ends = Ends::listen()?;
    let mut keys = Keys::listen()?;
    let screen = Screen::open()?;
    // Whoever ends it waits for no daemon that takes its time.
    tokio::select! {
        failed = draw(&screen, first, &source) => failed,
        () = keys.pressed(b'q') => Ok(()),
        () = ends.come() => Ok(()),
    }
}

/// Draws what was said first, and then again and again how it stands, until that fails.
async fn draw(screen: &Screen, first: String, source: &Source<'_>) -> Result<(), Failure> {
    let mut said = first;
    loop {
        screen.draw(&said)?;
        tokio::time::sleep(EVERY).await;
        said = match source.document().await {
            Ok(document) => text(&document),
            // It may come again.
            Err(failure) => format!("{failure}\n"),
        };
    }
}

/// What ends the program from outside: Ctrl-C, `kill`, a terminal that is closed. The terminal is left as it was all the same.
struct Ends([Signal; 3]);

impl Ends {
    fn listen() -> io::Result<Self> {
        let [interrupt, terminate, hang_up] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hang_up?]))
    }

    async fn come(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

/// The other screen of a terminal, as long as this lives.
struct Screen;

impl Screen {
    fn open() -> io::Result<Self> {
        write(BEGIN)?;
        Ok(Self)
    }

    fn draw(&self, said: &str) -> io::Result<()> {
        let Self = self;
        let is_plain = AutoStream::choice(&io::stdout()) == ColorChoice::Never;
        let said = if is_plain { strip_str(said).to_string() } else { said.to_owned() };
        write(&frame(&said, keys::size().unwrap_or(SMALLEST).1))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(END);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Each line in the place of the one that was there, so that nothing flickers; what has no room is left out.
fn frame(said: &str, lines: usize) -> String {
    let room = lines.saturating_sub(1);
    let drawn = for_a_terminal(said);
    let mut frame = "\x1b[H".to_owned();
    drawn.lines().take(room).for_each(|line| frame += &format!("{line}\x1b[K\n"));
    frame + "\x1b[Jq ends"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_terminal_that_is_closed_ends_it_and_does_not_kill() {
        let mut ends = Ends::listen().expect("signals can be heard");
        let own = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-HUP", &own]).status().expect("a kill command");
        assert!(sent.success());
        ends.come().await;
    }

    #[test]
    fn a_frame_overwrites_what_was_there_and_fits() {
        assert_eq!(frame("a\nb\nc\n", 3), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[Jq ends");
        assert!(frame("", 24).starts_with("\x1b[H\x1b[J"));
    }
}
