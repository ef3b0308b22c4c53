//! What the protection domains of the test systems say to each other.
#![no_std]
#![forbid(unsafe_code)]

pub mod campaign;
pub mod isolation;
pub mod reload;

/// Labels of protected calls, in the system `native`.
pub mod label {
    /// To a server: answer with the label and all words one higher.
    pub const ECHO: u64 = 0x10;
    /// To the active server: pass the call on to the passive one, as [`ECHO`].
    pub const ECHO_FURTHER: u64 = 0x20;
    /// From the child to its parent: word 0 says how often it has started, word 1 is its entry point.
    pub const STARTED: u64 = 0x30;
}

/// Where the child faults when it is told to.
pub const CHILD_FAULT_ADDRESS: u64 = 0xdead_0000;
