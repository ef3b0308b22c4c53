//! Interrupts: control, handlers, and what a hardware interrupt does (seL4 manual, sections 5.4 and 10.6).

use crate::arch;
use crate::cpu::SEVERAL;
use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::cnode;
use crate::object::delete;
use crate::object::notification;
use crate::object::slot::{self, Slot};
use crate::state;
use quoll_kernel_core::cap::Cap;
use sel4_abi::config::MAX_NUM_NODES;
use sel4_abi::label::InvocationLabel as Label;

/// What the kernel knows of one interrupt.
#[derive(Debug)]
pub struct Line {
    /// The notification that is signalled.
    notification: Slot,
    /// Whether a handler capability exists.
    issued: core::cell::Cell<bool>,
}

impl Line {
    /// An interrupt that nobody handles.
    pub const fn new() -> Self {
        Self { notification: Slot::empty(), issued: core::cell::Cell::new(false) }
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

/// Interrupts below are a core's own: each core has a line for them (GIC architecture, 2.2.1).
const FIRST_SHARED: u32 = 32;
/// Lines of the private interrupts of all cores but the first.
const OTHERS_PRIVATE: u32 = (MAX_NUM_NODES as u32 - 1) * FIRST_SHARED;
/// Number of lines.
pub const LINES: usize = (arch::irq::COUNT + OTHERS_PRIVATE) as usize;

/// The line of an interrupt as a core sees it: the private ones of each core in turn, then the shared ones. A handler
/// capability names a line; with one core that is the interrupt's number.
const fn line_of(irq: u32, core: u32) -> u32 {
    if irq < FIRST_SHARED { core * FIRST_SHARED + irq } else { OTHERS_PRIVATE + irq }
}

/// The interrupt of a line, and the core whose own it is.
const fn interrupt_of(line: u32) -> (u32, Option<u32>) {
    match line.checked_sub(OTHERS_PRIVATE + FIRST_SHARED) {
        Some(shared) => (FIRST_SHARED + shared, None),
        None => (line % FIRST_SHARED, Some(line / FIRST_SHARED)),
    }
}

/// Does something with the interrupt of a line on a core that can.
fn with_interrupt(line: u32, operation: impl FnOnce(u32)) {
    match interrupt_of(line) {
        (irq, Some(core)) => arch::on_core(core as usize, || operation(irq)),
        (irq, None) => operation(irq),
    }
}

fn line(line: u32) -> &'static Line {
    &state::kernel().lines[line as usize]
}

fn notification_slot(number: u32) -> Ref<Slot> {
    Ref::from_static(&line(number).notification)
}

/// Methods of the interrupt control capability.
pub fn invoke_control(slot: Ref<Slot>, label: Label, args: &Args) -> Result<(), SysError> {
    match label {
        Label::IRQIssueIRQHandler => {
            let irq = decode_irq(args.word(0))?;
            issue(slot, Interrupt { irq, edge: None, core: 0 }, args, [1, 2])
        }
        Label::ARMIRQIssueIRQHandlerTrigger => {
            let (irq, edge) = (decode_irq(args.word(0))?, args.word(1) != 0);
            issue(slot, Interrupt { irq, edge: Some(edge), core: 0 }, args, [2, 3])
        }
        #[cfg(sel4_smp)]
        Label::ARMIRQIssueIRQHandlerTriggerCore => {
            let (irq, edge, core) = (decode_irq(args.word(0))?, args.word(1) != 0, args.word(4));
            if core >= arch::cores() as u64 {
                return Err(SysError::InvalidArgument(4));
            }
            issue(slot, Interrupt { irq, edge: Some(edge), core: core as u32 }, args, [2, 3])
        }
        // Between cores, software-generated interrupts are the kernel's.
        #[cfg(not(sel4_smp))]
        Label::ARMIRQIssueSGISignal => issue_sgi(slot, args),
        _ => Err(SysError::IllegalOperation),
    }
}

fn decode_irq(irq: u64) -> Result<u32, SysError> {
    let max = u64::from(arch::irq::COUNT) - 1;
    if irq > max { Err(SysError::Range { min: 0, max }) } else { Ok(irq as u32) }
}

/// An interrupt that a handler is asked for.
struct Interrupt {
    irq: u32,
    /// How it is triggered; as it is, if not said.
    edge: Option<bool>,
    /// The core that takes it.
    core: u32,
}

/// Makes the handler capability; the numbers are those of the arguments that hold the slot's index and depth.
fn issue(control: Ref<Slot>, interrupt: Interrupt, args: &Args, [index, depth]: [usize; 2]) -> Result<(), SysError> {
    let Interrupt { irq, edge, core } = interrupt;
    let number = line_of(irq, core);
    let root = args.cap(0).cap();
    let (index, depth) = (args.word(index), args.depth(depth));
    if arch::irq::is_reserved(irq) || line(number).issued.get() {
        return Err(SysError::RevokeFirst);
    }
    let dest = cnode::lookup_empty(&root, index, depth)?;
    line(number).issued.set(true);
    if SEVERAL && irq >= FIRST_SHARED {
        arch::irq::route(irq, core as usize);
    }
    with_interrupt(number, |irq| {
        if let Some(edge) = edge {
            arch::irq::set_trigger(irq, edge);
        }
        arch::irq::unmask(irq);
    });
    slot::insert_derived(dest, Cap::IrqHandler { irq: number }, control);
    Ok(())
}

/// Number of software-generated interrupts.
#[cfg(not(sel4_smp))]
const SGIS: u64 = 16;

#[cfg(not(sel4_smp))]
fn issue_sgi(control: Ref<Slot>, args: &Args) -> Result<(), SysError> {
    let (irq, target) = (args.word(0), args.word(1));
    let root = args.cap(0).cap();
    if irq >= SGIS {
        return Err(SysError::Range { min: 0, max: SGIS - 1 });
    }
    if target >= MAX_NUM_NODES as u64 {
        return Err(SysError::InvalidArgument(1));
    }
    let dest = cnode::lookup_empty(&root, args.word(2), args.depth(3))?;
    slot::insert_derived(dest, Cap::SgiSignal { irq: irq as u32, target: target as u32 }, control);
    Ok(())
}

/// Methods of a handler capability.
pub fn invoke_handler(line: u32, label: Label, args: &Args) -> Result<(), SysError> {
    match label {
        Label::IRQAckIRQ => with_interrupt(line, arch::irq::unmask),
        Label::IRQSetIRQHandler => {
            let source = args.cap(0);
            let Cap::Notification { rights, .. } = source.cap() else { return Err(SysError::InvalidCapability(1)) };
            if !rights.write {
                return Err(SysError::InvalidCapability(1));
            }
            let slot = notification_slot(line);
            let cap = source.cap();
            delete::delete(slot)?;
            slot::insert_derived(slot, cap, source);
        }
        _ => delete::delete(notification_slot(line))?,
    }
    Ok(())
}

/// The last handler capability goes.
pub fn release(number: u32) {
    with_interrupt(number, arch::irq::mask);
    line(number).issued.set(false);
    // A notification is no container, so its deletion has nothing to preempt.
    let _ = delete::delete(notification_slot(number));
}

/// A hardware interrupt that is user level's: masked until it is acknowledged, and signalled.
pub fn deliver(irq: u32) {
    arch::irq::mask(irq);
    arch::irq::end(irq);
    let number = line_of(irq, arch::core_index() as u32);
    if let Cap::Notification { addr, badge, .. } = line(number).notification.cap() {
        notification::signal(Ref::at(addr), badge);
    }
}
