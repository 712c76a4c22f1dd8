//! A configuration file for a demo of one plugin, as text.

use std::path::Path;

use serde_json::{Value, json};

/// Everybody is under the strategy `plugin`, which has these settings; its component is in `dir`.
///
/// # Errors
/// When the settings hold a `null`, which TOML cannot write.
pub fn demo_of(plugin: &str, settings: &Value, dir: &Path, port: u16) -> Result<String, String> {
    let document = json!({
        "http": { "port": port },
        "plugins": { "dir": dir, "builds_dir": dir.join("builds") },
        "strategies": { plugin: { "plugin": plugin, "settings": settings } },
        "routing": { "default": plugin },
    });
    toml::to_string(&document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{File, resolve};

    #[test]
    fn what_is_written_can_be_read() {
        let settings = json!({"minutes": 3, "words": ["a", "b"], "deep": {"yes": true}});
        let text = demo_of("own", &settings, Path::new("/tmp/x"), 4000).expect("it can be written");
        let file = File::parse(Path::new("written.toml"), &text).expect("it can be read");
        let config = resolve(file, &|_| None).expect("it is valid");
        assert_eq!((config.http.port, config.routing.default.as_str()), (4000, "own"));
        let own = config.strategies.iter().find(|own| own.name.as_str() == "own").expect("it is there");
        assert_eq!(own.settings, settings);
        demo_of("own", &json!({"a": null}), Path::new("x"), 1).expect_err("TOML has no null");
    }
}
