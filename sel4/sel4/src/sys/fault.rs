//! Faults as the bindings have them: a type for each, with a getter for each word of its message.

use crate::Word;
use crate::abi::fault::{
    cap_fault, debug_exception, timeout, unknown_syscall, user_exception, vcpu_fault, vgic_maintenance, vm_fault,
    vppi_event,
};

macro_rules! faults {
    ($($(#[$outer:meta])* $t:ident[$length:expr], $unpacked:ident { $($field:ident = $index:expr, $get:ident, $set:ident;)* })*) => { $(
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $t([Word; $length]);

        #[doc = concat!("The fields of [`", stringify!($t), "`].")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are the manual's")]
        pub struct $unpacked {
            $(pub $field: Word,)*
        }

        #[allow(missing_docs, reason = "the names are the manual's")]
        impl $t {
            pub fn unpack(&self) -> $unpacked {
                $unpacked { $($field: self.$get()),* }
            }

            /// The fault that the start of a message tells, if that is long enough.
            #[allow(dead_code, reason = "only a debug kernel sends some")]
            pub(crate) fn from_message(msg: &[Word]) -> Option<Self> {
                Some(Self(msg.first_chunk::<{ $length }>().copied()?))
            }

            $(
                pub const fn $get(&self) -> Word {
                    self.0[$index]
                }

                pub const fn $set(&mut self, value: Word) {
                    self.0[$index] = value;
                }
            )*
        }

        impl $unpacked {
            /// The fault with these fields.
            #[allow(unused_mut, reason = "some have no fields")]
            pub fn pack(self) -> $t {
                let mut fault = $t([0; $length]);
                $(fault.$set(self.$field);)*
                fault
            }
        }
    )* };
}

faults! {
    /// No fault.
    seL4_Fault_NullFault[0], seL4_Fault_NullFault_Unpacked {}

    /// A capability that cannot be looked up.
    seL4_Fault_CapFault[cap_fault::GUARD_MISMATCH_BITS_FOUND + 1], seL4_Fault_CapFault_Unpacked {
        IP = cap_fault::IP, get_IP, set_IP;
        Addr = cap_fault::ADDR, get_Addr, set_Addr;
        InRecvPhase = cap_fault::IN_RECV_PHASE, get_InRecvPhase, set_InRecvPhase;
        LookupFailureType = cap_fault::LOOKUP_FAILURE_TYPE, get_LookupFailureType, set_LookupFailureType;
        MR4 = cap_fault::BITS_LEFT, get_MR4, set_MR4;
        MR5 = cap_fault::GUARD_MISMATCH_GUARD_FOUND, get_MR5, set_MR5;
        MR6 = cap_fault::GUARD_MISMATCH_BITS_FOUND, get_MR6, set_MR6;
    }

    /// A system call with a number that the kernel does not know.
    seL4_Fault_UnknownSyscall[unknown_syscall::LENGTH], seL4_Fault_UnknownSyscall_Unpacked {
        X0 = unknown_syscall::X0, get_X0, set_X0;
        X1 = unknown_syscall::X0 + 1, get_X1, set_X1;
        X2 = unknown_syscall::X0 + 2, get_X2, set_X2;
        X3 = unknown_syscall::X0 + 3, get_X3, set_X3;
        X4 = unknown_syscall::X0 + 4, get_X4, set_X4;
        X5 = unknown_syscall::X0 + 5, get_X5, set_X5;
        X6 = unknown_syscall::X0 + 6, get_X6, set_X6;
        X7 = unknown_syscall::X0 + 7, get_X7, set_X7;
        FaultIP = unknown_syscall::FAULT_IP, get_FaultIP, set_FaultIP;
        SP = unknown_syscall::SP, get_SP, set_SP;
        LR = unknown_syscall::LR, get_LR, set_LR;
        SPSR = unknown_syscall::SPSR, get_SPSR, set_SPSR;
        Syscall = unknown_syscall::SYSCALL, get_Syscall, set_Syscall;
    }

    /// An exception that no other fault covers.
    seL4_Fault_UserException[user_exception::LENGTH], seL4_Fault_UserException_Unpacked {
        FaultIP = user_exception::FAULT_IP, get_FaultIP, set_FaultIP;
        Stack = user_exception::SP, get_Stack, set_Stack;
        SPSR = user_exception::SPSR, get_SPSR, set_SPSR;
        Number = user_exception::NUMBER, get_Number, set_Number;
        Code = user_exception::CODE, get_Code, set_Code;
    }

    /// A breakpoint, a watchpoint or a single step.
    seL4_Fault_DebugException[debug_exception::LENGTH], seL4_Fault_DebugException_Unpacked {
        FaultIP = debug_exception::FAULT_IP, get_FaultIP, set_FaultIP;
        ExceptionReason = debug_exception::EXCEPTION_REASON, get_ExceptionReason, set_ExceptionReason;
        TriggerAddress = debug_exception::TRIGGER_ADDRESS, get_TriggerAddress, set_TriggerAddress;
        BreakpointNumber = debug_exception::BREAKPOINT_NUMBER, get_BreakpointNumber, set_BreakpointNumber;
    }

    /// A budget that is used up.
    seL4_Fault_Timeout[timeout::LENGTH], seL4_Fault_Timeout_Unpacked {
        data = timeout::DATA, get_data, set_data;
        consumed = timeout::CONSUMED, get_consumed, set_consumed;
    }

    /// An access that the address space does not allow.
    seL4_Fault_VMFault[vm_fault::LENGTH], seL4_Fault_VMFault_Unpacked {
        IP = vm_fault::IP, get_IP, set_IP;
        Addr = vm_fault::ADDR, get_Addr, set_Addr;
        PrefetchFault = vm_fault::PREFETCH_FAULT, get_PrefetchFault, set_PrefetchFault;
        FSR = vm_fault::FSR, get_FSR, set_FSR;
    }

    /// A maintenance condition of a virtual CPU's interrupts.
    seL4_Fault_VGICMaintenance[vgic_maintenance::LENGTH], seL4_Fault_VGICMaintenance_Unpacked {
        IDX = vgic_maintenance::IDX, get_IDX, set_IDX;
    }

    /// A trap of a guest.
    seL4_Fault_VCPUFault[vcpu_fault::LENGTH], seL4_Fault_VCPUFault_Unpacked {
        HSR = vcpu_fault::HSR, get_HSR, set_HSR;
    }

    /// A private interrupt of a virtual CPU.
    seL4_Fault_VPPIEvent[vppi_event::LENGTH], seL4_Fault_VPPIEvent_Unpacked {
        irq = vppi_event::IRQ, get_irq, set_irq;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn fields_are_words_of_the_message() {
        let fault = seL4_Fault_VMFault::from_message(&[1, 2, 3, 4, 5]).expect("long enough");
        assert_eq!((fault.get_IP(), fault.get_Addr(), fault.get_PrefetchFault(), fault.get_FSR()), (1, 2, 3, 4));
        assert_eq!(fault.unpack().pack(), fault);
        assert_eq!(seL4_Fault_VMFault::from_message(&[1, 2, 3]), None);
    }

    #[test]
    fn no_two_fields_are_the_same_word() {
        let message: Vec<Word> = (100..113).collect();
        let fault = seL4_Fault_UnknownSyscall::from_message(&message).expect("long enough");
        let fields = [fault.get_X0(), fault.get_X7(), fault.get_FaultIP(), fault.get_SP(), fault.get_LR()];
        assert_eq!(fields, [100, 107, 108, 109, 110]);
        assert_eq!((fault.get_SPSR(), fault.get_Syscall()), (111, 112));
        assert_eq!(fault.unpack().pack(), fault);
    }
}
