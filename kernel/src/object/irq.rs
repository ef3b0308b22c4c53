//! Interrupts: control, handlers, and what a hardware interrupt does (seL4 manual, sections 5.4 and 10.6).

use crate::arch;
use crate::cpu::SEVERAL;
use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::{Link, Ref};
use crate::object::cnode;
use crate::object::delete;
use crate::object::notification;
use crate::object::slot::{self, Slot};
use crate::object::vcpu::{self, VCpu};
use crate::state;
use core::cell::Cell;
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::gic::ListRegister;
use sel4_abi::config::MAX_NUM_NODES;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::quoll::{line_state, vcpu_reg};

/// What the kernel knows of one interrupt.
#[derive(Debug)]
pub struct Line {
    /// The notification that is signalled.
    notification: Slot,
    /// The virtual CPU that it is linked to: its guest ends it, without us.
    vcpu: Link<VCpu>,
    /// The list register that it is put into, if that is empty, and what then stands in it.
    told: Cell<Option<(usize, ListRegister)>>,
    /// Whether a handler capability exists.
    issued: Cell<bool>,
}

impl Line {
    /// An interrupt that nobody handles.
    pub const fn new() -> Self {
        Self { notification: Slot::empty(), vcpu: Link::new(None), told: Cell::new(None), issued: Cell::new(false) }
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
        Label::IRQAckIRQ => match self::line(line).vcpu.get() {
            Some(_) => arch::irq::set_active(interrupt_of(line).0, false),
            None => with_interrupt(line, arch::irq::unmask),
        },
        Label::IRQSetIRQHandler => {
            let source = args.cap(0);
            match source.cap() {
                cap @ Cap::Notification { rights, .. } if rights.write => {
                    let slot = notification_slot(line);
                    delete::delete(slot)?;
                    slot::insert_derived(slot, cap, source);
                }
                Cap::VCpu { addr, port: 0 } if interrupt_of(line).1.is_none() => link(line, Ref::at(addr)),
                _ => return Err(SysError::InvalidCapability(1)),
            }
        }
        _ => {
            unlink(line);
            delete::delete(notification_slot(line))?;
        }
    }
    Ok(())
}

/// Links a shared interrupt to a virtual CPU. It is masked until the VMM tells how it is to be delivered.
fn link(number: u32, vcpu: Ref<VCpu>) {
    unlink(number);
    with_interrupt(number, arch::irq::mask);
    line(number).vcpu.set(Some(vcpu));
}

/// Parts an interrupt from its virtual CPU, if it has one: it is masked, and nothing of it is left there.
fn unlink(number: u32) {
    let Some(vcpu) = line(number).vcpu.replace(None) else { return };
    line(number).told.set(None);
    let (irq, _) = interrupt_of(number);
    arch::irq::mask(irq);
    vcpu::forget_physical(vcpu, irq);
    arch::irq::set_active(irq, false);
}

/// Parts all interrupts from a virtual CPU that goes.
pub fn unlink_from(vcpu: Ref<VCpu>) {
    (0..LINES as u32).filter(|number| line(*number).vcpu.get() == Some(vcpu)).for_each(unlink);
}

/// Whether an interrupt is linked to this virtual CPU.
pub fn is_linked(irq: u32, vcpu: Ref<VCpu>) -> bool {
    (FIRST_SHARED..arch::irq::COUNT).contains(&irq) && line(line_of(irq, 0)).vcpu.get() == Some(vcpu)
}

/// The linked interrupt that a register of the virtual CPU is of, and whether it is its state rather than how it is told.
fn linked(vcpu: Ref<VCpu>, number: u64) -> Option<(u32, bool)> {
    let offset = number.checked_sub(vcpu_reg::LINE_LR_BASE)?;
    let (irq, kind) = (offset as u32 & 0x3ff, offset >> 10);
    (kind <= 1 && is_linked(irq, vcpu)).then_some((irq, kind == 1))
}

/// Reads a register of a linked interrupt, if the number names one.
pub fn read_linked(vcpu: Ref<VCpu>, number: u64) -> Option<u64> {
    let (irq, is_state) = linked(vcpu, number)?;
    let bit = |set: bool, bit: u64| if set { bit } else { 0 };
    Some(if is_state {
        bit(arch::irq::is_pending(irq), line_state::PENDING) | bit(arch::irq::is_active(irq), line_state::ACTIVE)
    } else {
        let told = line(line_of(irq, 0)).told.get();
        told.map_or(0, |(index, value)| value.0 | (index as u64) << vcpu_reg::LINE_LR_INDEX_SHIFT)
    })
}

/// Writes a register of a linked interrupt. `None`: the number names none, or the value no list register.
pub fn write_linked(vcpu: Ref<VCpu>, number: u64, value: u64) -> Option<()> {
    let (irq, is_state) = linked(vcpu, number)?;
    if is_state {
        arch::irq::set_pending(irq, value & line_state::PENDING != 0);
        arch::irq::set_active(irq, value & line_state::ACTIVE != 0);
        return Some(());
    }
    let index = vcpu::list_register_index(value >> vcpu_reg::LINE_LR_INDEX_SHIFT & 0xff, 0)?;
    let told = (value != 0).then(|| (index, ListRegister(value).for_hardware(irq)));
    line(line_of(irq, 0)).told.set(told);
    if told.is_some() {
        arch::irq::unmask(irq)
    } else {
        arch::irq::mask(irq)
    }
    Some(())
}

/// The last handler capability goes.
pub fn release(number: u32) {
    unlink(number);
    with_interrupt(number, arch::irq::mask);
    line(number).issued.set(false);
    // A notification is no container, so its deletion has nothing to preempt.
    let _ = delete::delete(notification_slot(number));
}

/// A hardware interrupt that is user level's. One that is linked goes to its guest, which ends it; any other is masked until it
/// is acknowledged, and signalled. So is one whose list register is taken: then it is the VMM's to find another.
pub fn deliver(irq: u32) {
    let line = line(line_of(irq, arch::core_index() as u32));
    if let Some(vcpu) = line.vcpu.get() {
        arch::irq::drop_priority(irq);
        if line.told.get().is_some_and(|(index, interrupt)| vcpu::fill(vcpu, index, interrupt)) {
            return;
        }
    } else {
        arch::irq::mask(irq);
        arch::irq::end(irq);
    }
    if let Cap::Notification { addr, badge, .. } = line.notification.cap() {
        notification::signal(Ref::at(addr), badge);
    }
}
