//! Experiments: what people see of them.

mod page;
mod shown;
