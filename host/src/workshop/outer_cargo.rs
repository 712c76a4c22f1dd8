//! What a cargo that started us, or a lint or coverage tool, has set for its own build, and must not
//! reach another one. `host/build.rs` includes this file too, so it may need nothing.

/// Whether a variable is of that kind. What the user has set about where crates come from is not.
pub(crate) fn is_of_an_outer_cargo(variable: &str) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTRY_",
        "CARGO_REGISTRIES_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    let of_cargo = variable.starts_with("CARGO") && !KEPT.iter().any(|kept| variable.starts_with(kept));
    let of_compiler =
        ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"].contains(&variable);
    of_cargo || of_compiler || variable.starts_with("__CARGO") || variable.starts_with("CLIPPY_")
}
