//! Where events become log lines and metrics. It knows values of `domain` and nobody's inside.

mod events;
mod exposition;
mod in_flight;
mod log;
mod metrics;
mod upstreams;

pub use events::Events;
pub use in_flight::UnderWay;
pub use log::{LogFormat, start_log};
pub use metrics::Metrics;
