//! Address spaces: walking the translation tables, and the methods of the root (seL4 manual, chapter 7).

use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::asid;
use crate::object::frame::CacheOperation;
use core::cell::Cell;
use quoll_kernel_core::cap::{Addr, Cap, low_mask};
use quoll_kernel_core::lookup::LookupFailure;
use quoll_kernel_core::stage2::{Entry, Kind, Level};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::USER_TOP;

/// An entry of a table, which the processor reads too.
pub type EntryRef = Ref<Cell<Entry>>;

/// Where a walk ended: an entry that refers to no table.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The entry.
    pub entry: EntryRef,
    /// The level of its table.
    pub level: Level,
}

/// An address space that a capability stands for.
#[derive(Clone, Copy, Debug)]
pub struct VSpace {
    /// Top-level table.
    pub root: Addr,
    /// Its ASID.
    pub asid: u16,
}

impl VSpace {
    /// The address space of a capability argument, number `number` of the message; it must have an ASID.
    pub fn from_cap(cap: &Cap, number: u64) -> Result<Self, SysError> {
        match *cap {
            Cap::VSpace { addr, asid: Some(asid) } => Ok(Self { root: addr, asid }),
            _ => Err(SysError::InvalidCapability(number)),
        }
    }

    /// Whether the ASID still stands for it: its pool may be gone.
    pub fn check(self, number: u64) -> Result<(), SysError> {
        match asid::root(self.asid) {
            Some(root) if root == self.root => Ok(()),
            Some(_) => Err(SysError::InvalidCapability(number)),
            None => Err(SysError::FailedLookup { source: false, failure: LookupFailure::InvalidRoot }),
        }
    }
}

/// The entry for an address in a table of this level.
fn entry_in(table: Addr, level: Level, vaddr: u64) -> EntryRef {
    let offset = level.index(vaddr) * size_of::<Entry>();
    Ref::at(Addr::new(table.get() + offset as u64))
}

/// Follows tables as far as there are any.
pub fn walk(root: Addr, vaddr: u64) -> Place {
    let (mut table, mut level) = (root, Level::One);
    loop {
        let entry = entry_in(table, level, vaddr);
        match (entry.get().kind(level), level.below()) {
            (Kind::Table(addr), Some(below)) => (table, level) = (Addr::new(addr), below),
            _ => return Place { entry, level },
        }
    }
}

/// The entry on the way to an address that refers to this table.
pub fn find_table(root: Addr, vaddr: u64, wanted: Addr) -> Option<EntryRef> {
    let (mut table, mut level) = (root, Level::One);
    loop {
        let entry = entry_in(table, level, vaddr);
        let Kind::Table(addr) = entry.get().kind(level) else { return None };
        if addr == wanted.get() {
            return Some(entry);
        }
        (table, level) = (Addr::new(addr), level.below()?);
    }
}

/// The last capability to an address space goes.
pub fn finalise(addr: Addr, asid: u16) {
    asid::release(asid, addr);
}

/// Methods of an address space: cache maintenance of a range of addresses within one page.
pub fn invoke(cap: &Cap, label: Label, args: &Args) -> Result<(), SysError> {
    let operation = CacheOperation::of(label);
    let (start, end) = (args.word(0), args.word(1));
    if end <= start {
        return Err(SysError::InvalidArgument(1));
    }
    if end > USER_TOP {
        return Err(SysError::IllegalOperation);
    }
    let vspace = VSpace::from_cap(cap, 0)?;
    vspace.check(0)?;
    let Place { entry, level } = walk(vspace.root, start);
    let Kind::Leaf(frame) = entry.get().kind(level) else { return Ok(()) };
    let last = start | low_mask(level.shift());
    if end - 1 > last {
        return Err(SysError::Range { min: start, max: last });
    }
    let offset = start & low_mask(level.shift());
    operation.apply(args, frame + offset, start, end)
}
