//! What quoll adds to seL4 16: numbers that upstream does not use, so that nothing written for upstream meets them by
//! chance. `docs/kernel.md` describes the behaviour.

/// Registers of a virtual CPU for `ARM_VCPU_ReadReg` and `ARM_VCPU_WriteReg`, beside [`crate::vcpu::VCpuReg`].
pub mod vcpu_reg {
    /// Read: bits 3:0 the GIC's version (2 or 3), 15:8 the number of list registers, 23:16 the priority bits.
    pub const GIC_INFO: u64 = 0x1000;
    /// Read and write: [`super::vcpu_flags`].
    pub const FLAGS: u64 = 0x1001;
    /// Read: list registers whose interrupt has ended with a maintenance request, a bit each (`ICH_EISR_EL2`).
    pub const EISR: u64 = 0x1002;
    /// Read: list registers that are empty, a bit each (`ICH_ELRSR_EL2`).
    pub const ELRSR: u64 = 0x1003;
    /// Read: the reasons for a maintenance interrupt (`ICH_MISR_EL2`).
    pub const MISR: u64 = 0x1004;
    /// Read and write: the guest's interrupt controls, in the layout of `ICH_VMCR_EL2` whatever the GIC.
    pub const VMCR: u64 = 0x1005;
    /// Read and write: which maintenance interrupts are asked for (`ICH_HCR_EL2` bits 1 UIE, 2 LRENPIE, 3 NPIE).
    pub const HCR: u64 = 0x1006;
    /// Read and write: [`super::mailbox_state`].
    pub const MAILBOX_STATE: u64 = 0x1007;
    /// Read and write: a capability pointer of the vCPU's thread. The notification there is signalled when something comes for
    /// the mailbox while no list register is told for it; 0 is none.
    pub const MAILBOX_NOTIFICATION: u64 = 0x1008;
    /// Read: slots of the mailbox that hold a message, a bit each.
    pub const MAILBOX_FULL: u64 = 0x1009;
    /// Read: slots that were signalled, a bit each. A write clears the bits that are set in it.
    pub const MAILBOX_SIGNALS: u64 = 0x100a;
    /// Read and write: active priorities of group 0, register n (0 to 3) at `ACTIVE_0_BASE + n` (`ICH_AP0R<n>_EL2`; a
    /// GICv2 has one register, number 0 of group 0). A guest that is started anew must not inherit any.
    pub const ACTIVE_0_BASE: u64 = 0x1010;
    /// Read and write: active priorities of group 1, register n at `ACTIVE_1_BASE + n` (`ICH_AP1R<n>_EL2`).
    pub const ACTIVE_1_BASE: u64 = 0x1014;
    /// Number of registers of active priorities of each group.
    pub const ACTIVE_COUNT: u64 = 4;
    /// Read and write: list register n at `LR_BASE + n`, in the layout of `ICH_LR<n>_EL2` whatever the GIC.
    pub const LR_BASE: u64 = 0x1100;
    /// Read and write: the interrupt of the mailbox, to be put pending into list register n whenever something comes, at
    /// `MAILBOX_LR_BASE + n`: number, priority and group as in that register. One register is told at a time, the others
    /// read 0; writing 0 to it takes it back.
    pub const MAILBOX_LR_BASE: u64 = 0x1200;
    /// Read: word w (0 to 2) of the message in slot s at `MAILBOX_WORD_BASE + 4 * s + w`. A write to word 0 acknowledges the
    /// message: the slot is empty.
    pub const MAILBOX_WORD_BASE: u64 = 0x1300;
    /// Read and write: how interrupt n, which is linked to this virtual CPU, is told, at `LINE_LR_BASE + n`: number, priority and
    /// group as in a list register, and from bit [`LINE_LR_INDEX_SHIFT`] on the register's number. With 0, and at first, the
    /// interrupt is masked. `IRQHandler_SetNotification` with a virtual CPU links a shared interrupt.
    pub const LINE_LR_BASE: u64 = 0x2000;
    /// See [`LINE_LR_BASE`].
    pub const LINE_LR_INDEX_SHIFT: u32 = 16;
    /// Read and write: [`super::line_state`] of interrupt n, which is linked to this virtual CPU, at `LINE_STATE_BASE + n`.
    pub const LINE_STATE_BASE: u64 = 0x2400;
}

/// Bits of a linked interrupt's state in the physical interrupt controller.
pub mod line_state {
    /// It is pending; of a level-triggered one, its line is high.
    pub const PENDING: u64 = 1;
    /// It has come and was not ended: it does not come again before that.
    pub const ACTIVE: u64 = 2;
}

/// Slots of a protection domain's Microkit CNode.
pub mod slot {
    use crate::CPtr;
    /// What the guest that it manages can tell others with, by the guest's channel: upstream has I/O ports there, of which
    /// this architecture has none.
    pub const BASE_GUEST_PORT: CPtr = crate::microkit::slot::BASE_IOPORT;
}

