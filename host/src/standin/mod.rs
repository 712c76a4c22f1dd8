//! The neighbours as real loopback servers. They are stand-ins and say so.

pub mod claude;
