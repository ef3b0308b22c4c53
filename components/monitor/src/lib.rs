//! What the monitor says about a fault of a protection domain. The decoding is apart from the PD (`main.rs`), which
//! receives faults and prints reports, so that it is tested on the host.
#![no_std]
#![forbid(unsafe_code)]

mod cause;
mod domain;
mod message;
mod report;
mod slot;
mod syndrome;

pub use cause::Cause;
pub use domain::Domain;
pub use message::fault;
pub use report::Report;
pub use slot::SlotUse;
pub use syndrome::{Access, AccessKind, Status, Syndrome};
