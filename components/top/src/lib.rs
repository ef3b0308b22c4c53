//! A client of the console that shows what the parts of a running system do: their share of the processor, and what they count
//! of themselves ([`ivc::statistics`]).
//!
//! It sees what the system description lets it see and nothing else: the tables that are mapped for it, and the time of the
//! scheduling contexts that it was given.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod sample;
mod session;
mod table;

pub use sample::{Clock, Meter};
pub use session::{Session, Turn};
