//! Interrupts: control, handlers, and what a hardware interrupt does (seL4 manual, sections 5.4 and 10.6).

use crate::arch;
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
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

fn line(irq: u32) -> &'static Line {
    &state::kernel().lines[irq as usize]
}

fn notification_slot(irq: u32) -> Ref<Slot> {
    Ref::from_static(&line(irq).notification)
}

/// Methods of the interrupt control capability.
pub fn invoke_control(slot: Ref<Slot>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    match label {
        Label::IRQIssueIRQHandler => {
            let irq = decode_irq(args.word(0)?)?;
            issue(slot, irq, None, args, [1, 2])
        }
        Label::ARMIRQIssueIRQHandlerTrigger => {
            let (irq, edge) = (decode_irq(args.word(0)?)?, args.word(1)? != 0);
            issue(slot, irq, Some(edge), args, [2, 3])
        }
        Label::ARMIRQIssueSGISignal => issue_sgi(slot, args),
        _ => Err(SysError::IllegalOperation),
    }
}

fn decode_irq(irq: u64) -> Result<u32, SysError> {
    let max = u64::from(arch::irq::COUNT) - 1;
    if irq > max { Err(SysError::Range { min: 0, max }) } else { Ok(irq as u32) }
}

/// Makes the handler capability; `dest` names the arguments that hold the slot's index and depth.
fn issue(
    control: Ref<Slot>,
    irq: u32,
    edge: Option<bool>,
    args: &Args,
    [index, depth]: [usize; 2],
) -> Result<Outcome, SysError> {
    let root = args.cap(0)?.cap();
    let (index, depth) = (args.word(index)?, args.depth(depth)?);
    if arch::irq::is_reserved(irq) || line(irq).issued.get() {
        return Err(SysError::RevokeFirst);
    }
    let dest = cnode::lookup_empty(&root, index, depth)?;
    if let Some(edge) = edge {
        arch::irq::set_trigger(irq, edge);
    }
    line(irq).issued.set(true);
    arch::irq::unmask(irq);
    slot::insert_derived(dest, Cap::IrqHandler { irq }, control);
    Ok(Outcome::Done)
}

/// Number of software-generated interrupts.
const SGIS: u64 = 16;

fn issue_sgi(control: Ref<Slot>, args: &Args) -> Result<Outcome, SysError> {
    let (irq, target) = (args.word(0)?, args.word(1)?);
    let root = args.cap(0)?.cap();
    if irq >= SGIS {
        return Err(SysError::Range { min: 0, max: SGIS - 1 });
    }
    if target >= MAX_NUM_NODES as u64 {
        return Err(SysError::InvalidArgument(1));
    }
    let dest = cnode::lookup_empty(&root, args.word(2)?, args.depth(3)?)?;
    slot::insert_derived(dest, Cap::SgiSignal { irq: irq as u32, target: target as u32 }, control);
    Ok(Outcome::Done)
}

/// Methods of a handler capability.
pub fn invoke_handler(irq: u32, label: Label, args: &Args) -> Result<Outcome, SysError> {
    match label {
        Label::IRQAckIRQ => {
            arch::irq::unmask(irq);
            Ok(Outcome::Done)
        }
        Label::IRQSetIRQHandler => {
            let source = args.cap(0)?;
            let Cap::Notification { rights, .. } = source.cap() else { return Err(SysError::InvalidCapability(1)) };
            if !rights.write {
                return Err(SysError::InvalidCapability(1));
            }
            let slot = notification_slot(irq);
            let cap = source.cap();
            delete::delete(slot)?;
            slot::insert_derived(slot, cap, source);
            Ok(Outcome::Done)
        }
        Label::IRQClearIRQHandler => delete::delete(notification_slot(irq)).map(|()| Outcome::Done),
        _ => Err(SysError::IllegalOperation),
    }
}

/// The last handler capability goes.
pub fn release(irq: u32) {
    arch::irq::mask(irq);
    line(irq).issued.set(false);
    // A notification is no container, so its deletion has nothing to preempt.
    let _ = delete::delete(notification_slot(irq));
}

/// A hardware interrupt that is user level's: masked until it is acknowledged, and signalled.
pub fn deliver(irq: u32) {
    arch::irq::mask(irq);
    arch::irq::end(irq);
    if let Cap::Notification { addr, badge, .. } = line(irq).notification.cap() {
        notification::signal(Ref::at(addr), badge);
    }
}
