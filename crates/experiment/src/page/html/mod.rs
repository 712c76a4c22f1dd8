//! A page as one HTML document that needs nothing else: no script, no font, no picture from elsewhere.

mod document;
mod plots;

pub use document::html;
