//! What this kernel offers beyond seL4 16. Numbers and layouts: [`crate::abi::quoll`].

use core::ptr::NonNull;

use crate::abi::quoll::{vcpu_context, vcpu_flags, vcpu_reg};
use crate::{Cap, IpcBuffer, NoExplicitInvocationContext, Word, arch};

/// A register of a virtual CPU that is not seL4's; see [`crate::abi::quoll::vcpu_reg`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum VCpuReg {
    /// Read: what the interrupt controller offers to guests; see [`GicInfo`].
    GicInfo,
    /// Read and write: [`VCpuFlags`].
    Flags,
    /// Read: a bit for each list register whose interrupt has ended.
    Eisr,
    /// Read: a bit for each list register that is empty.
    Elrsr,
    /// Read: why a maintenance interrupt is raised.
    Misr,
    /// Read and write: the guest's interrupt controls, as `ICH_VMCR_EL2`.
    Vmcr,
    /// Read and write: the maintenance interrupts that are wanted, as `ICH_HCR_EL2`.
    Hcr,
    /// Read and write: active priorities of group 0, as `ICH_AP0R<n>_EL2`.
    Active0(usize),
    /// Read and write: active priorities of group 1, as `ICH_AP1R<n>_EL2`.
    Active1(usize),
    /// Read and write: a list register, as `ICH_LR<n>_EL2`.
    ListRegister(usize),
    /// Read and write: [`mailbox_state`](crate::abi::quoll::mailbox_state).
    MailboxState,
    /// Read and write: the notification, in the vCPU thread's CSpace, that is signalled when something comes while no list
    /// register is told.
    MailboxNotification,
    /// Read: a bit for each slot of the mailbox that holds a message.
    MailboxFull,
    /// Read: a bit for each slot that was signalled. A write clears those that are set in it.
    MailboxSignals,
    /// Read and write: what is put pending into a list register when something comes.
    MailboxListRegister(usize),
    /// Read: a word of the message in a slot. A write to word 0 acknowledges it.
    MailboxWord {
        /// The slot.
        slot: usize,
        /// The word, 0 to 2.
        word: usize,
    },
    /// Read and write: how an interrupt that is linked to the virtual CPU is told
    /// ([`LINE_LR_BASE`](crate::abi::quoll::vcpu_reg::LINE_LR_BASE)).
    LineListRegister(u32),
    /// Read and write: the [state](crate::abi::quoll::line_state) of an interrupt that is linked to the virtual CPU.
    LineState(u32),
}

impl VCpuReg {
    /// The number that the kernel takes.
    #[inline(always)]
    pub const fn into_sys(self) -> Word {
        match self {
            Self::GicInfo => vcpu_reg::GIC_INFO,
            Self::Flags => vcpu_reg::FLAGS,
            Self::Eisr => vcpu_reg::EISR,
            Self::Elrsr => vcpu_reg::ELRSR,
            Self::Misr => vcpu_reg::MISR,
            Self::Vmcr => vcpu_reg::VMCR,
            Self::Hcr => vcpu_reg::HCR,
            Self::Active0(n) => vcpu_reg::ACTIVE_0_BASE + n as Word,
            Self::Active1(n) => vcpu_reg::ACTIVE_1_BASE + n as Word,
            Self::ListRegister(n) => vcpu_reg::LR_BASE + n as Word,
            Self::MailboxState => vcpu_reg::MAILBOX_STATE,
            Self::MailboxNotification => vcpu_reg::MAILBOX_NOTIFICATION,
            Self::MailboxFull => vcpu_reg::MAILBOX_FULL,
            Self::MailboxSignals => vcpu_reg::MAILBOX_SIGNALS,
            Self::MailboxListRegister(n) => vcpu_reg::MAILBOX_LR_BASE + n as Word,
            Self::LineListRegister(irq) => vcpu_reg::LINE_LR_BASE + irq as Word,
            Self::LineState(irq) => vcpu_reg::LINE_STATE_BASE + irq as Word,
            Self::MailboxWord { slot, word } => vcpu_reg::MAILBOX_WORD_BASE + 4 * slot as Word + word as Word,
        }
    }
}

/// Markers of capabilities that only this kernel has.
pub mod cap_type {
    use crate::CapType;

    /// A port to the mailbox of a virtual CPU.
    #[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
    pub struct Port;

    impl CapType for Port {
        const NAME: &'static str = "Port";
    }
}

/// A port to the mailbox of a virtual CPU: it can only send.
pub type Port<C = NoExplicitInvocationContext> = Cap<cap_type::Port, C>;

/// The value of [`VCpuReg::GicInfo`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct GicInfo(Word);

impl GicInfo {
    /// From the register's value.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The architecture's version: 2 or 3.
    pub const fn version(self) -> usize {
        (self.0 & 0xf) as usize
    }

    /// Number of list registers.
    pub const fn list_registers(self) -> usize {
        (self.0 >> 8 & 0xff) as usize
    }

    /// Number of implemented bits of a priority.
    pub const fn priority_bits(self) -> usize {
        (self.0 >> 16 & 0xff) as usize
    }
}

