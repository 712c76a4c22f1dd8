//! What may be typed next, as it can be copied.

use std::path::Path;

/// The program as it was called: who came here by `cargo run` has no persona-host in the path.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "persona-host".to_owned())
}

/// A command line of this program, beside the configuration file that was named.
pub(super) fn typed(words: &[&str], config: Option<&Path>) -> String {
    let config = config.map(|path| path.display().to_string());
    let config = config.iter().flat_map(|path| ["--config", path.as_str()]);
    let words = words.iter().copied().chain(config).map(quoted);
    [quoted(&program())].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it for one.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:=@,%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_in_a_shell() {
        for (word, shown) in [
            ("plugins/sun", "plugins/sun"),
            ("my plugin", "'my plugin'"),
            ("anna's", "'anna'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
        let line = typed(&["turns", "list"], Some(Path::new("my file.toml")));
        assert!(line.ends_with(" turns list --config 'my file.toml'"), "{line}");
    }
}
