//! Block server: one disk, several clients, each with a part of it.
//!
//! A part is said by place and size, or by the name of a partition: then the disk's partition tables are read first.
//!
//! A client sees its part as a disk of its own and cannot reach beyond it. Requests are taken from the clients in turn, one of
//! each, so that a flood by one delays another by what the disk takes at once and no more. Data are copied between what is shared
//! with a client and what is shared with the driver: neither sees the other's memory.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
pub mod gpt;
mod server;
mod survey;

pub use server::{Client, Server};
