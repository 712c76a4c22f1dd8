//! The HTTP face: health, metrics, diagnostics and the read-only API.
