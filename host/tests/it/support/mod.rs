//! What the tests of several rooms need.

pub(crate) mod builds;
pub(crate) mod hostile;
pub(crate) mod house;
pub(crate) mod http;
pub(crate) mod meddling;
pub(crate) mod prover;
pub(crate) mod pulse;
pub(crate) mod python;
pub(crate) mod site;
