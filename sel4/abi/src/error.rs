//! Error codes of invocations and the reasons for which a capability lookup fails (seL4 manual, section 10.2).

/// Error of an invocation: the label of the reply. The detail message registers of each are the manual's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ErrorCode {
    /// A non-capability argument is invalid; MR0 its number.
    InvalidArgument = 1,
    /// A capability argument is invalid; MR0 its number.
    InvalidCapability = 2,
    /// The operation is not allowed.
    IllegalOperation = 3,
    /// An argument is out of range; MR0 the minimum, MR1 the maximum.
    RangeError = 4,
    /// An argument is not aligned as it must be.
    AlignmentError = 5,
    /// A capability could not be looked up; MR0 whether it was a source, MR1… the lookup failure.
    FailedLookup = 6,
    /// The message is too short for the method.
    TruncatedMessage = 7,
    /// The destination is in use and must be deleted first.
    DeleteFirst = 8,
    /// The object has children and must be revoked first.
    RevokeFirst = 9,
    /// Too little memory is left in the untyped; MR0 the bytes that are left.
    NotEnoughMemory = 10,
}

impl ErrorCode {
    /// The error that a reply's label says; `None` for 0 (no error) and for numbers that name none.
    pub const fn from_label(label: u64) -> Option<Self> {
        Some(match label {
            1 => Self::InvalidArgument,
            2 => Self::InvalidCapability,
            3 => Self::IllegalOperation,
            4 => Self::RangeError,
            5 => Self::AlignmentError,
            6 => Self::FailedLookup,
            7 => Self::TruncatedMessage,
            8 => Self::DeleteFirst,
            9 => Self::RevokeFirst,
            10 => Self::NotEnoughMemory,
            _ => return None,
        })
    }
}

/// Why a capability lookup failed: first word of a lookup failure description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum LookupFailureKind {
    /// No failure.
    NoFailure = 0,
    /// The CSpace's root is no CNode.
    InvalidRoot = 1,
    /// The slot is empty; then the bits left.
    MissingCapability = 2,
    /// The lookup ended at another depth; then bits left, bits found.
    DepthMismatch = 3,
    /// A guard did not match; then bits left, guard found, guard size.
    GuardMismatch = 4,
}

/// Why a capability lookup failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFailure {
    /// The CSpace's root is no CNode.
    InvalidRoot,
    /// The slot is empty.
    MissingCapability {
        /// Bits of the pointer that were left to resolve.
        bits_left: u64,
    },
    /// The pointer was resolved too early, or not to its end.
    DepthMismatch {
        /// Bits of the pointer that were left to resolve.
        bits_left: u64,
        /// Bits that the CNode resolves.
        bits_found: u64,
    },
    /// A guard was not matched.
    GuardMismatch {
        /// Bits of the pointer that were left to resolve.
        bits_left: u64,
        /// The guard.
        guard_found: u64,
        /// The guard's size in bits.
        bits_found: u64,
    },
}

impl LookupFailure {
    /// The failure that a description tells: its first word ([`LookupFailureKind`]) and the three that follow. `None`
    /// when the first names no failure.
    pub const fn from_words(kind: u64, [bits_left, second, third]: [u64; 3]) -> Option<Self> {
        const INVALID_ROOT: u64 = LookupFailureKind::InvalidRoot as u64;
        const MISSING_CAPABILITY: u64 = LookupFailureKind::MissingCapability as u64;
        const DEPTH_MISMATCH: u64 = LookupFailureKind::DepthMismatch as u64;
        const GUARD_MISMATCH: u64 = LookupFailureKind::GuardMismatch as u64;

        Some(match kind {
            INVALID_ROOT => Self::InvalidRoot,
            MISSING_CAPABILITY => Self::MissingCapability { bits_left },
            DEPTH_MISMATCH => Self::DepthMismatch { bits_left, bits_found: second },
            GUARD_MISMATCH => Self::GuardMismatch { bits_left, guard_found: second, bits_found: third },
            _ => return None,
        })
    }
}
