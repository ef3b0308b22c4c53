//! Faults: what a thread can do wrong, as a message to its handler (seL4 manual, chapter 6.2), and what the answer does.

use crate::arch;
use crate::ipc::{self, Message};
use crate::mem::Ref;
use crate::object::endpoint::{self, Send};
use crate::object::sched_context::SchedContext;
use crate::object::slot::Slot;
use crate::object::tcb::{Position, Sending, State, TRANSFER_ORDER, Tcb};
use crate::object::vcpu_context;
use crate::sched;
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::lookup::LookupFailure;
use sel4_abi::context::Register;
use sel4_abi::fault::{FaultTag, cap_fault, debug_exception, timeout, unknown_syscall, user_exception, vm_fault};
use sel4_abi::message::{CapRights, MessageInfo};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A capability that a system call named could not be used.
    Cap {
        /// The capability pointer.
        cptr: u64,
        /// Whether it was the one to receive on.
        in_receive: bool,
        /// Why.
        failure: LookupFailure,
    },
    /// A system call that does not exist.
    UnknownSyscall {
        /// Its number.
        number: u64,
    },
    /// An exception that no other fault describes.
    UserException {
        /// Class of the exception.
        number: u64,
        /// Its syndrome.
        code: u64,
    },
    /// A breakpoint, watchpoint or single step.
    Debug {
        /// Which of these.
        reason: u64,
        /// The address.
        address: u64,
        /// Which breakpoint.
        number: u64,
    },
    /// The budget is used up.
    Timeout {
        /// The context's badge.
        badge: u64,
    },
    /// An access to memory that is not mapped or not allowed.
    Vm {
        /// The address.
        address: u64,
        /// The syndrome.
        fsr: u64,
        /// Whether an instruction was fetched.
        instruction: bool,
    },
    /// A list register's interrupt has ended.
    VgicMaintenance {
        /// The list register, if one is named.
        index: Option<u32>,
    },
    /// A trap of a virtual CPU.
    VCpu {
        /// The syndrome.
        hsr: u64,
    },
    /// A private interrupt of the running virtual CPU.
    VppiEvent {
        /// The interrupt.
        irq: u32,
    },
}

// Larger ones are copied by calls.
const _: () = assert!(size_of::<Option<Fault>>() <= 32);

/// Registers that an unknown system call's message shows and its answer sets, in order.
const SYSCALL_REGISTERS: [Position; unknown_syscall::SYSCALL] = Position::of_all(&[
    Register::X(0),
    Register::X(1),
    Register::X(2),
    Register::X(3),
    Register::X(4),
    Register::X(5),
    Register::X(6),
    Register::X(7),
    Register::Pc,
    Register::Sp,
    Register::X(30),
    Register::Spsr,
]);

/// Registers of a user exception's message and answer.
const EXCEPTION_REGISTERS: [Position; user_exception::NUMBER] =
    Position::of_all(&[Register::Pc, Register::Sp, Register::Spsr]);

/// Registers of a timeout's answer.
const TIMEOUT_REGISTERS: &[Position] = TRANSFER_ORDER.split_at(timeout::REPLY_LENGTH).0;

