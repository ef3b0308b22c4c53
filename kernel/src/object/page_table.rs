//! Translation tables below the root: mapped where the walk for an address first finds nothing (seL4 manual, chapter 7).

use crate::arch;
use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::asid;
use crate::object::slot::Slot;
use crate::object::vspace::{self, Place, VSpace};
use quoll_kernel_core::cap::{Addr, Cap, Mapping, low_mask};
use quoll_kernel_core::stage2::{Entry, Kind};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::{PAGE_TABLE_BITS, USER_TOP};

/// Methods of a table.
pub fn invoke(slot: Ref<Slot>, label: Label, args: &Args) -> Result<(), SysError> {
    let Cap::PageTable { addr, mapping } = slot.cap() else { return Err(SysError::InvalidCapability(0)) };
    if label == Label::ARMPageTableMap {
        return map(slot, addr, mapping, args);
    }
    if !slot.is_final() {
        return Err(SysError::RevokeFirst);
    }
    if let Some(mapping) = mapping {
        unmap(mapping, addr);
        arch::memory::zero(addr.get(), 1 << PAGE_TABLE_BITS);
    }
    slot.update(Cap::PageTable { addr, mapping: None });
    Ok(())
}

fn map(slot: Ref<Slot>, addr: Addr, mapping: Option<Mapping>, args: &Args) -> Result<(), SysError> {
    // Its attributes say nothing at stage 2.
    let vaddr = args.word(0);
    if mapping.is_some() {
        return Err(SysError::InvalidCapability(0));
    }
    let vspace = VSpace::from_cap(&args.cap(0).cap(), 1)?;
    if vaddr > USER_TOP {
        return Err(SysError::InvalidArgument(0));
    }
    vspace.check(1)?;
    let mapping = install(vspace, vaddr, addr)?;
    slot.update(Cap::PageTable { addr, mapping: Some(mapping) });
    Ok(())
}

/// Puts a cleared table into an address space; comes back with where it is.
pub fn install(vspace: VSpace, vaddr: u64, table: Addr) -> Result<Mapping, SysError> {
    let Place { entry, level } = vspace::walk(vspace.root, vaddr);
    if level.below().is_none() || entry.get().kind(level) != Kind::Empty {
        return Err(SysError::DeleteFirst);
    }
    entry.set(Entry::table(table.get()));
    arch::tlb::publish();
    Ok(Mapping::new(vspace.asid, vaddr & !low_mask(level.shift())))
}

/// Takes a table out of the address space that it is in, if it still is.
pub fn unmap(mapping: Mapping, addr: Addr) {
    let Some(root) = asid::root(mapping.asid()) else { return };
    if let Some(entry) = vspace::find_table(root, mapping.vaddr(), addr) {
        entry.set(Entry::EMPTY);
        asid::invalidate(mapping.asid());
    }
}