/// The value of [`VCpuReg::Flags`].
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct VCpuFlags(Word);

impl VCpuFlags {
    /// From the register's value.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The register's value.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Whether WFI blocks the thread in the kernel until an interrupt, instead of faulting.
    pub const fn wfi_in_kernel(self) -> bool {
        self.0 & vcpu_flags::WFI_IN_KERNEL != 0
    }

    /// Sets [`wfi_in_kernel`](Self::wfi_in_kernel).
    #[must_use]
    pub const fn with_wfi_in_kernel(self, val: bool) -> Self {
        self.with(vcpu_flags::WFI_IN_KERNEL, val)
    }

    /// Whether the messages of faults have the vCPU's registers; see [`VCpuContext`].
    pub const fn context_in_message(self) -> bool {
        self.0 & vcpu_flags::CONTEXT_IN_MESSAGE != 0
    }

    /// Sets [`context_in_message`](Self::context_in_message).
    #[must_use]
    pub const fn with_context_in_message(self, val: bool) -> Self {
        self.with(vcpu_flags::CONTEXT_IN_MESSAGE, val)
    }

    /// Whether the kernel answers the guest's calls for messages ([`hypercall`](crate::abi::quoll::hypercall)).
    pub const fn messages(self) -> bool {
        self.0 & vcpu_flags::MESSAGES != 0
    }

    /// Sets [`messages`](Self::messages).
    #[must_use]
    pub const fn with_messages(self, val: bool) -> Self {
        self.with(vcpu_flags::MESSAGES, val)
    }

    /// Whether the guest's counter stands still while its thread could run and does not.
    pub const fn virtual_time(self) -> bool {
        self.0 & vcpu_flags::VIRTUAL_TIME != 0
    }

    /// Sets [`virtual_time`](Self::virtual_time).
    #[must_use]
    pub const fn with_virtual_time(self, val: bool) -> Self {
        self.with(vcpu_flags::VIRTUAL_TIME, val)
    }

    /// Whether the vCPU stands still until this is cleared.
    pub const fn held(self) -> bool {
        self.0 & vcpu_flags::HELD != 0
    }

    /// Sets [`held`](Self::held).
    #[must_use]
    pub const fn with_held(self, val: bool) -> Self {
        self.with(vcpu_flags::HELD, val)
    }

    const fn with(self, flag: Word, val: bool) -> Self {
        Self(if val { self.0 | flag } else { self.0 & !flag })
    }
}

/// The words behind the IPC buffer.
#[derive(Debug)]
struct ContextWords(NonNull<Word>);

impl ContextWords {
    /// # Safety
    /// As [`VCpuContext::of`].
    const unsafe fn of(ipc_buffer: NonNull<IpcBuffer>) -> Self {
        // SAFETY: inside the frame, as the caller promises.
        Self(unsafe { ipc_buffer.byte_add(vcpu_context::OFFSET).cast() })
    }

    #[inline(always)]
    fn get(&self, index: usize) -> Word {
        assert!(index < vcpu_context::LENGTH);
        // SAFETY: a word of the context; the kernel reads and writes it while this thread waits.
        unsafe { self.0.add(index).read_volatile() }
    }

    #[inline(always)]
    fn set(&mut self, index: usize, value: Word) {
        assert!(index < vcpu_context::LENGTH);
        // SAFETY: as in `get`.
        unsafe { self.0.add(index).write_volatile(value) }
    }

    /// Sets a word for the answer to take.
    #[inline(always)]
    fn write(&mut self, index: usize, value: Word) {
        self.set(index, value);
        self.set(vcpu_context::WRITTEN, self.get(vcpu_context::WRITTEN) | 1 << index);
    }

    /// Those of `mask` that were written and not answered; they are no longer.
    fn take(&mut self, mask: Word) -> impl Iterator<Item = usize> + use<> {
        let written = self.get(vcpu_context::WRITTEN);
        self.set(vcpu_context::WRITTEN, written & !mask);
        (0..vcpu_context::LENGTH).filter(move |index| written & mask & 1 << index != 0)
    }
}

/// The registers of the vCPU whose fault was received last and is not answered yet, if its messages have them
/// ([`VCpuFlags::context_in_message`]). What is set here is the vCPU's when the fault is answered.
#[derive(Debug)]
pub struct VCpuContext(ContextWords);

/// A register in a [`VCpuContext`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct VCpuContextRegister(usize);

impl VCpuContextRegister {
    /// `SP_EL0`.
    pub const SP: Self = Self(vcpu_context::SP);
    /// The program counter.
    pub const PC: Self = Self(vcpu_context::PC);
    /// The processor state, as `SPSR_EL2`.
    pub const SPSR: Self = Self(vcpu_context::SPSR);

    /// General-purpose register 0 to 30.
    #[inline(always)]
    pub const fn gpr(number: u8) -> Self {
        assert!(number < 31);
        Self(vcpu_context::X0 + number as usize)
    }

    /// The number of a general-purpose register.
    pub const fn number(self) -> Option<usize> {
        if self.0 < vcpu_context::SP { Some(self.0 - vcpu_context::X0) } else { None }
    }
}

