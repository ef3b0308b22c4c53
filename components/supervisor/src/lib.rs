//! A parent that starts its children anew as if they had never run: whoever faults is stopped, told of, given its memory as it was
//! in the image, and started. One that does not come to anything any more is left as it is.
//!
//! What the `microkit` tool tells a parent of its children is read here, and what is to be done with them is decided; the
//! protection domain (`main.rs`) does it.
#![no_std]
#![forbid(unsafe_code)]

pub mod request;
mod table;
mod watch;

pub use table::{Child, Piece, Table};
pub use watch::{Verdict, Watch};
