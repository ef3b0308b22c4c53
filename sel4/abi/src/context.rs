//! A thread's registers, in the order in which `TCB_ReadRegisters` and `TCB_WriteRegisters` transfer them.

use crate::Word;

/// Registers of a thread (`seL4_UserContext`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[allow(missing_docs, reason = "the names are the architecture's")]
pub struct UserContext {
    pub pc: Word,
    pub sp: Word,
    pub spsr: Word,
    pub x0: Word,
    pub x1: Word,
    pub x2: Word,
    pub x3: Word,
    pub x4: Word,
    pub x5: Word,
    pub x6: Word,
    pub x7: Word,
    pub x8: Word,
    pub x16: Word,
    pub x17: Word,
    pub x18: Word,
    pub x29: Word,
    pub x30: Word,
    pub x9: Word,
    pub x10: Word,
    pub x11: Word,
    pub x12: Word,
    pub x13: Word,
    pub x14: Word,
    pub x15: Word,
    pub x19: Word,
    pub x20: Word,
    pub x21: Word,
    pub x22: Word,
    pub x23: Word,
    pub x24: Word,
    pub x25: Word,
    pub x26: Word,
    pub x27: Word,
    pub x28: Word,
    pub tpidr_el0: Word,
    pub tpidrro_el0: Word,
}

/// A register of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// Program counter.
    Pc,
    /// Stack pointer.
    Sp,
    /// Saved program status.
    Spsr,
    /// General-purpose register 0 to 30.
    X(u8),
    /// Thread pointer.
    TpidrEl0,
    /// Read-only thread pointer.
    TpidrroEl0,
}

use Register::{Pc, Sp, Spsr, TpidrEl0, TpidrroEl0, X};

/// Number of words of a [`UserContext`].
pub const LENGTH: usize = 36;

/// The registers in the order of [`UserContext`].
pub const ORDER: [Register; LENGTH] = [
    Pc,
    Sp,
    Spsr,
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(16),
    X(17),
    X(18),
    X(29),
    X(30),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    TpidrEl0,
    TpidrroEl0,
];

/// Registers that `TCB_CopyRegisters` counts as the frame; those behind are the integer registers.
pub const FRAME_REGISTERS: usize = 17;

/// The order in which a reply to a timeout fault sets registers: that of [`ORDER`] without the thread pointers.
pub const TIMEOUT_REPLY_ORDER: &[Register] = ORDER.split_at(crate::fault::timeout::REPLY_LENGTH).0;
