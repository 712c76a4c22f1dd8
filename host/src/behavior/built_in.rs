//! The plugins that are part of the program, so that it works without any file beside it.

/// Name and component of each.
const COMPONENTS: [(&str, &[u8]); 2] = [
    ("daily", include_bytes!(concat!(env!("OUT_DIR"), "/daily.wasm"))),
    ("brief", include_bytes!(concat!(env!("OUT_DIR"), "/brief.wasm"))),
];

/// Their names.
pub const BUILT_IN: [&str; 2] = [COMPONENTS[0].0, COMPONENTS[1].0];

pub(super) fn component(name: &str) -> Option<&'static [u8]> {
    COMPONENTS.iter().find(|(built_in, _)| *built_in == name).map(|(_, bytes)| *bytes)
}
