//! Deleting and revoking capabilities.
//!
//! The last capability to an object takes the object with it. When the object is a container of capabilities (a CNode, a
//! thread), its capability becomes a *zombie* in the same slot, and the container is emptied from its last slot to its
//! first. A last capability to another container found there becomes a zombie in its own slot and is emptied first; it
//! remembers the zombie above it, so that going up needs no stack. Nothing is recursive, however containers are nested.
//!
//! Only the zombie at which all began can lie inside a container further down: every other one's slot is in the
//! container above it. Where it is met, it changes places with the zombie of that container, which then stands in its own
//! container and is passed over.

use crate::arch;
use crate::error::SysError;
use crate::mem::Ref;
use crate::object::slot::{self, Slot};
use crate::object::tcb::{TCB_SLOTS, Tcb};
use crate::object::{
    asid, endpoint, frame, irq, notification, page_table, reply, sched_context, tcb_invoke, vcpu, vspace,
};
use crate::sched;
use quoll_kernel_core::cap::{Addr, Cap, Zombie};
use sel4_abi::object::SLOT_BITS;

/// Deletes the capability in a slot.
pub fn delete(slot: Ref<Slot>) -> Result<(), SysError> {
    match clear(slot) {
        None => Ok(()),
        Some(_) => empty_containers(slot),
    }
}

/// Deletes all capabilities that were derived from that in a slot.
pub fn revoke(slot: Ref<Slot>) -> Result<(), SysError> {
    while let Some(child) = slot.next().filter(|next| next.is_descendant_of(&slot)) {
        delete(child)?;
        preemption_point()?;
    }
    Ok(())
}

/// Lets an interrupt that waits come first, or another core that waits for the kernel, or whoever is next when the thread's
/// time is over: the system call then starts over and finds less to do.
pub fn preemption_point() -> Result<(), SysError> {
    let is_over = arch::irq::pending() || arch::is_awaited() || sched::is_time_over();
    if is_over { Err(SysError::Preempted) } else { Ok(()) }
}

/// Empties a slot if that needs no work; otherwise the slot then holds a zombie, which comes back.
fn clear(slot: Ref<Slot>) -> Option<Zombie> {
    let cap = slot.cap();
    if let Cap::Zombie(zombie) = cap {
        return Some(zombie);
    }
    if let Some(zombie) = finalise(slot, cap) {
        slot.update(Cap::Zombie(zombie));
        return Some(zombie);
    }
    if !slot.is_empty() {
        slot::remove(slot);
    }
    None
}

/// What the loss of this capability means for its object. A container that has to be emptied comes back as a zombie.
fn finalise(slot: Ref<Slot>, cap: Cap) -> Option<Zombie> {
    // What belongs to this capability alone, however many others there are.
    match cap {
        Cap::Frame { mapping: Some(mapping), addr, size, .. } => frame::unmap(mapping, addr, size),
        Cap::PageTable { mapping: Some(mapping), addr } => page_table::unmap(mapping, addr),
        _ => {}
    }
    if !slot.is_final() {
        return None;
    }
    match cap {
        Cap::Endpoint { addr, .. } => endpoint::cancel_all(Ref::at(addr)),
        Cap::Notification { addr, .. } => notification::finalise(Ref::at(addr)),
        Cap::Reply { addr, .. } => reply::finalise(Ref::at(addr)),
        Cap::SchedContext { addr, .. } => sched_context::finalise(Ref::at(addr)),
        Cap::IrqHandler { irq } => irq::release(irq),
        Cap::AsidPool { addr, base } => asid::delete_pool(addr, base),
        Cap::VSpace { addr, asid: Some(asid) } => vspace::finalise(addr, asid),
        Cap::VCpu { addr, .. } => vcpu::finalise(Ref::at(addr)),
        Cap::CNode { addr, radix, .. } => {
            // A CNode's radix is at most 32, so the last index fits.
            return Some(Zombie { slots: addr, next: ((1u64 << radix) - 1) as u32, parent: Addr::NONE });
        }
        Cap::Thread { addr } => {
            let tcb: Ref<Tcb> = Ref::at(addr);
            tcb_invoke::finalise(tcb);
            return Some(Zombie { slots: Tcb::first_slot(tcb).addr(), next: TCB_SLOTS - 1, parent: Addr::NONE });
        }
        _ => {}
    }
    None
}

fn slot_of(zombie: &Zombie) -> Ref<Slot> {
    Ref::at(Addr::new(zombie.slots.get() + (u64::from(zombie.next) << SLOT_BITS)))
}

/// Empties the container of the zombie in `root`, and all that are found on the way.
fn empty_containers(mut root: Ref<Slot>) -> Result<(), SysError> {
    let mut at = root;
    let mut work = 0;
    while let Cap::Zombie(zombie) = at.cap() {
        let slot = slot_of(&zombie);
        if slot == root && at != root {
            exchange(&mut at, &mut root);
            continue;
        }
        if slot != at
            && let Some(found) = clear(slot)
        {
            slot.update(Cap::Zombie(Zombie { parent: at.addr(), ..found }));
            at = slot;
            continue;
        }
        if zombie.next > 0 {
            at.update(Cap::Zombie(Zombie { next: zombie.next - 1, ..zombie }));
        } else {
            slot::remove(at);
            if zombie.parent == Addr::NONE || at == root {
                return Ok(());
            }
            at = Ref::at(zombie.parent);
        }
        work += 1;
        if work % sel4_abi::config::MAX_WORK_UNITS_PER_PREEMPTION == 0 {
            preemption_point()?;
        }
    }
    Ok(())
}

/// The first zombie's slot lies in the container of the zombie in `at`: they change places, and whoever goes back up to
/// the first finds it where it is now.
fn exchange(at: &mut Ref<Slot>, root: &mut Ref<Slot>) {
    let (Cap::Zombie(inner), Cap::Zombie(first)) = (at.cap(), root.cap()) else { return };
    let (new_root, new_at) = (*at, *root);
    let below = slot_of(&first);
    let mut inner = inner;
    if inner.parent == root.addr() {
        inner.parent = new_root.addr();
    } else if let Cap::Zombie(child) = below.cap() {
        below.update(Cap::Zombie(Zombie { parent: new_root.addr(), ..child }));
    }
    slot::swap(*at, Cap::Zombie(inner), *root, Cap::Zombie(first));
    (*at, *root) = (new_at, new_root);
}
