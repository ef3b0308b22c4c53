//! What a protection domain finds, as numbers for `microkit.h`.

use std::fmt::Write;

use sel4_abi::microkit::{ROOT_CNODE_BITS, badge, limit, slot};

use crate::header;

/// The header.
pub fn constants() -> String {
    let mut text = header("Slots, badges and limits of a protection domain.");
    let numbers = [
        ("MICROKIT_INPUT_CAP", slot::INPUT),
        ("MICROKIT_REPLY_CAP", slot::REPLY),
        ("MONITOR_EP", slot::MONITOR_ENDPOINT),
        ("TCB_CAP", slot::TCB),
        ("ARM_SMC_CAP", slot::SMC),
        ("BASE_OUTPUT_NOTIFICATION_CAP", slot::BASE_OUTPUT_NOTIFICATION),
        ("BASE_ENDPOINT_CAP", slot::BASE_ENDPOINT),
        ("BASE_IRQ_CAP", slot::BASE_IRQ),
        ("BASE_TCB_CAP", slot::BASE_TCB),
        ("BASE_VM_TCB_CAP", slot::BASE_VM_TCB),
        ("BASE_VCPU_CAP", slot::BASE_VCPU),
        ("BASE_IOPORT_CAP", slot::BASE_IOPORT),
        ("PD_ROOT_CAP_BITS", u64::from(ROOT_CNODE_BITS)),
        ("MICROKIT_MAX_CHANNELS", limit::MAX_CHANNELS as u64),
        ("MICROKIT_MAX_CHANNEL_ID", limit::MAX_CHANNEL_ID),
        ("MICROKIT_PD_NAME_LENGTH", limit::NAME_LENGTH as u64),
        ("MICROKIT_BADGE_PROTECTED_CALL_BIT", u64::from(badge::PROTECTED_CALL.trailing_zeros())),
        ("MICROKIT_BADGE_FAULT_BIT", u64::from(badge::FAULT.trailing_zeros())),
    ];
    for (name, value) in numbers {
        let _ = writeln!(text, "#define {name} {value}");
    }
    text
}
