//! A small native client of the console: a shell with a handful of commands, to see that a protection
//! domain lives, to make output at will, and to show what happens when one faults.
//!
//! It is the example of a console client: [`Session`] shows how to read, write and sleep on an
//! [`ivc::console::Port`] without losing anything.
#![no_std]
#![forbid(unsafe_code)]

mod line;
mod session;
mod shell;

pub use line::{LineEditor, MAX_LINE};
pub use session::Session;
pub use shell::{Action, Machine, Output, execute};
