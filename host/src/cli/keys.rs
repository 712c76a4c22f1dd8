//! Single keys of a terminal, heard without Enter.

use std::io::{self, Read as _, stdin};
use std::sync::mpsc::{Receiver, channel};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// A terminal that gives keys as they are pressed, and shows none, until this is dropped. Ctrl-C stays what it is.
#[derive(Debug)]
pub(super) struct Keys {
    before: Termios,
    pressed: Receiver<u8>,
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
        let (press, pressed) = channel();
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

    /// Whether this key was pressed since it was asked last.
    pub(super) fn has(&self, key: u8) -> bool {
        self.pressed.try_iter().any(|pressed| pressed == key)
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