impl VCpuContext {
    /// The context of the thread that has this IPC buffer.
    ///
    /// # Safety
    /// The buffer is mapped for good, and so is the memory behind it in its frame, which nobody else uses; there is at least
    /// a kilobyte. There is only one such value.
    pub const unsafe fn of(ipc_buffer: NonNull<IpcBuffer>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { ContextWords::of(ipc_buffer) })
    }

    /// A register.
    #[inline(always)]
    pub fn get(&self, register: VCpuContextRegister) -> Word {
        self.0.get(register.0)
    }

    /// Sets a register.
    #[inline(always)]
    pub fn set(&mut self, register: VCpuContextRegister, value: Word) {
        self.0.write(register.0, value);
    }

    /// The registers that were set and not answered; they are no longer.
    pub fn take_written(&mut self) -> impl Iterator<Item = (VCpuContextRegister, Word)> + '_ {
        let written = self.0.take((1 << vcpu_context::WRITTEN) - 1);
        written.map(|index| (VCpuContextRegister(index), self.0.get(index)))
    }
}

/// The list registers of the vCPU whose fault was received last and is not answered yet, beside its [`VCpuContext`]. What is set
/// here is the vCPU's when the fault is answered, if [`vcpu_write_regs`](crate::cap::VCpu::vcpu_write_regs) would take it.
#[derive(Debug)]
pub struct VCpuLists(ContextWords);

impl VCpuLists {
    /// The list registers as the thread that has this IPC buffer sees them.
    ///
    /// # Safety
    /// As [`VCpuContext::of`].
    pub const unsafe fn of(ipc_buffer: NonNull<IpcBuffer>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { ContextWords::of(ipc_buffer) })
    }

    /// The list registers that faults tell, a bit each; at first none.
    #[inline(always)]
    pub fn told(&self) -> u16 {
        self.0.get(vcpu_context::TOLD) as u16
    }

    /// Sets [`told`](Self::told), for the faults that come from now on.
    #[inline(always)]
    pub fn set_told(&mut self, lists: u16) {
        self.0.set(vcpu_context::TOLD, lists.into());
    }

    /// The list registers that were set and not answered, a bit each.
    #[inline(always)]
    pub fn written(&self) -> u16 {
        (self.0.get(vcpu_context::WRITTEN) >> vcpu_context::LR) as u16
    }

    /// List register `index`, if the fault told it or it has been set since.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Word {
        self.0.get(vcpu_context::LR + index)
    }

    /// Sets list register `index`.
    #[inline(always)]
    pub fn set(&mut self, index: usize, value: Word) {
        self.0.write(vcpu_context::LR + index, value);
    }

    /// Those of `lists` that were set and not answered, with their values; they are no longer.
    pub fn take_written(&mut self, lists: u16) -> impl Iterator<Item = (usize, Word)> + '_ {
        let written = self.0.take(Word::from(lists) << vcpu_context::LR);
        written.map(|index| (index - vcpu_context::LR, self.0.get(index)))
    }
}

/// The system call that x0 to x8 say, in the registers of [`crate::abi::syscall::register`]; returns them as they are
/// afterwards. For tests of the kernel: everything else has functions of its own, which say what they do.
pub fn raw_system_call(x: [Word; 9], ipc_buffer: &mut IpcBuffer) -> [Word; 9] {
    arch::raw(x, ipc_buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gic_info_fields() {
        let info = GicInfo::from_word(0x0005_0403);
        assert_eq!((info.version(), info.list_registers(), info.priority_bits()), (3, 4, 5));
    }

    #[test]
    fn flags_leave_the_others() {
        let flags = VCpuFlags::from_word(0xf0).with_wfi_in_kernel(true);
        assert!(flags.wfi_in_kernel());
        assert_eq!(flags.with_wfi_in_kernel(false).into_word(), 0xf0);
        let flags = VCpuFlags::from_word(0xf1).with_held(true);
        assert!(flags.held() && flags.wfi_in_kernel());
        assert_eq!(flags.with_held(false).into_word(), 0xf1);
        assert!(flags.with_context_in_message(true).context_in_message());
    }

    #[test]
    fn what_is_set_in_a_context_is_remembered() {
        #[repr(C)]
        struct Page(IpcBuffer, [Word; 128]);
        let mut page = Page(IpcBuffer::default(), [7; 128]);
        page.1[vcpu_context::WRITTEN] = 0;
        // SAFETY: the page outlives the context.
        let mut context = unsafe { VCpuContext::of(NonNull::from(&mut page.0)) };
        let (x3, pc) = (VCpuContextRegister::gpr(3), VCpuContextRegister::PC);
        assert_eq!(context.get(x3), 7);
        context.set(pc, 1);
        context.set(x3, 2);
        assert!(context.take_written().eq([(x3, 2), (pc, 1)]));
        assert_eq!(context.take_written().count(), 0);
    }

    #[test]
    fn list_registers_are_numbered() {
        assert_eq!(VCpuReg::ListRegister(3).into_sys(), VCpuReg::ListRegister(0).into_sys() + 3);
    }
}
