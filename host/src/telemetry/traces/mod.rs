//! Turns as OpenTelemetry traces: finished spans out of the events that metrics and log read, sent to a collector in
//! OTLP over HTTP. No SDK makes them: it would choose the ids, read the environment, and measure a second time.

mod attribute;
mod collector;
mod names;
mod queue;
mod reader;
mod setup;
mod spans;
mod words;

pub use setup::TraceOptions;

pub(super) use reader::Traces;
