//! The reference in docs/reference, as the program writes it: what it has to say of itself, as Markdown.

mod commands;
mod configuration;
mod wit;

pub use commands::commands;
pub use configuration::configuration;
pub use wit::wit;
