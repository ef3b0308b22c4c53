//! What the monitor tells of a guest's mistakes: each kind of mistake once for each place, and not without end.

use alloc::vec::Vec;
use core::fmt;

use crate::{devices::edu::BadPointer, virtio::Complaint};

/// After so many different mistakes the guest is known well enough.
const MOST: usize = 32;

/// Something that a guest did and that has no meaning on its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A load, store or fetch where nothing is.
    NothingThere {
        /// Guest-physical address.
        address: u64,
        /// By an instruction fetch.
        fetch: bool,
    },
    /// An access to a device that is neither described by the syndrome nor emulated from its instruction.
    Undescribed {
        /// Guest-physical address.
        address: u64,
        /// The instruction, if it was found.
        instruction: Option<u32>,
    },
    /// A system register that the machine does not have: Op0, Op1, CRn, CRm, Op2.
    SystemRegister([u8; 5]),
    /// A firmware function that does not exist.
    Function(u32),
    /// An exit that nothing here explains: the exception class.
    Exception(u8),
    /// A device of the machine was to read or write what is not the guest's memory.
    Pointer(BadPointer),
    /// A virtio device's driver: it has to reset the device.
    Virtio(Complaint),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingThere { address, fetch: true } => {
                write!(f, "instruction fetch from {address:#x}, where nothing is: abort")
            }
            Self::NothingThere { address, .. } => write!(f, "access to {address:#x}, where nothing is: abort"),
            Self::Undescribed { address, instruction: Some(word) } => {
                write!(
                    f,
                    "access to a device at {address:#x} by instruction {word:#010x}, which is not emulated: abort"
                )
            }
            Self::Undescribed { address, instruction: None } => {
                write!(f, "access to a device at {address:#x} by an instruction that is not described: abort")
            }
            Self::SystemRegister([op0, op1, crn, crm, op2]) => {
                write!(f, "access to system register s{op0}_{op1}_c{crn}_c{crm}_{op2}: undefined")
            }
            Self::Function(number) => write!(f, "call of firmware function {number:#010x}: not supported"),
            Self::Virtio(Complaint { device, queue, fault }) => {
                write!(f, "its virtio {device} device, queue {queue}: {fault}; the device stops until it is reset")
            }
            Self::Pointer(BadPointer { address, length }) => {
                write!(f, "a device was to copy {length} bytes at {address:#x}, which it must not: nothing is copied")
            }
            Self::Exception(class) => write!(f, "exception of class {class:#04x}: undefined"),
        }
    }
}

/// The mistakes that have been told.
#[derive(Default)]
pub struct Reports {
    told: Vec<Mistake>,
}

impl Reports {
    /// Whether a mistake is to be told, which is so the first time.
    pub fn is_new(&mut self, mistake: Mistake) -> bool {
        let new = self.told.len() < MOST && !self.told.contains(&mistake);
        if new {
            self.told.push(mistake);
        }
        new
    }

    /// Forgets all, for a guest that starts anew.
    pub fn clear(&mut self) {
        self.told.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_told_once_and_not_without_end() {
        let mut reports = Reports::default();
        let mistake = |n| Mistake::NothingThere { address: n, fetch: false };
        let told = (0..1000).filter(|&n| reports.is_new(mistake(n))).count();
        assert_eq!(told, MOST);
        assert!(!reports.is_new(mistake(0)));
        reports.clear();
        assert!(reports.is_new(mistake(0)));
        assert!(!reports.is_new(mistake(0)));
    }
}
