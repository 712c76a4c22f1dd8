//! Where events become log lines and metrics.
