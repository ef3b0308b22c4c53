//! Faults of threads, decoded from the message that the kernel sends to the fault endpoint
//! (seL4 manual, "Faults").

use crate::abi::error::LookupFailureKind;
use crate::abi::fault::{
    FaultTag, cap_fault, debug_exception, timeout, unknown_syscall, user_exception, vcpu_fault, vgic_maintenance,
    vm_fault, vppi_event,
};
use crate::{IpcBuffer, MessageInfo, Word};

macro_rules! messages {
    ($($(#[$outer:meta])* $t:ident[$length:expr] { $($(#[$field:meta])* $name:ident = $index:expr,)* })*) => { $(
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $t([Word; $length]);

        impl $t {
            fn from_message(msg: &[Word]) -> Option<Self> {
                Some(Self(msg.first_chunk::<{ $length }>().copied()?))
            }

            $(
                $(#[$field])*
                pub const fn $name(&self) -> Word {
                    self.0[$index]
                }
            )*
        }
    )* };
}

messages! {
    /// No fault.
    NullFault[0] {}

    /// A capability that a system call names cannot be looked up.
    CapFault[cap_fault::GUARD_MISMATCH_BITS_FOUND + 1] {
        /// Address of the system call.
        ip = cap_fault::IP,
        /// The capability pointer.
        addr = cap_fault::ADDR,
    }

    /// A system call with a number that the kernel does not know.
    UnknownSyscall[unknown_syscall::LENGTH] {
        /// Address of the instruction.
        fault_ip = unknown_syscall::FAULT_IP,
        /// Stack pointer.
        sp = unknown_syscall::SP,
        /// Link register.
        lr = unknown_syscall::LR,
        /// Program status.
        spsr = unknown_syscall::SPSR,
        /// The number.
        syscall = unknown_syscall::SYSCALL,
    }

    /// An exception that no other fault covers, such as an undefined instruction.
    UserException[user_exception::LENGTH] {
        /// Address of the instruction.
        fault_ip = user_exception::FAULT_IP,
        /// Stack pointer.
        sp = user_exception::SP,
        /// Program status.
        spsr = user_exception::SPSR,
        /// The exception's number: the syndrome register's value.
        number = user_exception::NUMBER,
        /// The exception's code.
        code = user_exception::CODE,
    }

    /// An access that the address space does not allow.
    VmFault[vm_fault::LENGTH] {
        /// Address of the instruction.
        ip = vm_fault::IP,
        /// The address accessed.
        addr = vm_fault::ADDR,
        /// Fault status: the syndrome register's value.
        fsr = vm_fault::FSR,
    }

    /// The scheduling context's budget is used up.
    Timeout[timeout::LENGTH] {
        /// Badge of the scheduling context.
        data = timeout::DATA,
        /// Microseconds used since the last reset.
        consumed = timeout::CONSUMED,
    }

    /// A guest has ended an interrupt that asked for it, or another maintenance condition holds.
    VGicMaintenance[vgic_maintenance::LENGTH] {}

    /// A trap of a guest.
    VCpuFault[vcpu_fault::LENGTH] {
        /// The syndrome register's value (`ESR_EL2`).
        hsr = vcpu_fault::HSR,
    }

    /// A private interrupt of a virtual CPU that the hardware raised, such as its timer's.
    VPpiEvent[vppi_event::LENGTH] {
        /// The interrupt's number.
        irq = vppi_event::IRQ,
    }

    /// A breakpoint, a watchpoint or a single step; debug configuration only.
    DebugException[debug_exception::LENGTH] {
        /// Address of the instruction.
        fault_ip = debug_exception::FAULT_IP,
        /// Why.
        exception_reason = debug_exception::EXCEPTION_REASON,
        /// The address watched.
        trigger_address = debug_exception::TRIGGER_ADDRESS,
        /// Number of the breakpoint.
        breakpoint_number = debug_exception::BREAKPOINT_NUMBER,
    }
}

/// Why a capability lookup failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFailure {
    /// The CSpace's root is no CNode.
    InvalidRoot,
    /// The slot is empty.
    MissingCapability {
        /// Bits of the pointer that were left to resolve.
        bits_left: Word,
    },
    /// The pointer was resolved too early, or not to its end.
    DepthMismatch {
        /// Bits of the pointer that were left to resolve.
        bits_left: Word,
        /// Bits that the CNode resolves.
        bits_found: Word,
    },
    /// A guard was not matched.
    GuardMismatch {
        /// Bits of the pointer that were left to resolve.
        bits_left: Word,
        /// The guard.
        guard_found: Word,
        /// The guard's size in bits.
        bits_found: Word,
    },
}

impl CapFault {
    /// Whether the fault came while receiving (else: while sending).
    pub const fn in_recv_phase(&self) -> bool {
        self.0[cap_fault::IN_RECV_PHASE] != 0
    }

    /// Why the lookup failed; `None` when the message names no reason.
    pub const fn lookup_failure(&self) -> Option<LookupFailure> {
        const INVALID_ROOT: Word = LookupFailureKind::InvalidRoot as Word;
        const MISSING_CAPABILITY: Word = LookupFailureKind::MissingCapability as Word;
        const DEPTH_MISMATCH: Word = LookupFailureKind::DepthMismatch as Word;
        const GUARD_MISMATCH: Word = LookupFailureKind::GuardMismatch as Word;

        let bits_left = self.0[cap_fault::BITS_LEFT];
        Some(match self.0[cap_fault::LOOKUP_FAILURE_TYPE] {
            INVALID_ROOT => LookupFailure::InvalidRoot,
            MISSING_CAPABILITY => LookupFailure::MissingCapability { bits_left },
            DEPTH_MISMATCH => {
                LookupFailure::DepthMismatch { bits_left, bits_found: self.0[cap_fault::DEPTH_MISMATCH_BITS_FOUND] }
            }
            GUARD_MISMATCH => LookupFailure::GuardMismatch {
                bits_left,
                guard_found: self.0[cap_fault::GUARD_MISMATCH_GUARD_FOUND],
                bits_found: self.0[cap_fault::GUARD_MISMATCH_BITS_FOUND],
            },
            _ => return None,
        })
    }
}

impl UnknownSyscall {
    /// Register x0 to x7.
    ///
    /// # Panics
    ///
    /// When `ix` is above 7.
    pub const fn gpr(&self, ix: usize) -> Word {
        assert!(ix < 8);
        self.0[unknown_syscall::X0 + ix]
    }
}

impl VmFault {
    /// Whether an instruction was fetched (else: data was accessed).
    pub const fn is_prefetch(&self) -> bool {
        self.0[vm_fault::PREFETCH_FAULT] != 0
    }
}

impl VGicMaintenance {
    /// The list register, if one is named.
    pub const fn idx(&self) -> Option<Word> {
        match self.0[vgic_maintenance::IDX] {
            Word::MAX => None,
            idx => Some(idx),
        }
    }
}

/// A fault (`seL4_Fault`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the type of its name")]
pub enum Fault {
    NullFault(NullFault),
    CapFault(CapFault),
    UnknownSyscall(UnknownSyscall),
    UserException(UserException),
    VmFault(VmFault),
    Timeout(Timeout),
    VGicMaintenance(VGicMaintenance),
    VCpuFault(VCpuFault),
    VPpiEvent(VPpiEvent),
    DebugException(DebugException),
}

impl Fault {
    /// The fault that a message on a fault endpoint tells.
    ///
    /// # Panics
    ///
    /// When the label is no fault's. Only the kernel sends on a fault endpoint; where others can
    /// as well, take [`try_new`](Self::try_new).
    #[inline]
    pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
        Self::try_new(ipc_buffer, info).unwrap_or_else(|| panic!("unknown fault label: {}", info.label()))
    }

    /// The fault that a message tells, if it is one.
    #[inline]
    pub fn try_new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Option<Self> {
        Self::from_message(info.label(), ipc_buffer.msg_regs())
    }

    /// The fault with this label, if there is one and `msg` is as long as its message.
    #[inline]
    pub fn from_message(label: Word, msg: &[Word]) -> Option<Self> {
        Some(match FaultTag::from_label(label)? {
            FaultTag::NullFault => Self::NullFault(NullFault::from_message(msg)?),
            FaultTag::CapFault => Self::CapFault(CapFault::from_message(msg)?),
            FaultTag::UnknownSyscall => Self::UnknownSyscall(UnknownSyscall::from_message(msg)?),
            FaultTag::UserException => Self::UserException(UserException::from_message(msg)?),
            FaultTag::DebugException => Self::DebugException(DebugException::from_message(msg)?),
            FaultTag::Timeout => Self::Timeout(Timeout::from_message(msg)?),
            FaultTag::VMFault => Self::VmFault(VmFault::from_message(msg)?),
            FaultTag::VGICMaintenance => Self::VGicMaintenance(VGicMaintenance::from_message(msg)?),
            FaultTag::VCPUFault => Self::VCpuFault(VCpuFault::from_message(msg)?),
            FaultTag::VPPIEvent => Self::VPpiEvent(VPpiEvent::from_message(msg)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<const N: usize>(fields: [(usize, Word); N]) -> [Word; 16] {
        let mut msg = [0; 16];
        for (index, value) in fields {
            msg[index] = value;
        }
        msg
    }

    #[test]
    fn vm_fault() {
        let msg = message([(0, 0x20_0100), (1, 0xdead_0000), (2, 1), (3, 0x8200_0006)]);
        let Some(Fault::VmFault(fault)) = Fault::from_message(6, &msg) else { panic!() };
        assert_eq!((fault.ip(), fault.addr(), fault.fsr()), (0x20_0100, 0xdead_0000, 0x8200_0006));
        assert!(fault.is_prefetch());
    }

    #[test]
    fn unknown_syscall() {
        let msg = message([(0, 10), (7, 17), (8, 0x400), (11, 0x3c5), (12, 99)]);
        let Some(Fault::UnknownSyscall(fault)) = Fault::from_message(2, &msg) else { panic!() };
        assert_eq!((fault.gpr(0), fault.gpr(7), fault.fault_ip()), (10, 17, 0x400));
        assert_eq!((fault.spsr(), fault.syscall()), (0x3c5, 99));
    }

    #[test]
    fn cap_fault_tells_the_lookup() {
        let msg = message([(1, 0x1ff), (2, 1), (3, 4), (4, 64), (5, 3), (6, 55)]);
        let Some(Fault::CapFault(fault)) = Fault::from_message(1, &msg) else { panic!() };
        assert!(fault.in_recv_phase());
        let failure = LookupFailure::GuardMismatch { bits_left: 64, guard_found: 3, bits_found: 55 };
        assert_eq!(fault.lookup_failure(), Some(failure));
    }

    #[test]
    fn maintenance_without_an_index() {
        let msg = message([(0, Word::MAX)]);
        let Some(Fault::VGicMaintenance(fault)) = Fault::from_message(7, &msg) else { panic!() };
        assert_eq!(fault.idx(), None);
    }

    #[test]
    fn what_is_no_fault() {
        assert_eq!(Fault::from_message(10, &[0; 16]), None);
        assert_eq!(Fault::from_message(6, &[0; 3]), None);
        assert_eq!(Fault::from_message(0, &[]), Some(Fault::NullFault(NullFault([]))));
    }
}