/// Writes the message that tells `faulting`'s fault to `receiver`; comes back with its info.
pub fn tell(faulting: Ref<Tcb>, receiver: Ref<Tcb>, fault: Fault) -> MessageInfo {
    let put = |index: usize, value: u64| ipc::set_mr(receiver, index, value);
    let registers = |list: &[Position]| {
        let message = Message::of(receiver);
        for (index, position) in list.iter().enumerate() {
            message.set(index, faulting.regs.at(*position).get());
        }
    };
    let pc = faulting.regs.pc.get();
    let (tag, length) = match fault {
        Fault::Cap { cptr, in_receive, failure } => {
            put(cap_fault::IP, pc);
            put(cap_fault::ADDR, cptr);
            put(cap_fault::IN_RECV_PHASE, u64::from(in_receive));
            let (words, count) = failure.words();
            for (offset, word) in words[..count].iter().enumerate() {
                put(cap_fault::LOOKUP_FAILURE_TYPE + offset, *word);
            }
            (FaultTag::CapFault, cap_fault::LOOKUP_FAILURE_TYPE + count)
        }
        Fault::UnknownSyscall { number } => {
            registers(&SYSCALL_REGISTERS);
            put(unknown_syscall::SYSCALL, number);
            (FaultTag::UnknownSyscall, unknown_syscall::LENGTH)
        }
        Fault::UserException { number, code } => {
            registers(&EXCEPTION_REGISTERS);
            put(user_exception::NUMBER, number);
            put(user_exception::CODE, code);
            (FaultTag::UserException, user_exception::LENGTH)
        }
        Fault::Debug { reason, address, number } => {
            put(debug_exception::FAULT_IP, pc);
            put(debug_exception::EXCEPTION_REASON, reason);
            put(debug_exception::TRIGGER_ADDRESS, address);
            put(debug_exception::BREAKPOINT_NUMBER, number);
            let is_step = reason == debug_exception::SINGLE_STEP;
            (FaultTag::DebugException, if is_step { debug_exception::STEP_LENGTH } else { debug_exception::LENGTH })
        }
        Fault::Timeout { badge } => {
            put(timeout::DATA, badge);
            put(timeout::CONSUMED, faulting.sched_context.get().map_or(0, SchedContext::take_consumed));
            (FaultTag::Timeout, timeout::LENGTH)
        }
        Fault::Vm { address, fsr, instruction } => {
            put(vm_fault::IP, pc);
            put(vm_fault::ADDR, address);
            put(vm_fault::PREFETCH_FAULT, u64::from(instruction));
            put(vm_fault::FSR, fsr);
            (FaultTag::VMFault, vm_fault::LENGTH)
        }
        Fault::VgicMaintenance { index } => {
            put(0, index.map_or(u64::MAX, u64::from));
            (FaultTag::VGICMaintenance, 1)
        }
        Fault::VCpu { hsr } => {
            put(0, hsr);
            (FaultTag::VCPUFault, 1)
        }
        Fault::VppiEvent { irq } => {
            put(0, u64::from(irq));
            (FaultTag::VPPIEvent, 1)
        }
    };
    vcpu_context::tell(faulting, receiver);
    MessageInfo::new(tag as u64, 0, 0, length)
}

/// Does what the answer of `handler` says to a thread that faulted. False: the thread is not to run again.
pub fn answer(fault: Fault, handler: Ref<Tcb>, faulted: Ref<Tcb>) -> bool {
    let info = MessageInfo(handler.regs.x[sel4_abi::syscall::register::INFO].get());
    let registers: &[Position] = match fault {
        Fault::UnknownSyscall { .. } => &SYSCALL_REGISTERS,
        Fault::UserException { .. } => &EXCEPTION_REGISTERS,
        Fault::Timeout { .. } => TIMEOUT_REGISTERS,
        Fault::Debug { .. } => &[],
        // The message sets nothing, and the thread goes on whatever the label.
        _ => {
            vcpu_context::take(handler, faulted);
            return true;
        }
    };
    let message = Message::of(handler);
    #[cfg(sel4_debug)]
    if let Fault::Debug { reason: debug_exception::SINGLE_STEP, .. } = fault {
        // Without a number, the next instruction is a step as well.
        crate::object::breakpoint::set_steps(faulted, if info.length() > 0 { message.get(0) } else { 1 });
    }
    for (index, position) in registers.iter().enumerate().take(info.length()) {
        let value = message.get(index);
        let value = if *position == Position::SPSR { arch::sanitize_spsr(faulted, value) } else { value };
        faulted.regs.at(*position).set(value);
    }
    info.label() == 0
}

/// The endpoint in a handler slot, if faults can be told through it.
fn handler(slot: &Slot) -> Option<(Cap, CapRights)> {
    match slot.cap() {
        cap @ Cap::Endpoint { rights, .. } if rights.may_call() => Some((cap, rights)),
        _ => None,
    }
}

fn send(tcb: Ref<Tcb>, slot: &Slot, fault: Fault, donate: bool) -> bool {
    let Some((Cap::Endpoint { addr, badge, .. }, rights)) = handler(slot) else { return false };
    tcb.fault.set(Some(fault));
    let message =
        Sending { endpoint: Ref::at(addr), badge, grant: rights.grant, grant_reply: rights.grant_reply, call: true };
    endpoint::send(tcb, Send { message, blocking: true, donate });
    true
}

/// Tells a fault to the thread's handler. Without one, the thread stops for good.
pub fn raise(tcb: Ref<Tcb>, fault: Fault) {
    if !send(tcb, &tcb.slots.fault_handler, fault, tcb.sched_context.get().is_some()) {
        crate::debug::unhandled_fault(tcb, fault);
        tcb.state.set(State::Inactive);
        sched::stop(tcb);
    }
}

/// Whether the thread has someone to tell when its budget is used up.
pub fn has_timeout_handler(tcb: Ref<Tcb>) -> bool {
    handler(&tcb.slots.timeout_handler).is_some()
}

/// Tells the thread's timeout handler. False if there is none.
pub fn raise_timeout(tcb: Ref<Tcb>) -> bool {
    let badge = tcb.sched_context.get().map_or(0, |context| context.badge.get());
    send(tcb, &tcb.slots.timeout_handler, Fault::Timeout { badge }, false)
}
