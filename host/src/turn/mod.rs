//! One persona, one pass, in order: a stage takes a value and returns a bigger one.
