//! Translation tables below the root: mapped where the walk for an address first finds nothing (seL4 manual, chapter 7).

use crate::arch;
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
use crate::mem::Ref;
use crate::object::asid;
use crate::object::slot::Slot;
use crate::object::vspace::{self, Place, VSpace};
use quoll_kernel_core::cap::{Addr, Cap, Mapping, low_mask};
use quoll_kernel_core::stage2::{Entry, Kind};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::{PAGE_TABLE_BITS, USER_TOP};

/// Methods of a table.
pub fn invoke(slot: Ref<Slot>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    let Cap::PageTable { addr, mapping } = slot.cap() else { return Err(SysError::InvalidCapability(0)) };
    match label {
        Label::ARMPageTableMap => map(slot, addr, mapping, args),
        Label::ARMPageTableUnmap => {
            if !slot.is_final() {
                return Err(SysError::RevokeFirst);
            }
            if let Some(mapping) = mapping {
                unmap(mapping, addr);
                arch::memory::zero(addr.get(), 1 << PAGE_TABLE_BITS);
            }
            slot.update(Cap::PageTable { addr, mapping: None });
            Ok(Outcome::Done)
        }
        _ => Err(SysError::IllegalOperation),
    }
}

fn map(slot: Ref<Slot>, addr: Addr, mapping: Option<Mapping>, args: &Args) -> Result<Outcome, SysError> {
    // The attributes of a table say nothing at stage 2; they must be there all the same.
    let (vaddr, _attributes) = (args.word(0)?, args.word(1)?);
    let vspace = args.cap(0)?.cap();
    if mapping.is_some() {
        return Err(SysError::InvalidCapability(0));
    }
    let vspace = VSpace::from_cap(&vspace, 1)?;
    if vaddr > USER_TOP {
        return Err(SysError::InvalidArgument(0));
    }
    vspace.check(1)?;
    let mapping = install(vspace, vaddr, addr)?;
    slot.update(Cap::PageTable { addr, mapping: Some(mapping) });
    Ok(Outcome::Done)
}

/// Puts a cleared table into an address space; comes back with where it is.
pub fn install(vspace: VSpace, vaddr: u64, table: Addr) -> Result<Mapping, SysError> {
    let Place { entry, level } = vspace::walk(vspace.root, vaddr);
    if level.below().is_none() || entry.get().kind(level) != Kind::Empty {
        return Err(SysError::DeleteFirst);
    }
    entry.set(Entry::table(table.get()));
    arch::tlb::publish();
    Ok(Mapping { asid: vspace.asid, vaddr: vaddr & !low_mask(level.shift()) })
}

/// Takes a table out of the address space that it is in, if it still is.
pub fn unmap(mapping: Mapping, addr: Addr) {
    let Some(root) = asid::root(mapping.asid) else { return };
    if let Some(entry) = vspace::find_table(root, mapping.vaddr, addr) {
        entry.set(Entry::EMPTY);
        asid::invalidate(mapping.asid);
    }
}
