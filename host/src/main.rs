//! The `persona-host` command.

fn main() {}
