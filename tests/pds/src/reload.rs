//! What the protection domains of the system `reload` share.

use core::sync::atomic::AtomicU64;

/// What the victim tells the judge.
#[derive(Debug)]
#[repr(C)]
pub struct Findings {
    /// How often it has started.
    pub starts: AtomicU64,
    /// Which life it was told that this is.
    pub life: AtomicU64,
    /// Memory that was not as the image has it, a bit for each kind ([`kind`]), in all its lives.
    pub dirty: AtomicU64,
}

/// Kinds of memory, as numbers of bits.
pub mod kind {
    /// Initialised data of the program.
    pub const DATA: u64 = 0;
    /// Its other data.
    pub const ZEROS: u64 = 1;
    /// A region of its own that is filled.
    pub const FILLED: u64 = 2;
    /// A region of its own, of large pages, that is not.
    pub const LARGE: u64 = 3;
    /// The IPC buffer.
    pub const IPC_BUFFER: u64 = 4;
    /// The stack.
    pub const STACK: u64 = 5;
    /// Floating-point registers, and how they are used.
    pub const FLOATING_POINT: u64 = 6;
}

/// How the region begins (`tests/systems/reload.txt`).
pub const FILLED: [[u8; 8]; 2] = [*b"as it wa", *b"s at all"];

/// Labels of protected calls to the victim: how it ends.
pub mod end {
    /// It writes to where nothing is.
    pub const BAD_WRITE: u64 = 1;
    /// It jumps to where nothing is.
    pub const BAD_JUMP: u64 = 2;
    /// It panics.
    pub const PANIC: u64 = 3;
    /// It does not: the call is answered.
    pub const NONE: u64 = 4;
}
