//! Threads.

use super::{call, call_prepared, methods};
use crate::abi::label::InvocationLabel;
use crate::abi::object::TCB_FLAG_FPU_DISABLED;
use crate::{
    CNodeCapData, CPtr, InvocationContext, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Result, UserContext, Word, abi,
    cap::{CNode, Endpoint, Granule, Notification, SchedContext, Tcb, VSpace},
};

/// Flags of a thread, for [`Tcb::tcb_set_flags`](crate::cap::Tcb::tcb_set_flags).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TcbFlagsBuilder(Word);

impl TcbFlagsBuilder {
    /// No flag.
    pub const fn new() -> Self {
        Self(0)
    }

    /// The flags as the kernel takes them.
    pub const fn build(self) -> Word {
        self.0
    }

    /// Whether use of the FPU is a fault.
    #[must_use]
    pub const fn fpu_disabled(self, val: bool) -> Self {
        Self(if val { self.0 | TCB_FLAG_FPU_DISABLED } else { self.0 & !TCB_FLAG_FPU_DISABLED })
    }
}

/// What [`Tcb::tcb_copy_registers`](crate::cap::Tcb::tcb_copy_registers) does.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct CopyRegisters {
    /// Suspend the source first.
    pub suspend_source: bool,
    /// Resume the target afterwards.
    pub resume_target: bool,
    /// Copy program counter, stack pointer, status and the registers that calls preserve.
    pub transfer_frame: bool,
    /// Copy the other registers.
    pub transfer_integer: bool,
}

/// Words before the registers in `WriteRegisters`: flags and count.
const WRITE_REGISTERS_HEADER: usize = 2;

impl<C: InvocationContext> Tcb<C> {
    /// `seL4_TCB_ReadRegisters`: the first `count` registers; the others are zero.
    ///
    /// # Panics
    ///
    /// When `count` is more than a [`UserContext`] has.
    pub fn tcb_read_registers(self, suspend: bool, count: Word) -> Result<UserContext> {
        self.invoke(|cptr, ipc_buffer| {
            let mut regs = UserContext::default();
            let words = &mut regs.words_mut()[..count as usize];
            let label = InvocationLabel::TCBReadRegisters;
            let fast = call(ipc_buffer, cptr, label, [], [suspend.into(), count])?;
            words.copy_from_slice(&ipc_buffer.msg_regs()[..words.len()]);
            words.iter_mut().zip(fast).for_each(|(word, mr)| *word = mr);
            Ok(regs)
        })
    }

    /// All registers.
    pub fn tcb_read_all_registers(self, suspend: bool) -> Result<UserContext> {
        self.tcb_read_registers(suspend, abi::context::LENGTH as Word)
    }

    /// `seL4_TCB_WriteRegisters`: sets the first `count` registers.
    ///
    /// # Panics
    ///
    /// When `count` is more than a [`UserContext`] has.
    pub fn tcb_write_registers(self, resume: bool, count: Word, regs: &mut UserContext) -> Result<()> {
        let words = &regs.words()[..count as usize];
        self.invoke(|cptr, ipc_buffer| {
            let length = WRITE_REGISTERS_HEADER + words.len();
            let info = MessageInfo::new(InvocationLabel::TCBWriteRegisters as Word, 0, 0, length);
            let mut fast = [resume.into(), count, 0, 0];
            let (first, rest) = words.split_at(words.len().min(NUM_FAST_MESSAGE_REGISTERS - WRITE_REGISTERS_HEADER));
            fast[WRITE_REGISTERS_HEADER..][..first.len()].copy_from_slice(first);
            ipc_buffer.msg_regs_mut()[NUM_FAST_MESSAGE_REGISTERS..][..rest.len()].copy_from_slice(rest);
            call_prepared(ipc_buffer, cptr, info, fast)
        })?;
        Ok(())
    }

    /// Sets all registers.
    pub fn tcb_write_all_registers(self, resume: bool, regs: &mut UserContext) -> Result<()> {
        self.tcb_write_registers(resume, abi::context::LENGTH as Word, regs)
    }

