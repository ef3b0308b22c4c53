//! Methods of a thread (seL4 manual, sections 6.1 and 10.3.11).

use crate::arch;
use crate::error::SysError;
use crate::invoke::{Args, Outcome, is_current};
use crate::ipc::{self, Message};
use crate::mem::Ref;
use crate::object::notification::{self, Notification};
use crate::object::sched_context::{self, SchedContext};
use crate::object::slot::{self, Slot};
use crate::object::tcb::{Position, State, TRANSFER_ORDER, Tcb};
use crate::object::{cnode, delete, vcpu};
use crate::sched;
use quoll_kernel_core::cap::Cap;
use sel4_abi::context::{FRAME_REGISTERS, LENGTH};
use sel4_abi::ipc_buffer;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::MAX_LENGTH;
use sel4_abi::object::{TCB_FLAG_FPU_DISABLED, TCB_FLAG_MASK, USER_TOP};

/// Methods of a thread capability, which stands in `slot`.
#[inline(never)]
pub fn invoke(tcb: Ref<Tcb>, slot: Ref<Slot>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    match label {
        Label::TCBReadRegisters => return read_registers(tcb, args),
        Label::TCBWriteRegisters => write_registers(tcb, args)?,
        Label::TCBCopyRegisters => copy_registers(tcb, args)?,
        Label::TCBConfigure => {
            let buffer = decode_buffer(args.word(2), args.cap(2))?;
            let space = decode_space(args, 0)?;
            install_space(tcb, slot, space)?;
            install_buffer(tcb, slot, buffer)?;
        }
        Label::TCBSetSpace => {
            let handler = handler_cap(args.cap(0), 1)?;
            let space = decode_space(args, 1)?;
            replace_slot(slot, &tcb.slots.fault_handler, handler)?;
            install_space(tcb, slot, space)?;
        }
        Label::TCBSetIPCBuffer => install_buffer(tcb, slot, decode_buffer(args.word(0), args.cap(0))?)?,
        Label::TCBSetPriority => sched::set_priority(tcb, priority_allowed(args, 0)?),
        Label::TCBSetMCPriority => tcb.mcp.set(priority_allowed(args, 0)?),
        Label::TCBSetSchedParams => set_sched_params(tcb, slot, args)?,
        Label::TCBSetTimeoutEndpoint => {
            let handler = handler_cap(args.cap(0), 1)?;
            replace_slot(slot, &tcb.slots.timeout_handler, handler)?;
        }
        Label::TCBSuspend => ipc::suspend(tcb),
        Label::TCBResume => resume(tcb),
        Label::TCBBindNotification => bind_notification(tcb, args)?,
        Label::TCBUnbindNotification if tcb.notification.get().is_none() => return Err(SysError::IllegalOperation),
        Label::TCBUnbindNotification => notification::unbind(tcb),
        #[cfg(sel4_debug)]
        Label::TCBSetBreakpoint
        | Label::TCBGetBreakpoint
        | Label::TCBUnsetBreakpoint
        | Label::TCBConfigureSingleStepping => return crate::object::breakpoint::invoke(tcb, label, args),
        Label::TCBSetTLSBase => {
            arch::unload(tcb);
            tcb.regs.tpidr_el0.set(args.word(0));
        }
        _ => {
            arch::unload(tcb);
            let flags = (tcb.flags.get() & !args.word(0) | args.word(1)) & TCB_FLAG_MASK;
            if flags & TCB_FLAG_FPU_DISABLED != 0 {
                arch::fpu::clear(tcb);
            }
            tcb.flags.set(flags);
            return Ok(Outcome::Word(flags));
        }
    }
    Ok(Outcome::Done)
}

/// Lets a stopped thread run. One that waits in a system call starts it over.
fn resume(tcb: Ref<Tcb>) {
    if tcb.is_runnable() {
        return;
    }
    ipc::cancel(tcb);
    tcb.state.set(State::Running);
    sched::wake(tcb);
}

/// Bits of the first word of `ReadRegisters`, `WriteRegisters` and `CopyRegisters`.
mod transfer_flag {
    pub const FIRST_THREAD: u64 = 1;
    pub const SECOND_THREAD: u64 = 2;
    pub const FRAME: u64 = 4;
    pub const INTEGER: u64 = 8;
}

/// The program counter that user level sees: that of the system call in which the thread waits.
fn visible_pc(tcb: Ref<Tcb>) -> u64 {
    let pc = tcb.regs.pc.get();
    if tcb.is_in_system_call() { pc.wrapping_sub(4) } else { pc }
}

