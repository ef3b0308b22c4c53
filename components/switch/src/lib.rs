//! Layer-2 switch: guests and other stations, each on a cable of its own, with rules for who may talk to whom.
//!
//! Nobody talks to anybody unless the description says so. A station sends under the address that the description gives it and no
//! other, unless it is told to be one behind which there are others (an uplink); whose addresses are learned then. Frames are
//! taken from the stations in turn, some of each, and dropped where a receiver does not keep up: no station delays another.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod switch;

pub use switch::{Station, Switch, Turn};
