//! The file to begin with: every key with what it means, and each of them commented out, so that the defaults hold.

/// All keys, with examples for values.
const EXAMPLE: &str = include_str!("../../../examples/persona-host.toml");

/// The text of a file that changes nothing. `schema` is where an editor finds its schema.
#[must_use]
pub fn commented(schema: &str) -> String {
    let lines = EXAMPLE.lines().map(|line| match line {
        _ if line.starts_with("#:schema ") => format!("#:schema {schema}"),
        _ if line.is_empty() || line.starts_with('#') => line.to_owned(),
        // A strategy is none without its plugin; the other sections may be empty.
        _ if line.starts_with('[') && !line.starts_with("[strategies.") => line.to_owned(),
        _ => format!("# {line}"),
    });
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, File, resolve};

    #[test]
    fn what_one_begins_with_changes_nothing() {
        let values = |config: Config| -> Vec<(String, String)> {
            config.shown.into_iter().map(|shown| (shown.key, shown.value)).collect()
        };
        let text = commented("./x.json");
        let own = File::parse(Path::new("own.toml"), &text).expect("it can be read");
        let own = values(resolve(own, &|_| None).expect("it is valid"));
        assert_eq!(own, values(resolve(File::default(), &|_| None).expect("defaults")));
        assert!(text.starts_with("#:schema ./x.json\n") && text.contains("# [strategies.brief]"), "{text}");
    }
}