fn read_registers(tcb: Ref<Tcb>, args: &Args) -> Result<Outcome, SysError> {
    let (flags, count) = (args.word(0), args.word(1));
    if !(1..=LENGTH as u64).contains(&count) {
        return Err(SysError::Range { min: 1, max: LENGTH as u64 });
    }
    if is_current(tcb) {
        return Err(SysError::IllegalOperation);
    }
    if flags & transfer_flag::FIRST_THREAD != 0 {
        ipc::suspend(tcb);
    }
    arch::unload(tcb);
    let count = (count as usize).min(MAX_LENGTH);
    let message = Message::of(args.thread());
    for (index, position) in TRANSFER_ORDER[..count].iter().enumerate() {
        message.set(index, tcb.regs.at(*position).get());
    }
    const { assert!(TRANSFER_ORDER[0].is(Position::PC)) };
    message.set(0, visible_pc(tcb));
    Ok(Outcome::Written(count))
}

fn write_registers(tcb: Ref<Tcb>, args: &Args) -> Result<(), SysError> {
    let (flags, count) = (args.word(0), args.word(1));
    if ((args.length() - 2) as u64) < count {
        return Err(SysError::Truncated);
    }
    if is_current(tcb) {
        return Err(SysError::IllegalOperation);
    }
    arch::unload(tcb);
    // The program counter that is written is where the thread goes on, however its wait in a system call ends.
    ipc::rewind(tcb);
    let message = Message::of(args.thread());
    for (index, position) in TRANSFER_ORDER.iter().enumerate().take(count as usize) {
        tcb.regs.at(*position).set(message.get(2 + index));
    }
    tcb.regs.spsr.set(arch::sanitize_spsr(tcb, tcb.regs.spsr.get()));
    if flags & transfer_flag::FIRST_THREAD != 0 {
        resume(tcb);
    }
    Ok(())
}

fn copy_registers(tcb: Ref<Tcb>, args: &Args) -> Result<(), SysError> {
    use transfer_flag::{FIRST_THREAD, FRAME, INTEGER, SECOND_THREAD};
    let flags = args.word(0);
    let Cap::Thread { addr } = args.cap(0).cap() else { return Err(SysError::InvalidCapability(1)) };
    let source: Ref<Tcb> = Ref::at(addr);
    if flags & FIRST_THREAD != 0 {
        ipc::suspend(source);
    }
    arch::unload(source);
    arch::unload(tcb);
    // Thread pointers are of neither kind, and stay.
    let (frame, integer) = TRANSFER_ORDER[..LENGTH - 2].split_at(FRAME_REGISTERS);
    for (flag, positions) in [(FRAME, frame), (INTEGER, integer)] {
        for position in positions.iter().filter(|_| flags & flag != 0) {
            tcb.regs.at(*position).set(source.regs.at(*position).get());
        }
    }
    if flags & FRAME != 0 {
        ipc::rewind(tcb);
        tcb.regs.pc.set(visible_pc(source));
        tcb.regs.spsr.set(arch::sanitize_spsr(tcb, tcb.regs.spsr.get()));
    }
    if flags & SECOND_THREAD != 0 {
        resume(tcb);
    }
    Ok(())
}

/// The priority in this word, which the authority, a thread and the first capability, may give.
fn priority_allowed(args: &Args, word: usize) -> Result<u8, SysError> {
    let priority = args.word(word);
    let Cap::Thread { addr } = args.cap(0).cap() else { return Err(SysError::InvalidCapability(1)) };
    let mcp = u64::from(Ref::<Tcb>::at(addr).mcp.get());
    if priority > mcp {
        return Err(SysError::Range { min: 0, max: mcp });
    }
    Ok(priority as u8)
}

/// A fault or timeout handler: nothing, or an endpoint that may be called. `number` is the argument's.
fn handler_cap(slot: Ref<Slot>, number: u64) -> Result<Option<(Cap, Ref<Slot>)>, SysError> {
    match slot.cap() {
        Cap::Null => Ok(None),
        cap @ Cap::Endpoint { rights, .. } if rights.may_call() => Ok(Some((cap, slot))),
        _ => Err(SysError::InvalidCapability(number)),
    }
}

/// Puts a capability into one of a thread's slots. Nothing is put there when the thread's own capability went with what
/// was in the slot before.
fn replace_slot(tcb_slot: Ref<Slot>, slot: &Slot, new: Option<(Cap, Ref<Slot>)>) -> Result<(), SysError> {
    let thread = tcb_slot.raw();
    let slot = Ref::of(slot);
    delete::delete(slot)?;
    if let Some((cap, source)) = new
        && tcb_slot.raw() == thread
        && slot.is_empty()
        && !source.is_empty()
    {
        slot::insert_derived(slot, cap, source);
    }
    Ok(())
}

/// CSpace and VSpace of a message, decoded.
struct Space {
    cspace: (Cap, Ref<Slot>),
    vspace: (Cap, Ref<Slot>),
}

/// Decodes the roots in capabilities `first` and `first + 1`, with their data in the first two words.
fn decode_space(args: &Args, first: usize) -> Result<Space, SysError> {
    let cspace = decode_root(args.cap(first), args.word(0))?;
    let vspace = decode_root(args.cap(first + 1), args.word(1))?;
    match (cspace.0, vspace.0) {
        (Cap::CNode { .. }, Cap::VSpace { asid: Some(_), .. }) => Ok(Space { cspace, vspace }),
        _ => Err(SysError::IllegalOperation),
    }
}

