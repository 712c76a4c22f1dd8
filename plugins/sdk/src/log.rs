//! Lines for the host's log. They appear under the strategy's name. Of each call the last lines are
//! kept, 200 unless the strategy says otherwise, and of each line the first 2 KiB.
//!
//! ```
//! use persona_plugin::log;
//!
//! log::debug("for you, while you write the plugin");
//! log::warn(format!("{} tools, and none is for notes", 12));
//! ```
//!
//! In a test on this machine, where there is no host, lines go to standard error.

pub use crate::bindings::persona::behavior::log::Level;

/// Writes one line.
pub fn write(level: Level, message: impl AsRef<str>) {
    #[cfg(target_family = "wasm")]
    crate::bindings::persona::behavior::log::write(level, message.as_ref());
    // In a test on this machine there is no host.
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{level:?}: {}", message.as_ref());
}

/// Writes one line for the plugin's author.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message);
}

/// Writes one line for everybody.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message);
}

/// Writes one line about something odd.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message);
}

/// Writes one line about something broken.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message);
}
