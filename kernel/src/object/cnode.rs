//! CNodes: looking capabilities up and the methods that move them (seL4 manual, chapter 3).

use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::slot::{self, Slot};
use crate::object::tcb::Tcb;
use crate::object::{delete, endpoint};
use quoll_kernel_core::cap::{Addr, Cap, RawCap};
use quoll_kernel_core::lookup::{self, LookupFailure};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::CapRights;
use sel4_abi::object::SLOT_BITS;

/// Bits of a capability pointer.
const WORD_BITS: u32 = u64::BITS;

/// Slot `index` of the CNode at `addr`, whose radix the index must fit.
#[inline(always)]
pub fn slot_in(addr: Addr, index: u64) -> Ref<Slot> {
    Ref::at(Addr::new(addr.get() + (index << SLOT_BITS)))
}

/// Resolves the low `depth` bits of `pointer` from a CNode capability on; comes back with a slot and the bits that are
/// left, none or those behind a slot that holds no CNode.
fn resolve(root: RawCap, pointer: u64, depth: u32) -> Result<(Ref<Slot>, u32), LookupFailure> {
    let Some((mut addr, mut radix, mut guard)) = root.as_cnode() else { return Err(LookupFailure::InvalidRoot) };
    let mut bits_left = depth;
    loop {
        let step = lookup::step(pointer, bits_left, radix, guard)?;
        let slot = slot_in(addr, step.index);
        bits_left = step.bits_left;
        if bits_left == 0 {
            return Ok((slot, 0));
        }
        match slot.raw().as_cnode() {
            Some(cnode) => (addr, radix, guard) = cnode,
            None => return Ok((slot, bits_left)),
        }
    }
}

/// The slot that a thread's capability pointer names. Bits that are left over do not matter: the slot is a leaf.
#[inline(never)]
pub fn lookup_slot(thread: Ref<Tcb>, cptr: u64) -> Result<Ref<Slot>, LookupFailure> {
    lookup_fast(thread, cptr).ok_or_else(|| why_not(thread, cptr))
}

/// Why there is no such slot.
#[cold]
#[inline(never)]
pub fn why_not(thread: Ref<Tcb>, cptr: u64) -> LookupFailure {
    let found = resolve(thread.slots.cspace.raw(), cptr, WORD_BITS);
    found.map_or_else(|failure| failure, |_| LookupFailure::InvalidRoot)
}

/// The same without a reason when there is none.
#[inline(always)]
pub fn lookup_fast(thread: Ref<Tcb>, cptr: u64) -> Option<Ref<Slot>> {
    let mut cap = thread.slots.cspace.raw();
    let mut resolved = 0;
    loop {
        let (addr, radix, guard) = cap.as_cnode()?;
        let (index, bits) = lookup::step_fast(cptr, resolved, radix, guard)?;
        let slot = slot_in(addr, index);
        resolved += bits;
        if resolved == WORD_BITS {
            return Some(slot);
        }
        cap = slot.raw();
        if cap.as_cnode().is_none() {
            return Some(slot);
        }
    }
}

/// The slot at `depth` bits below a CNode capability: `source` says on which side of an operation it stands.
pub fn lookup_target(root: &Cap, index: u64, depth: u64, source: bool) -> Result<Ref<Slot>, SysError> {
    let failed = |failure| SysError::FailedLookup { source, failure };
    if !matches!(root, Cap::CNode { .. }) {
        return Err(failed(LookupFailure::InvalidRoot));
    }
    if depth < 1 || depth > u64::from(WORD_BITS) {
        return Err(SysError::Range { min: 1, max: u64::from(WORD_BITS) });
    }
    match resolve(RawCap::pack(*root), index, depth as u32) {
        Ok((slot, 0)) => Ok(slot),
        Ok((_, bits_left)) => Err(failed(LookupFailure::DepthMismatch { bits_left: bits_left as u8, bits_found: 0 })),
        Err(failure) => Err(failed(failure)),
    }
}

/// A destination: a slot that must be empty.
pub fn lookup_empty(root: &Cap, index: u64, depth: u64) -> Result<Ref<Slot>, SysError> {
    let slot = lookup_target(root, index, depth, false)?;
    expect_empty(slot)?;
    Ok(slot)
}

fn expect_empty(slot: Ref<Slot>) -> Result<(), SysError> {
    if slot.is_empty() { Ok(()) } else { Err(SysError::DeleteFirst) }
}

