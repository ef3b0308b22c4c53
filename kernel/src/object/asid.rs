//! Address-space identifiers: which address spaces there are (seL4 manual, section 7.1.3), and which of them have a VMID of
//! the processor's.
//!
//! An ASID is an index into one of 128 pools of 512 address spaces. The processor tells translations apart by VMID, of which
//! every core has at least 256. An address space gets one when it is first loaded, from another that has not been for a
//! while if none is left.

use crate::arch;
use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::cnode;
use crate::object::slot::{self, Slot};
use crate::state;
use core::cell::Cell;
use quoll_kernel_core::cap::{Addr, Cap, Tag};
use quoll_kernel_core::lookup::LookupFailure;
use quoll_kernel_core::stage2::{self, VMIDS};
use sel4_abi::object::{ASID_POOL_BITS, ASID_POOL_INDEX_BITS, NUM_ASID_POOLS_BITS};

/// The VMID that no address space gets: that of the empty one.
pub const NO_VMID: u8 = 0;
const POOLS: usize = 1 << NUM_ASID_POOLS_BITS;
const POOL_ENTRIES: usize = 1 << ASID_POOL_INDEX_BITS;

/// An address space in a pool: the root's address, 8 KiB aligned, with the VMID in the low byte (0 is none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    const FREE: Self = Self(0);
    const VMID: u64 = 0xff;

    const fn root(self) -> Addr {
        Addr::new(self.0 & !Self::VMID)
    }

    const fn vmid(self) -> u8 {
        self.0 as u8
    }

    const fn with_vmid(self, vmid: u8) -> Self {
        Self(self.0 & !Self::VMID | vmid as u64)
    }
}

/// The object: 512 address spaces.
#[repr(C)]
struct Pool([Cell<Entry>; POOL_ENTRIES]);

const _: () = assert!(size_of::<Pool>() == 1 << ASID_POOL_BITS);

/// The pools, and who has which VMID.
#[derive(Debug)]
pub struct Table {
    /// Addresses of the pools; 0 is none.
    pools: [Cell<Addr>; POOLS],
    /// For each VMID the ASID that has it.
    owners: [Cell<Option<u16>>; VMIDS],
    /// The VMID that is given out next.
    next: Cell<u8>,
}

