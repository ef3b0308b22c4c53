//! The system specification: what the `microkit` tool plans and the initialiser builds.
//!
//! A specification is a stream of [`Record`]s in the manner of capDL: kernel objects first, then what they hold (page
//! tables, mappings, capability slots, thread state). It names objects by number and knows nothing of Microkit: policy
//! is the tool's. Runs of like objects are one record, so that a guest's memory costs a few bytes and no search.
//!
//! Fill data stands in whole pages of the root task's image, next to the specification. A 4 KiB frame that is to be
//! filled *is* such a page: the kernel hands the image's frames to the root task ([`Frames::Image`]), which passes them
//! on. Nothing is copied but into larger frames ([`Record::Fill`]).

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "encode", test))]
extern crate alloc;

mod allocate;
mod record;
mod stream;

pub use allocate::{AllocateError, Allocator, Placed, Untyped};
pub use record::{
    CSpace, Cap, CapData, DomainSlot, Duration, FaultHandler, Frames, Kind, Mapping, ObjectId, Record, Rights, Thread,
    Trigger,
};
#[cfg(any(feature = "encode", test))]
pub use stream::encode;
pub use stream::{DecodeError, Header, Spec};

/// Bytes of a page, the unit in which the root task's image is laid out.
pub const PAGE_BYTES: u64 = 1 << PAGE_BITS;
/// log2 of [`PAGE_BYTES`].
pub const PAGE_BITS: u8 = 12;
