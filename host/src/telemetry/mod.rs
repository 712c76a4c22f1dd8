//! Where events become log lines, metrics and traces. It knows values of `domain` and nobody's inside.

mod events;
mod exposition;
mod in_flight;
mod log;
mod metrics;
mod traces;
mod turn_line;
mod upstreams;

pub use events::Events;
pub use in_flight::UnderWay;
pub use log::{LogFilter, LogFormat, start_log};
pub use metrics::Metrics;
pub use traces::TraceOptions;