impl Table {
    /// No pools.
    pub const fn new() -> Self {
        Self {
            pools: [const { Cell::new(Addr::new(0)) }; POOLS],
            owners: [const { Cell::new(None) }; VMIDS],
            next: Cell::new(NO_VMID + 1),
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

fn table() -> &'static Table {
    &state::kernel().asids
}

fn pool_of(asid: u16) -> Option<Ref<Pool>> {
    let addr = table().pools[usize::from(asid >> ASID_POOL_INDEX_BITS)].get();
    if addr.get() == 0 { None } else { Some(Ref::at(addr)) }
}

const fn index_of(asid: u16) -> usize {
    asid as usize % POOL_ENTRIES
}

fn entry(asid: u16) -> Option<Entry> {
    pool_of(asid).map(|pool| pool.0[index_of(asid)].get()).filter(|entry| *entry != Entry::FREE)
}

/// The root of an address space.
pub fn root(asid: u16) -> Option<Addr> {
    entry(asid).map(Entry::root)
}

/// `VTTBR_EL2` for the address space in a thread's slot, which gets a VMID if it has none. `None`: there is no such
/// address space, or no more.
#[inline]
pub fn vttbr(slot: &Slot) -> Option<u64> {
    let raw = slot.raw();
    if !raw.is(Tag::VSpace) {
        return None;
    }
    // Only one that has an ASID can get into a thread's slot.
    let (addr, asid) = (raw.addr(), raw.w1 as u16);
    let pool = pool_of(asid)?;
    let cell = &pool.0[index_of(asid)];
    let entry = cell.get();
    if entry.root() != addr {
        return None;
    }
    let vmid = match entry.vmid() {
        NO_VMID => take_vmid(asid, cell),
        vmid => vmid,
    };
    Some(stage2::vttbr(addr.get(), vmid))
}

/// Gives the next VMID to an address space; its present owner goes without.
#[cold]
fn take_vmid(asid: u16, cell: &Cell<Entry>) -> u8 {
    let table = table();
    let mut vmid = table.next.get();
    let behind = |vmid: u8| vmid.checked_add(1).unwrap_or(NO_VMID + 1);
    while arch::tlb::is_loaded_elsewhere(vmid) {
        vmid = behind(vmid);
    }
    table.next.set(behind(vmid));
    let owner = &table.owners[usize::from(vmid)];
    if let Some(other) = owner.replace(Some(asid)) {
        if let Some(pool) = pool_of(other) {
            let cell = &pool.0[index_of(other)];
            cell.set(cell.get().with_vmid(NO_VMID));
        }
        arch::tlb::invalidate_vmid(vmid);
    }
    cell.set(cell.get().with_vmid(vmid));
    vmid
}

/// Forgets translations of a page (of whatever size) of an address space.
pub fn invalidate_page(asid: u16, vaddr: u64) {
    match entry(asid).map(Entry::vmid) {
        None | Some(NO_VMID) => {}
        Some(vmid) => arch::tlb::invalidate_page(vmid, vaddr),
    }
}

/// Forgets all translations of an address space.
pub fn invalidate(asid: u16) {
    match entry(asid).map(Entry::vmid) {
        None | Some(NO_VMID) => {}
        Some(vmid) => arch::tlb::invalidate_vmid(vmid),
    }
}

/// An address space is no more: its ASID and its VMID are free, nothing of it stays loaded.
fn remove(asid: u16, cell: &Cell<Entry>) {
    let entry = cell.get();
    invalidate(asid);
    if entry.vmid() != NO_VMID {
        table().owners[usize::from(entry.vmid())].set(None);
    }
    cell.set(Entry::FREE);
    arch::tlb::unload(entry.root().get());
}

/// The last capability to an address space's root goes.
pub fn release(asid: u16, root: Addr) {
    if let Some(pool) = pool_of(asid) {
        let cell = &pool.0[index_of(asid)];
        if cell.get().root() == root {
            remove(asid, cell);
        }
    }
}

/// The last capability to a pool goes, and with it the ASIDs of its address spaces.
pub fn delete_pool(addr: Addr, base: u16) {
    let slot = &table().pools[usize::from(base >> ASID_POOL_INDEX_BITS)];
    if slot.get() != addr {
        return;
    }
    let pool: Ref<Pool> = Ref::at(addr);
    for (index, cell) in pool.0.iter().enumerate() {
        if cell.get() != Entry::FREE {
            remove(base + index as u16, cell);
        }
    }
    slot.set(Addr::new(0));
}

/// Takes a pool into the table, at a number that is free; comes back with the capability.
pub fn install_pool(number: usize, addr: Addr) -> Cap {
    table().pools[number].set(addr);
    Cap::AsidPool { addr, base: (number << ASID_POOL_INDEX_BITS) as u16 }
}

/// The method of the ASID control capability.
pub fn make_pool(args: &Args) -> Result<(), SysError> {
    let (index, depth) = (args.word(0), args.depth(1));
    let (untyped, root) = (args.cap(0), args.cap(1).cap());
    let number = table().pools.iter().position(|pool| pool.get().get() == 0).ok_or(SysError::DeleteFirst)?;
    let Cap::Untyped { addr, size_bits: ASID_POOL_BITS, device: false, .. } = untyped.cap() else {
        return Err(SysError::InvalidCapability(1));
    };
    if untyped.has_children() {
        return Err(SysError::RevokeFirst);
    }
    let dest = cnode::lookup_empty(&root, index, depth)?;
    let size = 1 << ASID_POOL_BITS;
    untyped.update(Cap::Untyped { addr, size_bits: ASID_POOL_BITS, device: false, free: size, cleared: 0 });
    arch::memory::zero(addr.get(), size);
    slot::insert_new(dest, install_pool(number, addr), untyped);
    Ok(())
}

/// The method of a pool.
pub fn invoke_pool(addr: Addr, base: u16, args: &Args) -> Result<(), SysError> {
    let vspace = args.cap(0);
    let Cap::VSpace { asid: None, .. } = vspace.cap() else { return Err(SysError::InvalidCapability(1)) };
    if pool_of(base).map(Ref::addr) != Some(addr) {
        return Err(SysError::FailedLookup { source: false, failure: LookupFailure::InvalidRoot });
    }
    assign(base, vspace)
}

/// Gives the address space in a slot a free ASID of a pool.
pub fn assign(base: u16, vspace: Ref<Slot>) -> Result<(), SysError> {
    let (Cap::VSpace { addr: root, .. }, Some(pool)) = (vspace.cap(), pool_of(base)) else {
        return Err(SysError::InvalidCapability(1));
    };
    let free = pool.0.iter().position(|cell| cell.get() == Entry::FREE).ok_or(SysError::DeleteFirst)?;
    pool.0[free].set(Entry(root.get()));
    vspace.update(Cap::VSpace { addr: root, asid: Some(base + free as u16) });
    Ok(())
}
