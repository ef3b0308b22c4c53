//! The exception syndrome register (`ESR_EL2`, Arm ARM D24.2.40) in words, as far as a protection domain can cause it.

use core::fmt;

/// A value of the exception syndrome register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syndrome(pub u64);

const CLASS_UNKNOWN: u64 = 0x00;
const CLASS_INSTRUCTION_ABORT: u64 = 0x20;
const CLASS_DATA_ABORT: u64 = 0x24;

/// Exception classes that an EL0 thread can cause.
const CLASSES: &[(u64, &str)] = &[
    (CLASS_UNKNOWN, "undefined instruction"),
    (0x01, "trapped WFI or WFE"),
    (0x07, "use of the FPU, which the thread may not use"),
    (0x0d, "branch to an instruction that is no branch target"),
    (0x0e, "illegal execution state"),
    (0x15, "SVC instruction"),
    (0x18, "trapped system register access or system instruction"),
    (0x19, "use of SVE, which is not available"),
    (0x1c, "pointer authentication failure"),
    (0x1d, "use of SME, which is not available"),
    (CLASS_INSTRUCTION_ABORT, "instruction abort"),
    (0x22, "program counter that is not aligned"),
    (CLASS_DATA_ABORT, "data abort"),
    (0x26, "stack pointer that is not aligned to 16 bytes"),
    (0x2c, "floating-point exception"),
    (0x30, "breakpoint"),
    (0x32, "single step"),
    (0x34, "watchpoint"),
    (0x3c, "BRK instruction"),
];

impl Syndrome {
    /// The exception class (bits 31:26).
    pub const fn class(self) -> u64 {
        self.0 >> 26 & 0x3f
    }

    /// The exception class in words, where a thread can cause it.
    pub fn class_name(self) -> Option<&'static str> {
        CLASSES.iter().find(|(class, _)| *class == self.class()).map(|(_, name)| *name)
    }

    /// Whether the instruction is none that the processor has.
    pub const fn is_undefined_instruction(self) -> bool {
        self.class() == CLASS_UNKNOWN
    }

    /// The access that failed, if it was one.
    pub const fn access(self) -> Option<Access> {
        let kind = match self.class() {
            CLASS_INSTRUCTION_ABORT => AccessKind::Execute,
            CLASS_DATA_ABORT if self.0 & 1 << 6 != 0 => AccessKind::Write,
            CLASS_DATA_ABORT => AccessKind::Read,
            _ => return None,
        };
        Some(Access { kind, size: self.size(), status: Status::from_code(self.0 & 0x3f) })
    }

    /// Bytes of a data access (bits 24, ISV, and 23:22, SAS), where the processor tells them.
    const fn size(self) -> Option<usize> {
        let valid = self.class() == CLASS_DATA_ABORT && self.0 & 1 << 24 != 0;
        if valid { Some(1 << (self.0 >> 22 & 3)) } else { None }
    }
}

/// An access to memory that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// What was to be done.
    pub kind: AccessKind,
    /// Bytes, where known.
    pub size: Option<usize>,
    /// Why it failed.
    pub status: Status,
}

/// Kinds of accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// Load.
    Read,
    /// Store.
    Write,
    /// Instruction fetch.
    Execute,
}

impl fmt::Display for AccessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "instruction fetch",
        })
    }
}

/// Fault status codes (bits 5:0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The address is beyond the address space.
    AddressSize,
    /// Nothing is mapped.
    Translation,
    /// The mapping was never used; not with this kernel.
    AccessFlag,
    /// The mapping does not allow the access.
    Permission,
    /// The bus refused the access.
    ExternalAbort,
    /// The address is not a multiple of the size, in device memory.
    Alignment,
    /// Another code.
    Other(u64),
}

impl Status {
    const fn from_code(code: u64) -> Self {
        match code {
            0x00..=0x03 => Self::AddressSize,
            0x04..=0x07 => Self::Translation,
            0x08..=0x0b => Self::AccessFlag,
            0x0c..=0x0f => Self::Permission,
            0x10 | 0x14..=0x17 => Self::ExternalAbort,
            0x21 => Self::Alignment,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressSize => f.write_str("the address is beyond the address space"),
            Self::Translation => f.write_str("nothing is mapped there"),
            Self::AccessFlag => f.write_str("access flag fault"),
            Self::Permission => f.write_str("the mapping does not permit it"),
            Self::ExternalAbort => f.write_str("the bus answered with an error: no device or memory there"),
            Self::Alignment => f.write_str("the address is not aligned, which device memory requires"),
            Self::Other(code) => write!(f, "fault status {code:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_to_nowhere() {
        // ISV, 8 bytes, write, translation fault level 2
        let access = Syndrome(0x93c0_8046).access().expect("a data abort");
        assert_eq!(access, Access { kind: AccessKind::Write, size: Some(8), status: Status::Translation });
    }

    #[test]
    fn a_load_of_unknown_size() {
        let access = Syndrome(0x9200_000f).access().expect("a data abort");
        assert_eq!(access, Access { kind: AccessKind::Read, size: None, status: Status::Permission });
    }

    #[test]
    fn a_fetch() {
        let access = Syndrome(0x8200_000f).access().expect("an instruction abort");
        assert_eq!(access, Access { kind: AccessKind::Execute, size: None, status: Status::Permission });
    }

    #[test]
    fn what_is_no_access() {
        assert!(Syndrome(0x0200_0000).is_undefined_instruction());
        assert_eq!(Syndrome(0x0200_0000).access(), None);
        assert_eq!(Syndrome(0xf200_0001).class_name(), Some("BRK instruction"));
        assert_eq!(Syndrome(0xfc00_0000).class_name(), None);
    }

    #[test]
    fn classes_are_in_order_and_fit_six_bits() {
        assert!(CLASSES.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(CLASSES.iter().all(|(class, _)| *class < 64));
    }
}
