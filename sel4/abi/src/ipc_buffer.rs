//! The IPC buffer: what of a message does not fit registers.

use crate::Word;
use crate::message::{MAX_EXTRA_CAPS, MAX_LENGTH};

/// log2 of the buffer's size and alignment.
pub const SIZE_BITS: u32 = 10;

/// The IPC buffer of a thread (`seL4_IPCBuffer`, manual section 4.1).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(1024))]
pub struct IpcBuffer {
    /// Message info; the kernel neither reads nor writes it.
    pub tag: Word,
    /// Message registers; the first four travel in CPU registers.
    pub msg: [Word; MAX_LENGTH],
    /// The thread's own.
    pub user_data: Word,
    /// Capabilities to send, badges received.
    pub caps_or_badges: [Word; MAX_EXTRA_CAPS],
    /// Root of the CSpace for a capability received.
    pub receive_cnode: Word,
    /// The slot in it.
    pub receive_index: Word,
    /// The depth of the slot's address.
    pub receive_depth: Word,
}
