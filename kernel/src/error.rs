//! Errors of system calls, as user level is told them.

use quoll_kernel_core::lookup::LookupFailure;
use sel4_abi::error::ErrorCode;

/// Why an invocation failed. Each becomes the label of the reply and up to five message registers (seL4 manual, 10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SysError {
    /// Argument of this number is invalid.
    InvalidArgument(u64),
    /// Capability of this number is invalid; 0 is the one invoked.
    InvalidCapability(u64),
    /// The object does not allow this now.
    IllegalOperation,
    /// An argument is out of range.
    Range {
        /// Least allowed value.
        min: u64,
        /// Greatest allowed value.
        max: u64,
    },
    /// An address is not aligned.
    Alignment,
    /// A capability could not be found.
    FailedLookup {
        /// Whether it was the source of the operation.
        source: bool,
        /// Why.
        failure: LookupFailure,
    },
    /// The message is too short.
    Truncated,
    /// Something is in the way.
    DeleteFirst,
    /// The object has children.
    RevokeFirst,
    /// The untyped has only this many bytes left.
    NotEnoughMemory(u64),
    /// Not an error: an interrupt waits, and the system call starts over after it.
    Preempted,
}

/// An error as label and message registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    /// Label of the reply.
    pub label: u64,
    /// Message registers.
    pub words: [u64; 5],
    /// How many of them count.
    pub length: usize,
}

impl SysError {
    /// The reply that tells the error. [`SysError::Preempted`] is never told.
    pub fn message(self) -> ErrorMessage {
        let make = |code: ErrorCode, given: &[u64]| {
            let mut words = [0; 5];
            words[..given.len()].copy_from_slice(given);
            ErrorMessage { label: code as u64, words, length: given.len() }
        };
        match self {
            Self::InvalidArgument(number) => make(ErrorCode::InvalidArgument, &[number]),
            Self::InvalidCapability(number) => make(ErrorCode::InvalidCapability, &[number]),
            Self::IllegalOperation | Self::Preempted => make(ErrorCode::IllegalOperation, &[]),
            Self::Range { min, max } => make(ErrorCode::RangeError, &[min, max]),
            Self::Alignment => make(ErrorCode::AlignmentError, &[]),
            Self::FailedLookup { source, failure } => {
                let ([a, b, c, d], count) = failure.words();
                make(ErrorCode::FailedLookup, &[u64::from(source), a, b, c, d][..=count])
            }
            Self::Truncated => make(ErrorCode::TruncatedMessage, &[]),
            Self::DeleteFirst => make(ErrorCode::DeleteFirst, &[]),
            Self::RevokeFirst => make(ErrorCode::RevokeFirst, &[]),
            Self::NotEnoughMemory(left) => make(ErrorCode::NotEnoughMemory, &[left]),
        }
    }
}
