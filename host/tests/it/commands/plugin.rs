//! `plugin …`: from nothing to a plugin that the host takes, and what is refused on the way.

mod call;
mod case;
mod component;
mod guide;
mod project;
mod settings;
mod signature;

use domain::ids::PluginName;
use persona_host::behavior::Source;

use super::{Said, Shell};

/// A shell in which the tools that build plugins are found, with what they have downloaded before.
pub(super) fn workshop() -> Shell {
    let of_user = |variable: &str, folder: &str| {
        let home = || std::env::home_dir().unwrap_or_default().join(folder).display().to_string();
        std::env::var(variable).unwrap_or_else(|_| home())
    };
    Shell::new()
        .with("PATH", &std::env::var("PATH").unwrap_or_default())
        .with("CARGO_HOME", &of_user("CARGO_HOME", ".cargo"))
        .with("RUSTUP_HOME", &of_user("RUSTUP_HOME", ".rustup"))
        .with("npm_config_cache", &of_user("npm_config_cache", ".npm"))
        .with("PIP_CACHE_DIR", &of_user("PIP_CACHE_DIR", ".cache/pip"))
        // What the cargo of this test has set must not reach the one that builds the plugin.
        .with("RUSTFLAGS", "--cfg this_is_no_flag_for_guests -D warnings")
}

/// The component `brief` that is part of the program.
fn brief() -> Vec<u8> {
    Source::built_in(&PluginName::new("brief")).unwrap().bytes.to_vec()
}

fn ended(said: &Said, code: i32) {
    assert_eq!(said.code, Some(code), "{}\n{}", said.stdout, said.stderr);
}
