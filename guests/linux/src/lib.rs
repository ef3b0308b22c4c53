//! `ivc`, a program for Linux guests: messages to and from others, over the port that the guest's monitor has for them ([`ivc::text`]).
//!
//! What it says to the monitor and how it ends is here, and tested on the host; Linux's system calls are the program's.
#![no_std]
#![forbid(unsafe_code)]

mod command;
mod exchange;
pub mod folder;

pub use command::{Command, USAGE, Wrong};
pub use exchange::{Ended, Failure, Lost, Port, run};
