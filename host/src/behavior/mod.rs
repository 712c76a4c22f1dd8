//! Plugins: the one room that knows wasmtime. It knows no persona store, no model and no tool server.
