//! What most likely made a protection domain fault, and what its author can do.

use core::fmt;

use sel4::{CapFault, Fault, FrameObjectType, UnknownSyscall, VmFault, Word};

use crate::domain::Domain;
use crate::slot::SlotUse;
use crate::syndrome::{AccessKind, Status, Syndrome};

/// A likely cause of a fault; its `Display` is advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The stack grew into the page below it.
    StackOverflow {
        /// Where the stack ends.
        bottom: Word,
    },
    /// A pointer was null, or close to it.
    NullPointer,
    /// A mapping lacks a permission.
    MissingPermission(AccessKind),
    /// The program counter is where no code is.
    WildJump,
    /// The domain gave up, as it does after a panic.
    Abort,
    /// A system call that another configuration of the kernel has.
    OtherConfiguration,
    /// A capability that the system description does not give.
    MissingCapability(SlotUse),
}

const PAGE: Word = FrameObjectType::GRANULE.bytes() as Word;

/// System calls that only some configurations have follow those that all have.
const LAST_SYSCALL: i64 = sel4_abi::syscall::Syscall::Yield as i64;
/// The last system call number that upstream uses, in any configuration.
const LAST_CONFIGURED_SYSCALL: i64 = -32;

impl Cause {
    /// The likely cause of `fault` of `domain`, if there is a good guess.
    pub fn of(fault: &Fault, domain: &Domain<'_>) -> Option<Self> {
        match fault {
            Fault::VmFault(fault) => Self::of_vm_fault(fault, domain),
            Fault::UserException(fault) => {
                Syndrome(fault.inner().get_Number()).is_undefined_instruction().then_some(Self::Abort)
            }
            Fault::UnknownSyscall(fault) => Self::of_unknown_syscall(fault),
            Fault::CapFault(fault) => Self::of_cap_fault(fault),
            _ => None,
        }
    }

    fn of_vm_fault(fault: &VmFault, domain: &Domain<'_>) -> Option<Self> {
        let address = fault.addr();
        if let Some(bottom) = domain.stack_bottom
            && (bottom.saturating_sub(PAGE)..bottom).contains(&address)
        {
            return Some(Self::StackOverflow { bottom });
        }
        let access = Syndrome(fault.fsr()).access()?;
        match access.status {
            Status::Permission => Some(Self::MissingPermission(access.kind)),
            _ if access.kind == AccessKind::Execute => Some(Self::WildJump),
            _ if address < PAGE => Some(Self::NullPointer),
            _ => None,
        }
    }

    fn of_unknown_syscall(fault: &UnknownSyscall) -> Option<Self> {
        let configured = LAST_CONFIGURED_SYSCALL..LAST_SYSCALL;
        configured.contains(&(fault.syscall() as i64)).then_some(Self::OtherConfiguration)
    }

    fn of_cap_fault(fault: &CapFault) -> Option<Self> {
        SlotUse::of(fault.inner().get_Addr()).map(Self::MissingCapability)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StackOverflow { bottom } => {
                write!(f, "stack overflow: the stack ends at {bottom:#x}; give the domain a larger stack_size")
            }
            Self::NullPointer => f.write_str("a null pointer, or a field or element of one"),
            Self::MissingPermission(AccessKind::Execute) => {
                f.write_str("a jump into data, or a memory region whose map lacks the permission x")
            }
            Self::MissingPermission(AccessKind::Write) => {
                f.write_str("a write to code or constants, or to a memory region whose map lacks the permission w")
            }
            Self::MissingPermission(AccessKind::Read) => {
                f.write_str("a read of a memory region whose map lacks the permission r")
            }
            Self::WildJump => f.write_str("a bad function pointer, or a return address that was overwritten"),
            Self::Abort => f.write_str("a domain ends like this after a panic; its message, if any, stands above"),
            Self::OtherConfiguration => f.write_str(
                "this kernel's configuration lacks the system call: build domains and image for the same one",
            ),
            Self::MissingCapability(slot) => {
                write!(f, "the slot is for: {slot}; the system description gives the domain no such thing")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: Domain<'static> = Domain { name: "test", stack_bottom: Some(0xff_ffff_c000) };

    fn cause(label: Word, message: &[Word]) -> Option<Cause> {
        Cause::of(&crate::message::tests::fault_of(label, message).expect("a fault"), &DOMAIN)
    }

    const WRITE_UNMAPPED: Word = 0x9200_0046;
    const FETCH_UNMAPPED: Word = 0x8200_0006;

    #[test]
    fn the_guard_page_is_the_stack() {
        let overflow = Some(Cause::StackOverflow { bottom: 0xff_ffff_c000 });
        assert_eq!(cause(6, &[0, 0xff_ffff_bff8, 0, WRITE_UNMAPPED]), overflow);
        assert_eq!(cause(6, &[0, 0xff_ffff_b000, 0, WRITE_UNMAPPED]), overflow);
        assert_eq!(cause(6, &[0, 0xff_ffff_aff8, 0, WRITE_UNMAPPED]), None);
    }

    #[test]
    fn pointers() {
        assert_eq!(cause(6, &[0, 8, 0, WRITE_UNMAPPED]), Some(Cause::NullPointer));
        assert_eq!(cause(6, &[0, 0, 1, FETCH_UNMAPPED]), Some(Cause::WildJump));
        assert_eq!(cause(6, &[0, 0x20_1000, 0, 0x9200_004f]), Some(Cause::MissingPermission(AccessKind::Write)));
    }

    #[test]
    fn system_calls_of_other_configurations() {
        let unknown = |number: i64| {
            let mut message = [0; 13];
            message[12] = number as Word;
            cause(2, &message)
        };
        assert_eq!(unknown(-12), Some(Cause::OtherConfiguration));
        assert_eq!(unknown(-25), Some(Cause::OtherConfiguration));
        assert_eq!(unknown(5), None);
    }

    #[test]
    fn capabilities() {
        let missing = Cause::MissingCapability(SlotUse::Numbered("notify of channel", 5));
        assert_eq!(cause(1, &[0, 15, 0, 2, 9]), Some(missing));
        assert_eq!(cause(3, &[0, 0, 0, 0x0200_0000, 0]), Some(Cause::Abort));
        assert_eq!(cause(3, &[0, 0, 0, 0xf200_0000, 0]), None);
    }
}
