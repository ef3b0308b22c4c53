//! The fault that a message tells.

use sel4::{Fault, IpcBuffer, MessageInfo};
use sel4_abi::fault::FaultTag;

/// The fault that a message on the fault endpoint tells, if it is one. Passive domains send there too, whatever they
/// want.
pub fn fault(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Option<Fault> {
    let tag = FaultTag::from_label(info.label())?;
    if !tag.is_whole(info.length()) {
        return None;
    }
    match tag {
        FaultTag::DebugException => debug_exception(ipc_buffer.msg_regs()),
        _ => Some(Fault::new(ipc_buffer, info)),
    }
}

/// rust-sel4 has the type, but does not read the message.
#[cfg(sel4_debug)]
fn debug_exception(message: &[sel4::Word]) -> Option<Fault> {
    use sel4_abi::fault::debug_exception::{BREAKPOINT_NUMBER, EXCEPTION_REASON, FAULT_IP, TRIGGER_ADDRESS};

    let fields = sel4::sys::seL4_Fault_DebugException_Unpacked {
        FaultIP: message[FAULT_IP],
        ExceptionReason: message[EXCEPTION_REASON],
        TriggerAddress: message[TRIGGER_ADDRESS],
        BreakpointNumber: message[BREAKPOINT_NUMBER],
    };
    Some(Fault::DebugException(sel4::DebugException::from_inner(fields.pack())))
}

/// Only a debug kernel sends it.
#[cfg(not(sel4_debug))]
fn debug_exception(_: &[sel4::Word]) -> Option<Fault> {
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use sel4::Word;

    use super::*;

    /// The fault with this label and message.
    pub(crate) fn fault_of(label: Word, message: &[Word]) -> Option<Fault> {
        let mut ipc_buffer = IpcBuffer::default();
        ipc_buffer.msg_regs_mut()[..message.len()].copy_from_slice(message);
        fault(&ipc_buffer, &MessageInfo::new(label, 0, 0, message.len()))
    }

    #[test]
    fn messages_of_others_are_no_faults() {
        assert!(matches!(fault_of(6, &[0, 8, 0, 0]), Some(Fault::VmFault(_))));
        assert_eq!(fault_of(6, &[0, 8, 0]), None);
        assert_eq!(fault_of(5, &[0, 8, 0]), None);
        assert_eq!(fault_of(77, &[0, 8, 0]), None);
        assert!(matches!(fault_of(0, &[]), Some(Fault::NullFault(_))));
    }
}
