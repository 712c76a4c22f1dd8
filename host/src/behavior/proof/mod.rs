//! A file is untrusted until it has shown itself, and it shows itself in a child process: what reads, checks,
//! compiles and first calls a build runs there, in limits that the child sets itself. The host takes what the
//! child hands over, and a child that dies is a refusal.

mod answer;
mod cache;
mod child;
mod death;
mod limits;
mod parent;
mod places;
mod unproven;

pub(super) use answer::{Answer, Proof, Question, Trial};
pub(super) use cache::{Key, Proofs};
pub use child::answer_as_child;
pub use limits::ProofLimits;
pub(super) use parent::Prover;
pub(super) use unproven::{Unproven, misunderstood};