    /// `seL4_TCB_SetFlags`: clears and sets flags ([`TcbFlagsBuilder`]); the flags afterwards.
    pub fn tcb_set_flags(self, clear: Word, set: Word) -> Result<Word> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::TCBSetFlags, [], [clear, set]))
            .map(|[flags, ..]| flags)
    }
}

methods! { Tcb<C> {
    /// `seL4_TCB_CopyRegisters`: copies registers of `source` to this thread.
    #[cfg(not(sel4_plain))]
    tcb_copy_registers(source: Tcb, what: CopyRegisters)
        = TCBCopyRegisters,
        caps [source.bits()],
        words [
            Word::from(what.suspend_source)
                | Word::from(what.resume_target) << 1
                | Word::from(what.transfer_frame) << 2
                | Word::from(what.transfer_integer) << 3
        ];

    /// `seL4_TCB_Resume`: lets the thread run.
    tcb_resume() = TCBResume, caps [], words [];

    /// `seL4_TCB_Suspend`: stops the thread.
    tcb_suspend() = TCBSuspend, caps [], words [];

    /// `seL4_TCB_SetPriority`: at most the maximum controlled priority of `authority`.
    tcb_set_priority(authority: Tcb, priority: Word)
        = TCBSetPriority, caps [authority.bits()], words [priority];

    /// `seL4_TCB_SetMCPriority`: at most the maximum controlled priority of `authority`.
    tcb_set_mc_priority(authority: Tcb, mcp: Word)
        = TCBSetMCPriority, caps [authority.bits()], words [mcp];

    /// `seL4_TCB_SetSchedParams`: priorities, scheduling context and fault endpoint.
    tcb_set_sched_params(authority: Tcb, mcp: Word, priority: Word, sched_context: SchedContext, fault_ep: Endpoint)
        = TCBSetSchedParams,
        caps [authority.bits(), sched_context.bits(), fault_ep.bits()],
        words [mcp, priority];

    /// `seL4_TCB_SetTimeoutEndpoint`: where timeout faults go.
    tcb_set_timeout_endpoint(timeout_endpoint: Endpoint)
        = TCBSetTimeoutEndpoint, caps [timeout_endpoint.bits()], words [];

    /// `seL4_TCB_Configure`: CSpace, VSpace and IPC buffer.
    tcb_configure(
        cspace_root: CNode, cspace_root_data: CNodeCapData, vspace_root: VSpace,
        ipc_buffer_addr: Word, ipc_buffer_frame: Granule
    )
        = TCBConfigure,
        caps [cspace_root.bits(), vspace_root.bits(), ipc_buffer_frame.bits()],
        words [cspace_root_data.into_word(), NO_VSPACE_DATA, ipc_buffer_addr];

    /// `seL4_TCB_SetSpace`: fault endpoint, CSpace and VSpace.
    tcb_set_space(fault_ep: CPtr, cspace_root: CNode, cspace_root_data: CNodeCapData, vspace_root: VSpace)
        = TCBSetSpace,
        caps [fault_ep.bits(), cspace_root.bits(), vspace_root.bits()],
        words [cspace_root_data.into_word(), NO_VSPACE_DATA];

    /// `seL4_TCB_SetIPCBuffer`.
    #[cfg(not(sel4_plain))]
    tcb_set_ipc_buffer(ipc_buffer_addr: Word, ipc_buffer_frame: Granule)
        = TCBSetIPCBuffer, caps [ipc_buffer_frame.bits()], words [ipc_buffer_addr];

    /// `seL4_TCB_SetTLSBase`: sets TPIDR_EL0.
    tcb_set_tls_base(tls_base: Word) = TCBSetTLSBase, caps [], words [tls_base];

    /// `seL4_TCB_BindNotification`: lets the thread receive its signals on any endpoint.
    tcb_bind_notification(notification: Notification)
        = TCBBindNotification, caps [notification.bits()], words [];

    /// `seL4_TCB_UnbindNotification`.
    tcb_unbind_notification() = TCBUnbindNotification, caps [], words [];
} }

/// AArch64 ignores `vspace_root_data`.
const NO_VSPACE_DATA: Word = 0;
