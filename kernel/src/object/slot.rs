//! Capability slots and their place in the derivation tree: a doubly linked list in preorder (see
//! [`quoll_kernel_core::derivation`]).

use crate::mem::Ref;
use core::cell::Cell;
use quoll_kernel_core::cap::{Addr, Cap, RawCap, Tag};
use quoll_kernel_core::derivation::{self, Flags};

/// A place for a capability.
#[derive(Debug)]
#[repr(C, align(32))]
pub struct Slot {
    cap: Cell<RawCap>,
    /// Address of the previous slot, with the flags in the top bits.
    prev: Cell<u64>,
    /// Address of the next slot.
    next: Cell<u64>,
}

const _: () = assert!(size_of::<Slot>() == 1 << sel4_abi::object::SLOT_BITS);

const REVOCABLE: u64 = 1 << 63;
const FIRST_BADGED: u64 = 1 << 62;

fn slot_at(word: u64) -> Option<Ref<Slot>> {
    let addr = Addr::new(word);
    if addr.get() == 0 { None } else { Some(Ref::at(addr)) }
}

impl Slot {
    /// An empty slot.
    pub const fn empty() -> Self {
        Self { cap: Cell::new(RawCap::NULL), prev: Cell::new(0), next: Cell::new(0) }
    }

    /// The capability.
    #[inline]
    pub fn cap(&self) -> Cap {
        self.cap.get().unpack()
    }

    /// The capability's words.
    #[inline(always)]
    pub fn raw(&self) -> RawCap {
        self.cap.get()
    }

    /// Replaces the capability, keeping its place in the tree: for changes that leave the object the same.
    pub fn update(&self, cap: Cap) {
        self.cap.set(RawCap::pack(cap));
    }

    /// Whether the slot is empty.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.cap.get().is(Tag::Null)
    }

    /// The slot before this one in the tree.
    pub fn prev(&self) -> Option<Ref<Slot>> {
        slot_at(self.prev.get())
    }

    /// The slot behind this one in the tree.
    pub fn next(&self) -> Option<Ref<Slot>> {
        slot_at(self.next.get())
    }

    fn set_prev(&self, prev: Option<Ref<Slot>>) {
        let flags = self.prev.get() & (REVOCABLE | FIRST_BADGED);
        self.prev.set(flags | prev.map_or(0, |slot| slot.addr().get()));
    }

    fn set_next(&self, next: Option<Ref<Slot>>) {
        self.next.set(next.map_or(0, |slot| slot.addr().get()));
    }

    fn flags(&self) -> Flags {
        let word = self.prev.get();
        Flags { revocable: word & REVOCABLE != 0, first_badged: word & FIRST_BADGED != 0 }
    }

    fn set_flags(&self, flags: Flags) {
        let word = self.prev.get() & !(REVOCABLE | FIRST_BADGED);
        let revocable = if flags.revocable { REVOCABLE } else { 0 };
        let first_badged = if flags.first_badged { FIRST_BADGED } else { 0 };
        self.prev.set(word | revocable | first_badged);
    }

    /// Whether the capability was derived from that of `ancestor`, which stands before it in the tree.
    pub fn is_descendant_of(&self, ancestor: &Slot) -> bool {
        derivation::is_parent(&ancestor.cap(), ancestor.flags(), &self.cap(), self.flags())
    }

    /// Whether capabilities were derived from this one.
    pub fn has_children(&self) -> bool {
        self.next().is_some_and(|next| next.is_descendant_of(self))
    }

    /// Whether this is the last capability to its object. Capabilities to one object are neighbours in the tree.
    pub fn is_final(&self) -> bool {
        let cap = self.cap();
        let shares =
            |neighbour: Option<Ref<Slot>>| neighbour.is_some_and(|slot| derivation::same_object(&cap, &slot.cap()));
        !shares(self.prev()) && !shares(self.next())
    }
}

/// Puts a capability into an empty slot that is in no tree: a root of derivations.
pub fn insert_root(slot: Ref<Slot>, cap: Cap) {
    slot.update(cap);
    slot.set_flags(Flags::ORIGINAL);
}

fn link_behind(slot: Ref<Slot>, before: Ref<Slot>) {
    let after = before.next();
    slot.set_prev(Some(before));
    slot.set_next(after);
    before.set_next(Some(slot));
    if let Some(after) = after {
        after.set_prev(Some(slot));
    }
}

/// Puts the capability of a new object into an empty slot, derived from `parent`.
pub fn insert_new(slot: Ref<Slot>, cap: Cap, parent: Ref<Slot>) {
    slot.update(cap);
    slot.set_flags(Flags::ORIGINAL);
    link_behind(slot, parent);
}

/// Puts a capability that was derived from that in `source` into an empty slot.
pub fn insert_derived(slot: Ref<Slot>, cap: Cap, source: Ref<Slot>) {
    slot.update(cap);
    slot.set_flags(derivation::derived_flags(&cap, &source.cap()));
    link_behind(slot, source);
}

/// Takes the slot out of the tree and empties it.
pub fn remove(slot: Ref<Slot>) {
    let (prev, next) = (slot.prev(), slot.next());
    if let Some(prev) = prev {
        prev.set_next(next);
    }
    if let Some(next) = next {
        next.set_prev(prev);
        // A badged original goes, its copies stay: the first of them now stands for the badge.
        let flags = next.flags();
        let first_badged = flags.first_badged || slot.flags().first_badged;
        next.set_flags(Flags { first_badged, ..flags });
    }
    slot.cap.set(RawCap::NULL);
    slot.prev.set(0);
    slot.next.set(0);
}

/// Moves a capability to an empty slot, changed to `cap`.
pub fn relocate(from: Ref<Slot>, to: Ref<Slot>, cap: Cap) {
    to.update(cap);
    to.prev.set(from.prev.get());
    to.next.set(from.next.get());
    if let Some(prev) = to.prev() {
        prev.set_next(Some(to));
    }
    if let Some(next) = to.next() {
        next.set_prev(Some(to));
    }
    from.cap.set(RawCap::NULL);
    from.prev.set(0);
    from.next.set(0);
}

/// Exchanges the capabilities of two slots, changed to `for_b` (what was in `a`) and `for_a`.
pub fn swap(a: Ref<Slot>, for_b: Cap, b: Ref<Slot>, for_a: Cap) {
    // By way of a third slot, so that neighbours are no special case.
    let spare = Slot::empty();
    core::ptr::from_ref(&spare).expose_provenance();
    let spare = Ref::at(Addr::new(core::ptr::from_ref(&spare).addr() as u64));
    relocate(a, spare, for_b);
    relocate(b, a, for_a);
    relocate(spare, b, for_b);
}