/// Names of symbols that the tool writes if a program has them.
pub mod symbol {
    /// 64-bit set of the channels of the guest that the protection domain manages.
    pub const GUEST_CHANNELS: &str = "guest_channels";
    /// Those with another guest at the other end that it may send to.
    pub const GUEST_PORTS: &str = "guest_ports";
    /// Those that its broadcasts go through.
    pub const GUEST_BROADCASTS: &str = "guest_broadcasts";
    /// Those through which it may signal.
    pub const GUEST_SIGNALS: &str = "guest_signals";
    /// 64-bit truth: the guest's time stands still while others run ([`super::vcpu_flags::VIRTUAL_TIME`]).
    pub const GUEST_VIRTUAL_TIME: &str = "guest_virtual_time";
    /// In a parent: the address of what tells how its children are reloaded ([`super::reload`]).
    pub const RELOAD_TABLE: &str = "reload_table";
    /// In a parent: bytes of that.
    pub const RELOAD_SIZE: &str = "reload_size";
    /// In a child: how often its parent has reloaded it. The parent counts it up.
    pub const LIFE: &str = "quoll_life";
    /// The cached mappings of its guest: a table of [`super::guest_map`].
    pub const GUEST_MAPS: &str = "guest_maps";
    /// The devices of the machine that the guest has: [`super::guest_device::MAX`] entries of [`super::guest_device::WORDS`] words.
    pub const GUEST_DEVICES: &str = "guest_devices";
}

/// Mappings of a guest as a protection domain that manages it is told of them: a table of entries, each of a guest-physical address, a size in
/// bytes, and what the guest may do (words of 64 bits), and then the region's name with zeros behind it. Entries of size 0
/// are not used.
pub mod guest_map {
    /// Entries of the table.
    pub const COUNT: usize = 16;
    /// Bytes of an entry's name; longer names are cut.
    pub const NAME: usize = 40;
    /// Bytes of an entry.
    pub const BYTES: usize = 3 * 8 + NAME;
    /// The guest may write.
    pub const WRITE: u64 = 1;
}

/// What a protection domain finds that can reload children: a table of words, and what the table tells of. It begins with the
/// numbers of children and of pieces; the children follow, then the pieces.
pub mod reload {
    /// The part of the parent's address space where all of it is.
    pub const WINDOW: core::ops::Range<u64> = 0x80_0000_0000..0xc0_0000_0000;
    /// Words in front of the children: their number, that of the pieces.
    pub const HEADER: usize = 2;
    /// Words of a child: its id, its entry point, the lowest address of its stack, where the parent finds its
    /// [`LIFE`](super::symbol::LIFE) (0: it has none), its name.
    pub const CHILD: usize = 4 + NAME;
    /// Words of the name, with zeros behind it.
    pub const NAME: usize = crate::microkit::limit::NAME_LENGTH / size_of::<u64>();
    /// Words of a piece of memory: the place of its child in the table, its address in the parent and its bytes, the address of
    /// what it holds at first and the bytes of that. Zeros are behind it.
    pub const PIECE: usize = 5;
    /// Label of the answer to a protected call that came before the called protection domain was reloaded: the largest there is.
    pub const LOST_CALL: u64 = (1 << 52) - 1;
}

/// A device of the machine that a guest has, as words of [`symbol::GUEST_DEVICES`]. An entry with a size of 0 is none.
pub mod guest_device {
    /// Most devices of a guest.
    pub const MAX: usize = 16;
    /// Guest-physical address of its registers.
    pub const ADDRESS: usize = 0;
    /// Their size in bytes.
    pub const SIZE: usize = 1;
    /// Its interrupt, 0 if it has none.
    pub const INTERRUPT: usize = 2;
    /// The monitor's channel of the interrupt.
    pub const CHANNEL: usize = 3;
    /// Set of [`EDGE`] and [`DMA`].
    pub const FLAGS: usize = 4;
    /// What it is, as device trees have it: text, zeros behind it.
    pub const COMPATIBLE: usize = 5;
    /// Words of an entry.
    pub const WORDS: usize = 12;
    /// Bytes of the text, of which the last is zero.
    pub const COMPATIBLE_BYTES: usize = 8 * (WORDS - COMPATIBLE);
    /// The interrupt is edge-triggered.
    pub const EDGE: u64 = 1;
    /// It reads and writes memory.
    pub const DMA: u64 = 2;
}

/// Bits of [`vcpu_reg::FLAGS`].
pub mod vcpu_flags {
    /// A WFI of this vCPU blocks its thread in the kernel until a virtual interrupt is pending or its virtual timer
    /// fires, instead of being a `VCPUFault`.
    pub const WFI_IN_KERNEL: u64 = 1;
    /// The vCPU stands still: if its thread runs, or is woken from a WFI in the kernel, it goes on when this is cleared. All
    /// else stays as it is. So its list registers can be read and changed while it would run on another core.
    pub const HELD: u64 = 2;
    /// A fault of this vCPU tells all its registers, and the answer can set them: [`super::vcpu_context`]. A call of the SMC
    /// Calling Convention by HVC is then a `VCPUFault`, like one by SMC, with the program counter at the instruction.
    pub const CONTEXT_IN_MESSAGE: u64 = 4;
    /// The kernel answers this vCPU's calls for messages ([`super::hypercall`]) with the capabilities of its thread.
    pub const MESSAGES: u64 = 8;
    /// The guest's virtual counter, and with it its virtual timer, stands still while its thread could run and does not:
    /// `CNTVOFF_EL2` grows by that time before it goes on. It does not stand still while the thread waits for anything.
    pub const VIRTUAL_TIME: u64 = 16;
    /// All flags that there are.
    pub const MASK: u64 = WFI_IN_KERNEL | HELD | CONTEXT_IN_MESSAGE | MESSAGES | VIRTUAL_TIME;
}

