//! Builds that come while the program runs: what serves, what is refused, and what nobody notices.

mod canary;
#[cfg(unix)]
mod hostile;
mod left_out;
mod load;
mod quarantine;
mod replay;
mod rollback;
#[cfg(unix)]
mod silent;
mod slow;
#[cfg(unix)]
mod start;
mod swap;
mod trust;
mod watching;
