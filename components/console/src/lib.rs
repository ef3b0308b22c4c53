//! The console server: many clients, one terminal, nobody in anybody's way.
//!
//! Either one client is **in focus**: the terminal is its own, raw, in both directions, and it loses
//! nothing (the server takes from its ring only what the terminal can still show). Or **all** are shown,
//! line by line, each line labelled with the name of the client that wrote it. Output that is not
//! shown at once waits in a bounded history per client; what falls out of it is counted and
//! marked. Only the client in focus is ever held back, and only by the terminal.
//!
//! [`Console`] is the whole server as a state machine over [`ivc::console::Port`]s; the protection
//! domain around it maps regions and sends signals. The parts: [`config`] (who the clients are), [`keys`] (the
//! chord), [`History`], [`filter`] (what a client may do to the terminal when it isn't its own), and the
//! screen that puts them together.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod console;
pub mod filter;
mod history;
pub mod keys;
mod output;
mod remote;
mod screen;

pub use console::{Client, Console, Turn};
pub use history::History;