/// What a copy of a capability is. Some have none (the result is [`Cap::Null`]); an untyped with children and a table
/// that is not mapped, or not yet assigned, may not be copied.
pub fn derive(slot: Ref<Slot>, cap: Cap) -> Result<Cap, SysError> {
    match cap {
        Cap::Untyped { .. } if slot.has_children() => Err(SysError::RevokeFirst),
        Cap::VSpace { asid: None, .. } | Cap::PageTable { mapping: None, .. } => Err(SysError::IllegalOperation),
        // A copy of a frame starts out unmapped.
        Cap::Frame { addr, size, rights, device, .. } => Ok(Cap::Frame { addr, size, rights, device, mapping: None }),
        Cap::Null | Cap::Zombie(_) | Cap::IrqControl => Ok(Cap::Null),
        other => Ok(other),
    }
}

/// Methods of a CNode.
#[inline(never)]
pub fn invoke(cnode: &Cap, label: Label, args: &Args) -> Result<(), SysError> {
    let target = lookup_target(cnode, args.word(0), args.depth(1), false)?;
    match label {
        Label::CNodeRevoke => delete::revoke(target),
        Label::CNodeDelete => delete::delete(target),
        Label::CNodeCancelBadgedSends => cancel_badged_sends(target),
        Label::CNodeRotate => rotate(target, args),
        _ => transfer(target, label, args),
    }
}

fn cancel_badged_sends(slot: Ref<Slot>) -> Result<(), SysError> {
    let Cap::Endpoint { addr, badge, rights } = slot.cap() else { return Err(SysError::IllegalOperation) };
    if rights != CapRights::ALL {
        return Err(SysError::IllegalOperation);
    }
    if badge != 0 {
        endpoint::cancel_badged(Ref::at(addr), badge);
    }
    Ok(())
}

/// A source, which was found at this depth, must hold something.
fn expect_full(slot: Ref<Slot>, depth: u64) -> Result<(), SysError> {
    let failure = LookupFailure::MissingCapability { bits_left: depth as u8 };
    if slot.is_empty() { Err(SysError::FailedLookup { source: true, failure }) } else { Ok(()) }
}

/// Copy, Mint, Move and Mutate.
fn transfer(dest: Ref<Slot>, label: Label, args: &Args) -> Result<(), SysError> {
    expect_empty(dest)?;
    let source = lookup_target(&args.cap(0).cap(), args.word(2), args.depth(3), true)?;
    expect_full(source, args.depth(3))?;
    let cap = source.cap();
    match label {
        Label::CNodeCopy => {
            let cap = cap.with_rights(CapRights::from_word(args.word(4)));
            insert_copy(source, dest, derive(source, cap)?)
        }
        Label::CNodeMint => {
            let (rights, badge) = (CapRights::from_word(args.word(4)), args.word(5));
            let cap = cap.with_rights(rights).with_data(badge, false).unwrap_or(Cap::Null);
            insert_copy(source, dest, derive(source, cap)?)
        }
        Label::CNodeMove => {
            slot::relocate(source, dest, cap);
            Ok(())
        }
        _ => {
            slot::relocate(source, dest, cap.with_data(args.word(4), true).ok_or(SysError::IllegalOperation)?);
            Ok(())
        }
    }
}

fn insert_copy(source: Ref<Slot>, dest: Ref<Slot>, cap: Cap) -> Result<(), SysError> {
    if cap.is_null() {
        return Err(SysError::IllegalOperation);
    }
    // What is left of an untyped belongs to one capability: the original keeps nothing while a copy exists.
    if let Cap::Untyped { addr, size_bits, device, .. } = cap {
        source.update(Cap::Untyped { addr, size_bits, device, free: 1 << size_bits, cleared: 0 });
    }
    slot::insert_derived(dest, cap, source);
    Ok(())
}

fn rotate(dest: Ref<Slot>, args: &Args) -> Result<(), SysError> {
    let dest_data = args.word(2);
    let pivot = lookup_target(&args.cap(0).cap(), args.word(3), args.depth(4), true)?;
    let pivot_data = args.word(5);
    let source = lookup_target(&args.cap(1).cap(), args.word(6), args.depth(7), true)?;
    if pivot == source || pivot == dest {
        return Err(SysError::IllegalOperation);
    }
    if dest != source {
        expect_empty(dest)?;
    }
    expect_full(source, args.depth(7))?;
    expect_full(pivot, args.depth(4))?;
    let to_pivot = source.cap().with_data(pivot_data, true).ok_or(SysError::IllegalOperation)?;
    let to_dest = pivot.cap().with_data(dest_data, true).ok_or(SysError::IllegalOperation)?;
    if source == dest {
        slot::swap(source, to_pivot, pivot, to_dest);
    } else {
        slot::relocate(pivot, dest, to_dest);
        slot::relocate(source, pivot, to_pivot);
    }
    Ok(())
}
