//! What the tests of several rooms need.

pub(crate) mod http;
pub(crate) mod peers;
