//! The reference in docs/reference is what the program writes.

use super::Shell;

#[test]
fn the_reference_is_up_to_date() {
    let shell = Shell::new();
    let said = shell.document("man pages --form markdown", 0);
    for page in said["pages"].as_array().unwrap() {
        let page = page.as_str().unwrap();
        let name = page.strip_prefix("pages/").unwrap();
        let written = std::fs::read_to_string(shell.path(page)).unwrap();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == kept,
            "docs/reference/{name} is old: type `cargo run -- man --form markdown docs/reference`"
        );
    }
}

#[test]
fn the_reference_of_the_configuration_knows_defaults_and_variables() {
    let page = persona_host::cli::reference::configuration();
    for row in [
        "| `runner.concurrency` | integer | `2` | `PERSONA_CONCURRENCY` |",
        "| `http.port` | integer | `3070` | `PORT` |",
        "| `store.url` | string | `sqlite:persona-host.db` | `PERSONA_STORE_URL` |",
    ] {
        assert!(page.contains(row), "{row} in:\n{page}");
    }
    let page = persona_host::cli::reference::wit();
    for part in [
        "## interface behavior",
        "### compose-turn()",
        "### record persona\n",
        "How often a persona acts.\n\n```wit\nenum cadence {\n  /// Once an hour.\n  hourly,",
    ] {
        assert!(page.contains(part), "{part} in:\n{page}");
    }
}
