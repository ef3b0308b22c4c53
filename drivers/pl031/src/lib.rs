//! Driver of a PL031 real-time clock (Arm DDI 0224), which several users share: each reads the date without asking, and is signalled
//! at the second, or each second, that it asked for ([`ivc::clock`]).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod driver;

pub use driver::{Counter, Driver, Rtc};
