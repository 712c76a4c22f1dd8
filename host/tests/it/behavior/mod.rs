//! Plugins, loaded and called, well-behaved and not.
