//! What a protection domain that was built for Microkit 2.3 relies on: slots, badges, symbols, limits
//! (Microkit 2.3.0 manual and libmicrokit's headers).

use crate::CPtr;

/// log2 of the number of slots of a protection domain's root CNode.
pub const ROOT_CNODE_BITS: u32 = 6;
/// log2 of the number of slots of the Microkit CNode, which is slot 0 of the root CNode.
pub const CNODE_BITS: u32 = 9;

/// Slots of the Microkit CNode, which are also capability pointers.
pub mod slot {
    use super::CPtr;
    /// The endpoint or notification on which the protection domain receives.
    pub const INPUT: CPtr = 1;
    /// The fault endpoint.
    pub const FAULT_ENDPOINT: CPtr = 2;
    /// The protection domain's VSpace.
    pub const VSPACE: CPtr = 3;
    /// The reply object.
    pub const REPLY: CPtr = 4;
    /// The monitor's endpoint; passive protection domains only.
    pub const MONITOR_ENDPOINT: CPtr = 5;
    /// The protection domain's own TCB; benchmark configuration only.
    pub const TCB: CPtr = 6;
    /// The SMC capability; with `smc="true"` only.
    pub const SMC: CPtr = 7;
    /// Notifications of the channels' other ends, by channel.
    pub const BASE_OUTPUT_NOTIFICATION: CPtr = 10;
    /// Endpoints of the channels' other ends, by channel.
    pub const BASE_ENDPOINT: CPtr = 74;
    /// Interrupt handlers, by channel.
    pub const BASE_IRQ: CPtr = 138;
    /// TCBs of child protection domains, by child.
    pub const BASE_TCB: CPtr = 202;
    /// TCBs of virtual CPUs, by vCPU.
    pub const BASE_VM_TCB: CPtr = 266;
    /// Virtual CPUs, by vCPU.
    pub const BASE_VCPU: CPtr = 330;
    /// I/O ports; none on ARM.
    pub const BASE_IOPORT: CPtr = 394;
}

/// The capability pointer of slot `slot` (1 to 63) of a protection domain's root CNode.
pub const fn root_slot_cptr(slot: u64) -> CPtr {
    slot << (u64::BITS - ROOT_CNODE_BITS)
}

/// Badges by which a protection domain tells what it received.
pub mod badge {
    /// Set in the badge of a protected call; the low bits are the channel.
    pub const PROTECTED_CALL: u64 = 1 << 63;
    /// Set in the badge of a child's fault; the low bits are the child or vCPU.
    pub const FAULT: u64 = 1 << 62;
}

/// Limits of a description.
pub mod limit {
    /// Most protection domains.
    pub const MAX_PDS: usize = 63;
    /// Most channels and interrupts of one protection domain.
    pub const MAX_CHANNELS: usize = 62;
    /// Highest channel, interrupt and child id.
    pub const MAX_CHANNEL_ID: u64 = 61;
    /// Highest vCPU id.
    pub const MAX_VCPU_ID: u64 = 61;
    /// Longest name of a protection domain or virtual machine, in bytes.
    pub const NAME_LENGTH: usize = 64;
    /// Default size of a stack in bytes.
    pub const STACK_DEFAULT: u64 = 0x2000;
    /// Smallest stack.
    pub const STACK_MIN: u64 = 0x1000;
    /// Largest stack.
    pub const STACK_MAX: u64 = 0x100_0000;
    /// Highest priority of a protection domain: the one above is the monitor's.
    pub const MAX_PRIORITY: u64 = 254;
    /// Default budget in microseconds.
    pub const BUDGET_DEFAULT_US: u64 = 1000;
}

/// Names of the symbols that the tool writes into a protection domain's image.
pub mod symbol {
    /// The protection domain's name, up to 64 bytes.
    pub const NAME: &str = "microkit_name";
    /// One byte: whether the protection domain is passive.
    pub const PASSIVE: &str = "microkit_passive";
    /// 64-bit set of interrupt ids.
    pub const IRQS: &str = "microkit_irqs";
    /// 64-bit set of channels that may be notified.
    pub const NOTIFICATIONS: &str = "microkit_notifications";
    /// 64-bit set of channels that may be called.
    pub const PPS: &str = "microkit_pps";
    /// 64-bit set of I/O ports; 0 on ARM.
    pub const IOPORTS: &str = "microkit_ioports";
}

/// Addresses that every protection domain and the monitor have in common.
pub mod address {
    use crate::object::{SMALL_PAGE_BITS, USER_TOP};
    /// The IPC buffer: the last page.
    pub const IPC_BUFFER: u64 = USER_TOP + 1 - (1 << SMALL_PAGE_BITS);
    /// The address behind the stack: the page between it and the IPC buffer catches overruns.
    pub const STACK_TOP: u64 = IPC_BUFFER - (1 << SMALL_PAGE_BITS);
}

/// What the monitor finds: slots of its one CNode, which are also capability pointers, and symbols.
pub mod monitor {
    use super::CPtr;
    /// The endpoint on which faults and passive protection domains arrive.
    pub const FAULT_ENDPOINT: CPtr = 1;
    /// The reply object.
    pub const REPLY: CPtr = 2;
    /// TCBs of protection domains, by their place in the description.
    pub const BASE_PD_TCB: CPtr = 10;
    /// TCBs of virtual CPUs, by their place in the description.
    pub const BASE_VM_TCB: CPtr = 74;
    /// Scheduling contexts of passive protection domains.
    pub const BASE_SCHED_CONTEXT: CPtr = 138;
    /// Notifications of passive protection domains.
    pub const BASE_NOTIFICATION: CPtr = 202;
    /// Entries of each of its tables: slots, and arrays at its symbols.
    pub const MAX_ENTRIES: usize = 64;
}

/// Where a boot image is loaded and entered.
pub const IMAGE_LOAD_ADDRESS: u64 = 0x7000_0000;
