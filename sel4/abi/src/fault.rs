//! Faults as messages: labels and the layout of each (seL4 manual, sections 6.2 and 10.3).

/// Label of a fault message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
#[allow(missing_docs, reason = "the names are the manual's")]
pub enum FaultTag {
    NullFault = 0,
    CapFault = 1,
    UnknownSyscall = 2,
    UserException = 3,
    /// Debug configurations only.
    DebugException = 4,
    Timeout = 5,
    VMFault = 6,
    VGICMaintenance = 7,
    VCPUFault = 8,
    VPPIEvent = 9,
}

impl FaultTag {
    /// The fault that a message's label says.
    pub const fn from_label(label: u64) -> Option<Self> {
        Some(match label {
            0 => Self::NullFault,
            1 => Self::CapFault,
            2 => Self::UnknownSyscall,
            3 => Self::UserException,
            4 => Self::DebugException,
            5 => Self::Timeout,
            6 => Self::VMFault,
            7 => Self::VGICMaintenance,
            8 => Self::VCPUFault,
            9 => Self::VPPIEvent,
            _ => return None,
        })
    }

    /// Whether a message of `length` words has all that such a fault tells.
    pub const fn is_whole(self, length: usize) -> bool {
        match self {
            Self::NullFault => true,
            // As many words as the reason for which the lookup failed has.
            Self::CapFault => length > cap_fault::LOOKUP_FAILURE_TYPE,
            Self::UnknownSyscall => length == unknown_syscall::LENGTH,
            Self::UserException => length == user_exception::LENGTH,
            Self::DebugException => length == debug_exception::LENGTH || length == debug_exception::STEP_LENGTH,
            Self::Timeout => length == timeout::LENGTH,
            Self::VMFault => length == vm_fault::LENGTH,
            Self::VGICMaintenance => length == vgic_maintenance::LENGTH,
            Self::VCPUFault => length == vcpu_fault::LENGTH,
            Self::VPPIEvent => length == vppi_event::LENGTH,
        }
    }
}

/// Capability fault.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod cap_fault {
    pub const IP: usize = 0;
    pub const ADDR: usize = 1;
    pub const IN_RECV_PHASE: usize = 2;
    pub const LOOKUP_FAILURE_TYPE: usize = 3;
    pub const BITS_LEFT: usize = 4;
    pub const DEPTH_MISMATCH_BITS_FOUND: usize = 5;
    pub const GUARD_MISMATCH_GUARD_FOUND: usize = 5;
    pub const GUARD_MISMATCH_BITS_FOUND: usize = 6;
}

/// Unknown system call; x0 to x7 come first.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod unknown_syscall {
    pub const X0: usize = 0;
    pub const FAULT_IP: usize = 8;
    pub const SP: usize = 9;
    pub const LR: usize = 10;
    pub const SPSR: usize = 11;
    pub const SYSCALL: usize = 12;
    pub const LENGTH: usize = 13;
}

/// Exception that no other fault covers.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod user_exception {
    pub const FAULT_IP: usize = 0;
    pub const SP: usize = 1;
    pub const SPSR: usize = 2;
    pub const NUMBER: usize = 3;
    pub const CODE: usize = 4;
    pub const LENGTH: usize = 5;
}

/// Debug exception.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod debug_exception {
    pub const FAULT_IP: usize = 0;
    pub const EXCEPTION_REASON: usize = 1;
    pub const TRIGGER_ADDRESS: usize = 2;
    pub const BREAKPOINT_NUMBER: usize = 3;
    pub const LENGTH: usize = 4;
    /// Length after a single step, of which neither address nor number is told.
    pub const STEP_LENGTH: usize = 2;
    /// Reasons (`seL4_BreakpointType`).
    pub const DATA_BREAKPOINT: u64 = 0;
    pub const INSTRUCTION_BREAKPOINT: u64 = 1;
    pub const SINGLE_STEP: u64 = 2;
    pub const SOFTWARE_BREAK_REQUEST: u64 = 3;
}

/// Timeout: the scheduling context's data, and the microseconds consumed.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod timeout {
    pub const DATA: usize = 0;
    pub const CONSUMED: usize = 1;
    pub const LENGTH: usize = 2;
    /// Length of a reply that sets registers, in the order of [`crate::context::TIMEOUT_REPLY_ORDER`].
    pub const REPLY_LENGTH: usize = 34;
}

/// Virtual-memory fault.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod vm_fault {
    pub const IP: usize = 0;
    pub const ADDR: usize = 1;
    pub const PREFETCH_FAULT: usize = 2;
    pub const FSR: usize = 3;
    pub const LENGTH: usize = 4;
}

/// A list register was ended; its index, or all ones when none is named.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod vgic_maintenance {
    pub const IDX: usize = 0;
    pub const LENGTH: usize = 1;
}

/// A trap of a virtual CPU; the syndrome.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod vcpu_fault {
    pub const HSR: usize = 0;
    pub const LENGTH: usize = 1;
}

/// A private peripheral interrupt for the running virtual CPU; its number.
#[allow(missing_docs, reason = "the names are the manual's")]
pub mod vppi_event {
    pub const IRQ: usize = 0;
    pub const LENGTH: usize = 1;
}
