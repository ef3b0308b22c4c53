//! Errors of invocations.

use core::{fmt, result};

use crate::Word;
use crate::abi::error::ErrorCode;

/// `Result<_, Error>`.
pub type Result<T> = result::Result<T, Error>;

macro_rules! errors {
    ($($(#[$outer:meta])* $name:ident,)*) => {
        /// What the kernel answers to an invocation that it refuses (`seL4_Error`).
        #[repr(u32)]
        #[derive(Debug, Clone, Copy, Eq, PartialEq)]
        pub enum Error {
            $($(#[$outer])* $name = ErrorCode::$name as u32,)*
        }

        impl From<ErrorCode> for Error {
            fn from(code: ErrorCode) -> Self {
                match code {
                    $(ErrorCode::$name => Self::$name,)*
                }
            }
        }
    };
}

errors! {
    /// An argument that is no capability is invalid.
    InvalidArgument,
    /// A capability argument is of another type, or none.
    InvalidCapability,
    /// The operation is not allowed.
    IllegalOperation,
    /// An argument is out of range.
    RangeError,
    /// An argument is not aligned.
    AlignmentError,
    /// A capability argument cannot be looked up.
    FailedLookup,
    /// The message is too short.
    TruncatedMessage,
    /// The destination holds something: delete that first.
    DeleteFirst,
    /// The object has children: revoke it first.
    RevokeFirst,
    /// The untyped is too small, or used up.
    NotEnoughMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seL4_Error: {self:?}")
    }
}

#[cfg(not(sel4_plain))]
impl core::error::Error for Error {}

impl Error {
    /// The number of the error (`seL4_Error`).
    pub const fn into_sys(self) -> u32 {
        self as u32
    }

    /// The error with this number; `None` for success.
    ///
    /// # Panics
    ///
    /// When it is no number of an error, which the kernel never answers.
    pub fn from_sys(err: u32) -> Option<Self> {
        Self::from_label(err.into())
    }

    /// As [`from_sys`](Self::from_sys), of the label of a reply.
    #[inline]
    pub(crate) fn from_label(label: Word) -> Option<Self> {
        if label == 0 {
            return None;
        }
        let code = ErrorCode::from_label(label);
        Some(code.unwrap_or_else(|| panic!("invalid seL4_Error: {label}")).into())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn labels_are_errors() {
        assert_eq!(Error::from_label(0), None);
        assert_eq!(Error::from_label(8), Some(Error::DeleteFirst));
        assert_eq!(Error::from_sys(Error::DeleteFirst.into_sys()), Some(Error::DeleteFirst));
        assert_eq!(Error::DeleteFirst.to_string(), "seL4_Error: DeleteFirst");
    }

    #[test]
    #[should_panic(expected = "invalid seL4_Error: 77")]
    fn other_labels_are_not() {
        Error::from_label(77);
    }
}
