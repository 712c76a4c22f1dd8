//! Single keys of a terminal, heard without Enter.

use std::io::{self, Read as _, stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A terminal that gives keys as they are pressed, and shows none, until this is dropped. Ctrl-C stays what it is.
#[derive(Debug)]
pub(super) struct Keys {
    before: Termios,
    pressed: UnboundedReceiver<u8>,
}

impl Keys {
    /// From now on.
    ///
    /// # Errors
    /// When standard input is no terminal.
    pub(super) fn listen() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut single = before.clone();
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &single)?;
        let (press, pressed) = unbounded_channel();
        // It reads as long as the process lives: nobody can wake it.
        std::thread::spawn(move || {
            for key in stdin().lock().bytes().map_while(Result::ok) {
                if press.send(key).is_err() {
                    break;
                }
            }
        });
        Ok(Self { before, pressed })
    }

    /// Waits for this key; for ever where nobody can press one any more.
    pub(super) async fn pressed(&mut self, key: u8) {
        while let Some(pressed) = self.pressed.recv().await {
            if pressed == key {
                return;
            }
        }
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// Columns and lines of the terminal at standard output; nothing if it does not say.
pub(super) fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}
