//! Ids and interrupt numbers: in range, and each used once.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::sdf::{Number, RawPd};
use sel4_abi::microkit::limit::{MAX_CHANNEL_ID, MAX_VCPU_ID};
use std::collections::HashMap;

/// Interrupts below are a core's own (SGIs and PPIs); GIC architecture, 2.2.1.
const FIRST_SHARED: u64 = 32;
/// The first number that is no shared interrupt.
const END_OF_SHARED: u64 = 1020;

/// Checks all ids.
pub fn check(context: &Context, diagnostics: &mut Diagnostics) {
    for (index, pd) in context.raw.pds.iter().enumerate() {
        channel_ids(context, index, pd, diagnostics);
        child_ids(context, index, pd, diagnostics);
        guest_ids(context, index, diagnostics);
    }
    interrupts(context, diagnostics);
}

/// Ids in use, with what uses them.
#[derive(Default)]
struct Ids {
    used: HashMap<u64, (&'static str, Span)>,
}

impl Ids {
    fn take(&mut self, what: &'static str, id: &Number, most: u64, diagnostics: &mut Diagnostics) {
        let Some(Spanned { value: id, span }) = id else { return };
        if *id > most {
            let message = format!("the id of {what} is 0 to {most}, not {id}");
            diagnostics.push(Diagnostic::new(Code::IdRange, span.clone(), message));
            return;
        }
        match self.used.get(id) {
            Some((other, first)) => diagnostics.push(
                Diagnostic::new(Code::RepeatedId, span.clone(), format!("id {id} is used twice"))
                    .label(format!("by {what}"))
                    .also(first.clone(), format!("by {other}")),
            ),
            None => {
                self.used.insert(*id, (what, span.clone()));
            }
        }
    }
}

/// Channels and interrupts of a protection domain share one set of ids.
fn channel_ids(context: &Context, index: usize, pd: &RawPd, diagnostics: &mut Diagnostics) {
    let mut ids = Ids::default();
    for irq in &pd.irqs {
        ids.take("an interrupt", &irq.id, MAX_CHANNEL_ID, diagnostics);
    }
    let silent = &mut Diagnostics::default();
    for end in context.raw.channels.iter().flat_map(|channel| &channel.ends) {
        if context.names.pd(&end.party.pd, silent) == Some(index) {
            ids.take("a channel", &end.id, MAX_CHANNEL_ID, diagnostics);
        }
    }
}

/// A guest's channels.
fn guest_ids(context: &Context, manager: usize, diagnostics: &mut Diagnostics) {
    let mut ids = Ids::default();
    let silent = &mut Diagnostics::default();
    for end in context.raw.channels.iter().flat_map(|channel| &channel.ends) {
        if context.names.vm(&end.party.vm, silent) == Some(manager) {
            ids.take("a channel", &end.id, MAX_CHANNEL_ID, diagnostics);
        }
    }
}

/// Children and virtual CPUs share another one: it is what `fault` is told.
fn child_ids(context: &Context, index: usize, pd: &RawPd, diagnostics: &mut Diagnostics) {
    let mut ids = Ids::default();
    for vcpu in pd.vm.iter().flat_map(|vm| &vm.vcpus) {
        ids.take("a virtual CPU", &vcpu.id, MAX_VCPU_ID, diagnostics);
    }
    for child in context.raw.pds.iter().filter(|child| child.parent == Some(index)) {
        ids.take("a child", &child.child_id, MAX_CHANNEL_ID, diagnostics);
    }
}

fn interrupts(context: &Context, diagnostics: &mut Diagnostics) {
    let mut used: HashMap<u64, Span> = HashMap::new();
    let numbers = context.raw.pds.iter().flat_map(|pd| &pd.irqs).filter_map(|irq| irq.irq.as_ref());
    for irq in numbers {
        check_number(context, irq, diagnostics);
        if let Some(first) = used.insert(irq.value, irq.span.clone()) {
            let message = format!("interrupt {} is given to two", irq.value);
            let error = Diagnostic::new(Code::RepeatedInterrupt, irq.span.clone(), message);
            diagnostics.push(error.also(first, "the first is here"));
        }
    }
}

fn check_number(context: &Context, irq: &Spanned<u64>, diagnostics: &mut Diagnostics) {
    let kernels = context.target.board.interrupts;
    let physical_timer = u64::from(kernels.physical_timer);
    let error = |code, message: String| Diagnostic::new(code, irq.span.clone(), message);
    match irq.value {
        // The EL1 physical timer is user level's (the kernel exports it).
        number if number == physical_timer => {}
        number if number < FIRST_SHARED => diagnostics.push(
            error(Code::PrivateInterrupt, format!("interrupt {number} belongs to each core itself"))
                .help(format!("shared interrupts (SPIs) are {FIRST_SHARED} to {}", END_OF_SHARED - 1))
                .help("what a GIC's or a device tree's list calls SPI n is interrupt n + 32"),
        ),
        number if number >= END_OF_SHARED => {
            let message = format!("there is no interrupt {number}; the last is {}", END_OF_SHARED - 1);
            diagnostics.push(error(Code::InterruptRange, message));
        }
        _ => {}
    }
}

/// Whether an id is given and in range, for rules that look at several at once.
pub fn valid(id: &Number) -> Option<u64> {
    value(id).filter(|id| *id <= MAX_CHANNEL_ID)
}
