//! What the slots of a protection domain's CSpace are for, so that a bad capability pointer can be explained.

use core::fmt;

use sel4_abi::microkit::{CNODE_BITS, limit::MAX_CHANNELS, slot};

/// What Microkit keeps in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotUse {
    /// A capability that is one of a kind.
    Single(&'static str),
    /// One of many, by its number in the system description.
    Numbered(&'static str, u64),
}

const SINGLES: &[(u64, &str)] = &[
    (slot::INPUT, "what the domain receives on"),
    (slot::FAULT_ENDPOINT, "the fault endpoint"),
    (slot::VSPACE, "the address space"),
    (slot::REPLY, "the reply object"),
    (slot::MONITOR_ENDPOINT, "the monitor's endpoint (passive domains only)"),
    (slot::TCB, "the domain's thread (benchmark configuration only)"),
    (slot::SMC, "the firmware (smc=\"true\" only)"),
];

const RANGES: &[(u64, &str)] = &[
    (slot::BASE_OUTPUT_NOTIFICATION, "notify of channel"),
    (slot::BASE_ENDPOINT, "protected call of channel"),
    (slot::BASE_IRQ, "interrupt"),
    (slot::BASE_TCB, "child"),
    (slot::BASE_VM_TCB, "thread of vCPU"),
    (slot::BASE_VCPU, "vCPU"),
];

impl SlotUse {
    /// What the slot that a capability pointer names is for, if Microkit uses it.
    pub fn of(cptr: u64) -> Option<Self> {
        if cptr >= 1 << CNODE_BITS {
            return None;
        }
        if let Some((_, name)) = SINGLES.iter().find(|(slot, _)| *slot == cptr) {
            return Some(Self::Single(name));
        }
        let (base, name) = RANGES.iter().rfind(|(base, _)| *base <= cptr)?;
        let number = cptr - base;
        (number < MAX_CHANNELS as u64).then_some(Self::Numbered(name, number))
    }
}

impl fmt::Display for SlotUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(name) => f.write_str(name),
            Self::Numbered(name, number) => write!(f, "{name} {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots() {
        assert_eq!(SlotUse::of(4), Some(SlotUse::Single("the reply object")));
        assert_eq!(SlotUse::of(10), Some(SlotUse::Numbered("notify of channel", 0)));
        assert_eq!(SlotUse::of(71), Some(SlotUse::Numbered("notify of channel", 61)));
        assert_eq!(SlotUse::of(72), None);
        assert_eq!(SlotUse::of(138 + 7), Some(SlotUse::Numbered("interrupt", 7)));
        assert_eq!(SlotUse::of(332), Some(SlotUse::Numbered("vCPU", 2)));
        assert_eq!(SlotUse::of(8), None);
        assert_eq!(SlotUse::of(1 << 58), None);
    }

    #[test]
    fn ranges_do_not_overlap() {
        let far_enough = |pair: &[(u64, &str)]| pair[1].0 - pair[0].0 >= MAX_CHANNELS as u64;
        assert!(RANGES.windows(2).all(far_enough));
    }
}