/// Bits of [`vcpu_reg::MAILBOX_STATE`].
pub mod mailbox_state {
    /// Something has come while no list register was told for it. It is put into the next one that is.
    pub const INTERRUPT: u64 = 1;
    /// Written: forgets all messages and signals; never read.
    pub const EMPTY: u64 = 2;
}

/// The mailbox of a virtual CPU, and ports to it: capabilities to the virtual CPU that can only send. A port is made by
/// `CNode_Mint` (or `Mutate`) from a capability to the virtual CPU; its data says what it may do.
pub mod port {
    /// Set in every port's data.
    pub const PORT: u64 = 1 << 63;
    /// The slot of the mailbox that the port fills: bits 5:0.
    pub const SLOT_MASK: u64 = (SLOTS - 1) as u64;
    /// The port takes part in its holder's broadcasts.
    pub const BROADCAST: u64 = 1 << 8;
    /// The sender does not learn whether its message was taken.
    pub const BLIND: u64 = 1 << 9;
    /// Slots of a mailbox.
    pub const SLOTS: usize = 64;
    /// Words of a message.
    pub const WORDS: usize = 3;
    /// Invocation label: sends the message in message registers 0 to 2. While the one before is not acknowledged the error is
    /// `DeleteFirst`.
    pub const SEND: u64 = 0x1000;
    /// Invocation label: signals, so that `seL4_Signal` works on a port as on a notification.
    pub const SIGNAL: u64 = 0;
}

/// Calls of a guest for messages: SMC Calling Convention (Arm DEN 0028) 1.1, fast 64-bit calls of the vendor-specific
/// hypervisor service, by `HVC`. The function is in w0, arguments from x1 on; the status comes back in x0, values from x1 on.
pub mod hypercall {
    /// The version of these calls: x1 major, x2 minor.
    pub const VERSION: u64 = 0xc600_0000;
    /// Sends x2 to x4 through the port x1.
    pub const SEND: u64 = 0xc600_0001;
    /// Sends x1 to x3 through all ports that may broadcast. The status says nothing of the receivers.
    pub const BROADCAST: u64 = 0xc600_0002;
    /// Signals through the port or notification x1.
    pub const SIGNAL: u64 = 0xc600_0003;
    /// What has come: x1 slots with a message, x2 slots that were signalled since the last such call.
    pub const PENDING: u64 = 0xc600_0004;
    /// Takes the message in slot x1, its words are x1 to x3, and acknowledges it.
    pub const RECEIVE: u64 = 0xc600_0005;
    /// All calls are below this.
    pub const END: u64 = 0xc600_0006;
    /// Major and minor version.
    pub const CURRENT: (u64, u64) = (1, 0);

    /// Status: done.
    pub const SUCCESS: i64 = 0;
    /// Status: there is no such port, or no message in this slot.
    pub const INVALID_PARAMETER: i64 = -3;
    /// Status: the message before is not yet acknowledged.
    pub const BUSY: i64 = -4;
}

/// Registers of a vCPU's thread, and list registers, which with [`vcpu_flags::CONTEXT_IN_MESSAGE`] stand in the page of the IPC
/// buffer of the thread that handles its faults. The offsets are those of words.
pub mod vcpu_context {
    /// Where the words are: so many bytes behind the beginning of the IPC buffer. Where its frame has no room behind the
    /// buffer, no registers are told or set.
    pub const OFFSET: usize = 1 << crate::ipc_buffer::SIZE_BITS;
    /// x0; x1 to x30 follow.
    pub const X0: usize = 0;
    /// `SP_EL0`.
    pub const SP: usize = 31;
    /// Program counter.
    pub const PC: usize = 32;
    /// Processor state, as `SPSR_EL2`.
    pub const SPSR: usize = 33;
    /// Which of the other words the answer sets, a bit each: the registers above and [`LR`]. The kernel clears it when it
    /// tells the registers.
    pub const WRITTEN: usize = 34;
    /// Which list registers faults tell, bit n for number n. The kernel only reads it.
    pub const TOLD: usize = 35;
    /// List register 0, in the layout of `ICH_LR<n>_EL2` whatever the GIC; the others follow. One that the vCPU may not have,
    /// as `ARM_VCPU_WriteReg` would say, is not set.
    pub const LR: usize = 40;
    /// Most list registers.
    pub const LRS: usize = 16;
    /// Number of words.
    pub const LENGTH: usize = LR + LRS;
}
