//! What `run` logs.

use super::sources::Sources;
use crate::config::{ConfigError, file};

/// Our own lines. What libraries have to say comes to us as errors, and theirs would name neither turn nor persona.
const QUIET: &str = "persona_host=info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The variable may say more than the file, which is read where nobody waits for an answer.
pub(super) fn filter(sources: &mut Sources<'_>, file: file::Log) -> Result<String, ConfigError> {
    if let Some(filter) = &file.filter
        && !filter.split(',').all(is_directive)
    {
        let problem =
            "must be levels by place, such as \"persona_host=debug\" or \"persona_host=info,rmcp=warn\"";
        let (name, problem) = ("log.filter".to_owned(), problem.to_owned());
        return Err(ConfigError::Value { name, problem, raw: filter.clone() });
    }
    let read = |raw: &str| Ok(raw.to_owned());
    sources.pick_with("log.filter", "RUST_LOG", read, file.filter, QUIET.to_owned(), Clone::clone)
}

/// A level, or one of a module.
fn is_directive(text: &str) -> bool {
    let (place, level) = text.trim().rsplit_once('=').unwrap_or(("persona_host", text.trim()));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !place.is_empty() && place.chars().all(plain) && LEVELS.contains(&level.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::is_directive;

    #[test]
    fn a_filter_has_a_level_for_each_place() {
        for (text, is_one) in [
            ("info", true),
            ("persona_host=debug", true),
            ("persona_host::runner=TRACE", true),
            (" rmcp=warn", true),
            ("persona_host", false),
            ("persona_host=loud", false),
            ("=info", false),
            ("", false),
        ] {
            assert_eq!(is_directive(text), is_one, "{text:?}");
        }
    }
}
