//! What the `microkit` tool tells the monitor: names and stacks by symbols in its image, capabilities by slots of its
//! CSpace (one CNode; a slot's number is the capability pointer).

use monitor::Domain;
use sel4::{Badge, Cap, Word, cap};
use sel4_abi::microkit::limit::NAME_LENGTH;
use sel4_abi::microkit::monitor::{
    BASE_NOTIFICATION, BASE_PD_TCB, BASE_SCHED_CONTEXT, BASE_VM_TCB, MAX_ENTRIES as MAX,
};
use sel4_microkit::var;

type Names = [[u8; NAME_LENGTH]; MAX];

fn pd_names() -> &'static Names {
    var!(pd_names: Names = [[0; NAME_LENGTH]; MAX])
}

fn pd_count() -> usize {
    *var!(pd_names_len: u64 = 0) as usize
}

fn pd_stack_bottoms() -> &'static [Word; MAX] {
    var!(pd_stack_bottom_addrs: [Word; MAX] = [0; MAX])
}

fn vm_names() -> &'static [[u8; NAME_LENGTH]] {
    let count = *var!(vm_names_len: u64 = 0) as usize;
    &var!(vm_names: Names = [[0; NAME_LENGTH]; MAX])[..count]
}

fn until_nul(name: &'static [u8; NAME_LENGTH]) -> &'static [u8] {
    name.split(|byte| *byte == 0).next().unwrap_or(name)
}

/// A protection domain, by its place in the system description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index(usize);

impl Index {
    /// The domain that sends with this badge.
    pub fn from_badge(badge: Badge) -> Option<Self> {
        let index = usize::try_from(badge).ok()?.checked_sub(1)?;
        (index < pd_count()).then_some(Self(index))
    }

    const fn cap<T: sel4::CapType>(self, base: Word) -> Cap<T> {
        Cap::from_bits(base + self.0 as Word)
    }

    /// Its thread.
    pub const fn tcb(self) -> cap::Tcb {
        self.cap(BASE_PD_TCB)
    }

    /// Its scheduling context, if it is passive.
    pub const fn sched_context(self) -> cap::SchedContext {
        self.cap(BASE_SCHED_CONTEXT)
    }

    /// Its notification, if it is passive.
    pub const fn notification(self) -> cap::Notification {
        self.cap(BASE_NOTIFICATION)
    }

    /// Its name and stack.
    pub fn domain(self) -> Domain<'static> {
        let bottom = pd_stack_bottoms()[self.0];
        Domain {
            name: str::from_utf8(until_nul(&pd_names()[self.0])).unwrap_or("(not UTF-8)"),
            stack_bottom: (bottom != 0).then_some(bottom),
        }
    }
}

/// Names all threads, so that the messages of a debug kernel tell them.
pub fn name_threads() {
    let pds = pd_names()[..pd_count()].iter().zip(BASE_PD_TCB..);
    for (name, slot) in pds.chain(vm_names().iter().zip(BASE_VM_TCB..)) {
        name_thread(Cap::from_bits(slot), until_nul(name));
    }
}

#[cfg(sel4_debug)]
fn name_thread(tcb: cap::Tcb, name: &[u8]) {
    tcb.debug_name(name);
}

/// Only a debug kernel knows threads by name.
#[cfg(not(sel4_debug))]
fn name_thread(_: cap::Tcb, _: &[u8]) {}