/// A copy of the capability in a slot, with this data unless that is 0.
fn decode_root(slot: Ref<Slot>, data: u64) -> Result<(Cap, Ref<Slot>), SysError> {
    let cap = slot.cap();
    let cap = if data == 0 { cap } else { cap.with_data(data, false).unwrap_or(Cap::Null) };
    Ok((cnode::derive(slot, cap)?, slot))
}

fn install_space(tcb: Ref<Tcb>, tcb_slot: Ref<Slot>, space: Space) -> Result<(), SysError> {
    arch::unload(tcb);
    replace_slot(tcb_slot, &tcb.slots.cspace, Some(space.cspace))?;
    replace_slot(tcb_slot, &tcb.slots.vspace, Some(space.vspace))
}

/// The address and frame of an IPC buffer, decoded.
struct Buffer {
    address: u64,
    frame: Option<(Cap, Ref<Slot>)>,
}

fn decode_buffer(address: u64, slot: Ref<Slot>) -> Result<Buffer, SysError> {
    if address == 0 {
        return Ok(Buffer { address, frame: None });
    }
    let cap = cnode::derive(slot, slot.cap())?;
    let Cap::Frame { device, .. } = cap else { return Err(SysError::IllegalOperation) };
    if device {
        return Err(SysError::IllegalOperation);
    }
    if !address.is_multiple_of(1 << ipc_buffer::SIZE_BITS) {
        return Err(SysError::Alignment);
    }
    if address > USER_TOP {
        return Err(SysError::IllegalOperation);
    }
    Ok(Buffer { address, frame: Some((cap, slot)) })
}

fn install_buffer(tcb: Ref<Tcb>, tcb_slot: Ref<Slot>, buffer: Buffer) -> Result<(), SysError> {
    let Buffer { address, frame } = buffer;
    delete::delete(Ref::of(&tcb.slots.ipc_buffer))?;
    tcb.ipc_buffer.set(address);
    replace_slot(tcb_slot, &tcb.slots.ipc_buffer, frame)
}

fn set_sched_params(tcb: Ref<Tcb>, tcb_slot: Ref<Slot>, args: &Args) -> Result<(), SysError> {
    let mcp = priority_allowed(args, 0)?;
    let priority = priority_allowed(args, 1)?;
    let context = decode_new_context(tcb, args.cap(1))?;
    let handler = handler_cap(args.cap(2), 3)?;
    replace_slot(tcb_slot, &tcb.slots.fault_handler, handler)?;
    tcb.mcp.set(mcp);
    sched::set_priority(tcb, priority);
    match context {
        Some(context) => sched::give_context(context, tcb),
        None => sched::take_context(tcb),
    }
    Ok(())
}

/// The scheduling context that a thread is to get; none to take its own away.
fn decode_new_context(tcb: Ref<Tcb>, slot: Ref<Slot>) -> Result<Option<Ref<SchedContext>>, SysError> {
    match slot.cap() {
        Cap::Null if is_current(tcb) => Err(SysError::IllegalOperation),
        Cap::Null => Ok(None),
        Cap::SchedContext { addr, .. } => {
            let context: Ref<SchedContext> = Ref::at(addr);
            if tcb.sched_context.get().is_some() || context.tcb.get().is_some() {
                return Err(SysError::IllegalOperation);
            }
            if tcb.is_blocked() && !sched::has_time(context) {
                return Err(SysError::IllegalOperation);
            }
            Ok(Some(context))
        }
        _ => Err(SysError::InvalidCapability(2)),
    }
}

fn bind_notification(tcb: Ref<Tcb>, args: &Args) -> Result<(), SysError> {
    let slot = args.cap(0);
    if tcb.notification.get().is_some() {
        return Err(SysError::IllegalOperation);
    }
    let Cap::Notification { addr, rights, .. } = slot.cap() else { return Err(SysError::IllegalOperation) };
    let notification: Ref<Notification> = Ref::at(addr);
    if !rights.read || notification.bound.get().is_some() || notification.has_waiting() {
        return Err(SysError::IllegalOperation);
    }
    notification::bind(notification, tcb);
    Ok(())
}

/// The thread goes: out of every queue and binding. Its slots are emptied behind this.
pub fn finalise(tcb: Ref<Tcb>) {
    ipc::suspend(tcb);
    notification::unbind(tcb);
    if let Some(context) = tcb.sched_context.get() {
        sched::take_context(tcb);
        sched_context::complete_yield(context);
    }
    sched_context::cancel_yield(tcb);
    vcpu::dissociate_tcb(tcb);
    arch::fpu::clear(tcb);
    arch::unload(tcb);
    sched::forget_thread(tcb);
    crate::benchmark::forget(tcb);
}
