//! The scripted Claude, driven by the official SDK.
