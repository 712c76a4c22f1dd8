//! Everything that is wrong with a configuration, and not only the first: what is wrong is taken out, and the rest is
//! looked at again.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::place::{around, span};
use super::{Config, ConfigError, File, resolve};

/// More mistakes than anybody reads.
const MOST: usize = 100;

/// What is wrong with the text of a file and with variables, and what there is without that.
///
/// Nothing is there if what is wrong keeps the rest from being read, such as a bracket that is not closed.
pub fn mistakes(
    file: Option<(&Path, &str)>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Vec<ConfigError>, Option<Config>) {
    let mut rest = file.map(|(path, text)| (path, text.to_owned()));
    let (mut found, unset) = (Vec::new(), RefCell::new(BTreeSet::new()));
    let rest_of_environment =
        |name: &str| if unset.borrow().contains(name) { None } else { environment(name) };
    while found.len() < MOST {
        let read = rest.as_ref().map_or_else(|| Ok(File::default()), |(path, text)| File::parse(path, text));
        let error = match read.and_then(|file| resolve(file, &rest_of_environment)) {
            Ok(config) => return (found, Some(config)),
            Err(error) => error,
        };
        let taken = match place(&error) {
            Some(place) => rest.as_mut().is_some_and(|(_, text)| take_out(text, place)),
            None => {
                variables(&error).into_iter().filter(|name| unset.borrow_mut().insert(name.clone())).count()
                    > 0
            }
        };
        let written = file.map_or("", |(_, text)| text);
        if !follows(&error, written) {
            found.push(in_the_text(error, written));
        }
        if !taken {
            break;
        }
    }
    (found, None)
}

fn place(error: &ConfigError) -> Option<&std::ops::Range<usize>> {
    match error {
        ConfigError::Syntax { span, .. } | ConfigError::At { span, .. } => Some(span),
        _ => None,
    }
}

/// The variables without which it would not be so.
fn variables(error: &ConfigError) -> Vec<String> {
    match error {
        // A secret may be in the file that the variable names.
        ConfigError::Value { name, .. } => vec![name.clone(), format!("{name}_FILE")],
        ConfigError::SecretFile { name, .. }
        | ConfigError::EmptySecret { name, .. }
        | ConfigError::Twice { name } => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// Whether it is only so because something else was taken out: the strategy is in the file.
fn follows(error: &ConfigError, written: &str) -> bool {
    match error {
        ConfigError::At { error, .. } => follows(error, written),
        ConfigError::NoSuchStrategy { name, .. } => span(written, &format!("strategies.{name}")).is_some(),
        _ => false,
    }
}

/// The same error in the text as it was written: every letter that was taken out is there.
fn in_the_text(error: ConfigError, written: &str) -> ConfigError {
    let whole = written.to_owned();
    match error {
        ConfigError::Syntax { path, span, message, hint, .. } => {
            ConfigError::Syntax { path, text: whole, span, message, hint }
        }
        ConfigError::At { path, span, error, .. } => ConfigError::At { path, text: whole, span, error },
        other => other,
    }
}

/// Puts spaces in the place of the entry around a place, so that everything else stays where it is.
fn take_out(text: &mut String, place: &std::ops::Range<usize>) -> bool {
    let Some(entry) = around(text, place) else { return false };
    let Some(taken) = text.get(entry.clone()) else { return false };
    if taken.trim().is_empty() {
        return false;
    }
    let blank: String = taken.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(entry, &blank);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, variables: &[(&str, &str)]) -> (Vec<String>, bool) {
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let (found, config) = mistakes(Some((Path::new("own.toml"), text)), &environment);
        let told = found.iter().map(|error| match error {
            ConfigError::Syntax { span, text, .. } | ConfigError::At { span, text, .. } => {
                format!("{}: {}", &text[span.clone()], error)
            }
            other => other.to_string(),
        });
        (told.collect(), config.is_some())
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once_and_where_it_is() {
        let text = "runner.time_zone = \"Mars\"\nrunner.concurency = 3\n\
                    [http]\nport = 70000\nbind = \"ö\"\n\
                    [runer]\nconcurrency = 2\n\
                    [plugins]\ncanary = { share = 2.0, clean_turns = 1 }\nwatch = \"often\"\n\
                    [strategies.own]\nsettings = { a = 1 }\n\
                    [routing]\ndefault = \"own\"\npersonas = { \"a.b@c\" = \"none\", \"d@e\" = \"nobody\" }\n\
                    [budget.arms]\n\"one\" = 1.0\n\
                    [store]\nkeep = \"1d\"\n";
        let (told, rest) = found(text, &[("PORT", "abc"), ("RUNNER_PAUSED", "yes")]);
        let begins = [
            "concurency: unknown key",
            "70000: ",
            "\"ö\": this is no IP address",
            "runer: unknown key",
            "\"often\": ",
            "PORT must be a positive integer",
            "RUNNER_PAUSED must be 1 or true",
            "\"Mars\": runner.time_zone",
            "2.0: plugins.canary.share",
            "\"1d\": store.keep",
            "\"none\": routing.personas.a.b@c names the strategy",
        ];
        for begin in begins {
            assert!(told.iter().any(|told| told.starts_with(begin)), "{begin} in {told:#?}");
        }
        assert!(told.iter().any(|told| told.contains("there is no key `plugin`")), "{told:#?}");
        assert!(told.iter().any(|told| told.contains("must name an arm as")), "{told:#?}");
        assert!(
            !told.iter().any(|told| told.contains("routing.default")),
            "it follows from another: {told:#?}"
        );
        assert_eq!((told.len(), rest), (begins.len() + 2, true), "{told:#?}");
    }

    #[test]
    fn a_secret_in_a_file_that_is_none_is_told_once() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "short").expect("it is ours");
        let path = file.path().to_str().expect("UTF-8");
        let (told, rest) = found("", &[("PERSONA_ADMIN_TOKEN_FILE", path)]);
        assert_eq!((told.len(), rest), (1, true), "{told:#?}");
    }

    #[test]
    fn what_keeps_the_rest_from_being_read_is_told_alone() {
        let (told, rest) = found("[runner\nconcurency = 3\n", &[]);
        assert_eq!((told.len(), rest), (1, false), "{told:?}");
    }
}
