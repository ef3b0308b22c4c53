//! Inter-VM and inter-domain communication over shared buffers: queues between two parties that
//! do not trust each other.
//!
//! * [`Region`]: the memory that both parties map. Nothing in it is ever seen as `&[u8]`: it is
//!   read and written through atomics only, because the peer may change it at any time.
//! * [`Producer`] and [`Consumer`]: the two ends of a byte ring. Each keeps its own position
//!   privately and checks the peer's, so a peer that lies harms its own data only. Wake-up flags in
//!   the ring say when the other side must be signalled; no wake-up is lost.
//! * [`Sender`] and [`Receiver`]: the same for slots of one size, and [`Words`], shared memory that such slots tell of.
//! * [`console::Port`]: two rings in one region, the two directions of a console line; [`net::Port`]: those of a network
//!   cable; [`block::Client`] and [`block::Server`]: a disk.
//! * [`clock`]: the time of day, and signals at a time.
//! * [`statistics`]: counters that one party publishes and others read.
//! * [`guest`]: messages of three words, as a guest sends and takes them; [`text`]: the same as lines of text;
//!   [`mailbox`]: the same to a native program.
//! * [`frame`] and [`remote`]: messages on a line that may lose some, and those between the console server and terminals elsewhere.
//!
//! How a signal travels is the user's affair (a Microkit channel, a virtual interrupt): operations
//! that may owe the peer one return a `#[must_use] bool`.
//!
//! ```
//! use ivc::{Block, Region, console::Port};
//!
//! let memory: Vec<Block> = std::iter::repeat_with(Block::new).take(64).collect();
//! let mut client = Port::client(Region::over(&memory))?;
//! let mut server = Port::server(Region::over(&memory))?;
//!
//! let mut buffer = [0; 16];
//! assert_eq!(server.read(&mut buffer), 0);
//! server.await_input(); // nothing there: signal me when there is
//! assert_eq!(client.write(b"hello"), 5);
//! assert!(client.owes_signal()); // the client notifies the server here
//! assert_eq!(server.read(&mut buffer), 5);
//! # Ok::<(), ivc::RegionError>(())
//! ```
#![cfg_attr(not(loom), no_std)]
#![deny(unsafe_code)]

#[cfg(not(loom))]
pub mod block;
#[cfg(not(loom))]
pub mod clock;
pub mod console;
mod end;
pub mod entropy;
pub mod frame;
pub mod guest;
#[cfg(not(loom))]
pub mod mailbox;
#[cfg(not(loom))]
pub mod net;
mod region;
pub mod remote;
mod ring;
mod slots;
#[cfg(not(loom))]
pub mod statistics;
pub mod text;
mod words;

pub use region::{Block, Region, RegionError};
#[cfg(loom)]
pub use region::{Header, Ring};
pub use ring::{Consumer, Producer};
pub use slots::{Receiver, Sender};
pub use words::{Aligned, Words};
