//! Faults of threads, decoded from the message that the kernel sends to the fault endpoint
//! (seL4 manual, "Faults").

#[cfg(not(sel4_plain))]
use crate::abi::error::LookupFailure;
use crate::abi::fault::FaultTag;
use crate::{IpcBuffer, MessageInfo, Word, sys};

macro_rules! messages {
    ($($(#[$outer:meta])* $t:ident($sys:ident) { $($(#[$field:meta])* $name:ident = $get:ident,)* })*) => { $(
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $t(sys::$sys);

        impl $t {
            newtype_methods!(pub sys::$sys);

            $(
                $(#[$field])*
                pub const fn $name(&self) -> Word {
                    self.0.$get()
                }
            )*
        }
    )* };
}

messages! {
    /// No fault.
    NullFault(seL4_Fault_NullFault) {}

    /// A capability that a system call names cannot be looked up.
    CapFault(seL4_Fault_CapFault) {
        /// Address of the system call.
        #[cfg(not(sel4_plain))]
        ip = get_IP,
        /// The capability pointer.
        #[cfg(not(sel4_plain))]
        addr = get_Addr,
    }

    /// A system call with a number that the kernel does not know.
    UnknownSyscall(seL4_Fault_UnknownSyscall) {
        /// Address of the instruction.
        fault_ip = get_FaultIP,
        /// Stack pointer.
        sp = get_SP,
        /// Link register.
        lr = get_LR,
        /// Program status.
        spsr = get_SPSR,
        /// The number.
        syscall = get_Syscall,
    }

    /// An exception that no other fault covers, such as an undefined instruction.
    UserException(seL4_Fault_UserException) {
        /// Address of the instruction.
        #[cfg(not(sel4_plain))]
        fault_ip = get_FaultIP,
        /// Stack pointer.
        #[cfg(not(sel4_plain))]
        sp = get_Stack,
        /// Program status.
        #[cfg(not(sel4_plain))]
        spsr = get_SPSR,
        /// The exception's number: the syndrome register's value.
        #[cfg(not(sel4_plain))]
        number = get_Number,
        /// The exception's code.
        #[cfg(not(sel4_plain))]
        code = get_Code,
    }

    /// An access that the address space does not allow.
    VmFault(seL4_Fault_VMFault) {
        /// Address of the instruction.
        ip = get_IP,
        /// The address accessed.
        addr = get_Addr,
        /// Fault status: the syndrome register's value.
        fsr = get_FSR,
    }

    /// The scheduling context's budget is used up.
    Timeout(seL4_Fault_Timeout) {
        /// Badge of the scheduling context.
        #[cfg(not(sel4_plain))]
        data = get_data,
        /// Microseconds used since the last reset.
        #[cfg(not(sel4_plain))]
        consumed = get_consumed,
    }

    /// A guest has ended an interrupt that asked for it, or another maintenance condition holds.
    VGicMaintenance(seL4_Fault_VGICMaintenance) {}

    /// A trap of a guest.
    VCpuFault(seL4_Fault_VCPUFault) {
        /// The syndrome register's value (`ESR_EL2`).
        hsr = get_HSR,
    }

    /// A private interrupt of a virtual CPU that the hardware raised, such as its timer's.
    VPpiEvent(seL4_Fault_VPPIEvent) {
        /// The interrupt's number.
        irq = get_irq,
    }
}

#[cfg(not(sel4_plain))]
impl CapFault {
    /// Whether the fault came while receiving (else: while sending).
    pub const fn in_recv_phase(&self) -> bool {
        self.0.get_InRecvPhase() != 0
    }

    /// Why the lookup failed; `None` when the message names no reason.
    pub const fn lookup_failure(&self) -> Option<LookupFailure> {
        let details = [self.0.get_MR4(), self.0.get_MR5(), self.0.get_MR6()];
        LookupFailure::from_words(self.0.get_LookupFailureType(), details)
    }
}

impl UnknownSyscall {
    /// Register x0 to x7.
    ///
    /// # Panics
    ///
    /// When `ix` is above 7.
    pub const fn gpr(&self, ix: usize) -> Word {
        let fault = &self.0;
        match ix {
            0 => fault.get_X0(),
            1 => fault.get_X1(),
            2 => fault.get_X2(),
            3 => fault.get_X3(),
            4 => fault.get_X4(),
            5 => fault.get_X5(),
            6 => fault.get_X6(),
            7 => fault.get_X7(),
            _ => panic!("the message has registers x0 to x7"),
        }
    }
}

impl VmFault {
    /// Whether an instruction was fetched (else: data was accessed).
    pub const fn is_prefetch(&self) -> bool {
        self.0.get_PrefetchFault() != 0
    }
}

impl VGicMaintenance {
    /// The list register, if one is named.
    pub const fn idx(&self) -> Option<Word> {
        match self.0.get_IDX() {
            Word::MAX => None,
            idx => Some(idx),
        }
    }
}

#[cfg(sel4_debug)]
messages! {
    /// A breakpoint, a watchpoint or a single step; debug configuration only.
    DebugException(seL4_Fault_DebugException) {
        /// Address of the instruction.
        #[cfg(not(sel4_plain))]
        fault_ip = get_FaultIP,
        /// Why.
        #[cfg(not(sel4_plain))]
        exception_reason = get_ExceptionReason,
        /// The address watched.
        #[cfg(not(sel4_plain))]
        trigger_address = get_TriggerAddress,
        /// Number of the breakpoint.
        #[cfg(not(sel4_plain))]
        breakpoint_number = get_BreakpointNumber,
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
    #[cfg(sel4_debug)]
    DebugException(DebugException),
}

impl Fault {
    /// The fault that a message on a fault endpoint tells.
    ///
    /// # Panics
    ///
    /// When the label is no fault's. Only the kernel sends on a fault endpoint; where others can
    /// as well, take `try_new`.
    #[inline]
    pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
        Self::from_message(info.label(), ipc_buffer.msg_regs())
            .unwrap_or_else(|| panic!("unknown fault label: {}", info.label()))
    }

    /// The fault that a message tells, if it is one.
    #[cfg(not(sel4_plain))]
    #[inline]
    pub fn try_new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Option<Self> {
        Self::from_message(info.label(), ipc_buffer.msg_regs())
    }

    /// The fault with this label, if there is one and `msg` is as long as its message.
    #[inline]
    fn from_message(label: Word, msg: &[Word]) -> Option<Self> {
        Some(match FaultTag::from_label(label)? {
            FaultTag::NullFault => Self::NullFault(NullFault(sys::seL4_Fault_NullFault::from_message(msg)?)),
            FaultTag::CapFault => Self::CapFault(CapFault(sys::seL4_Fault_CapFault::from_message(msg)?)),
            FaultTag::UnknownSyscall => {
                Self::UnknownSyscall(UnknownSyscall(sys::seL4_Fault_UnknownSyscall::from_message(msg)?))
            }
            FaultTag::UserException => {
                Self::UserException(UserException(sys::seL4_Fault_UserException::from_message(msg)?))
            }
            #[cfg(sel4_debug)]
            FaultTag::DebugException => {
                Self::DebugException(DebugException(sys::seL4_Fault_DebugException::from_message(msg)?))
            }
            #[cfg(not(sel4_debug))]
            FaultTag::DebugException => return None,
            FaultTag::Timeout => Self::Timeout(Timeout(sys::seL4_Fault_Timeout::from_message(msg)?)),
            FaultTag::VMFault => Self::VmFault(VmFault(sys::seL4_Fault_VMFault::from_message(msg)?)),
            FaultTag::VGICMaintenance => {
                Self::VGicMaintenance(VGicMaintenance(sys::seL4_Fault_VGICMaintenance::from_message(msg)?))
            }
            FaultTag::VCPUFault => Self::VCpuFault(VCpuFault(sys::seL4_Fault_VCPUFault::from_message(msg)?)),
            FaultTag::VPPIEvent => Self::VPpiEvent(VPpiEvent(sys::seL4_Fault_VPPIEvent::from_message(msg)?)),
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
        assert_eq!(
            Fault::from_message(0, &[]),
            Some(Fault::NullFault(NullFault(sys::seL4_Fault_NullFault_Unpacked {}.pack())))
        );
    }
}
