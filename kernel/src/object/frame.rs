//! Frames of memory: mapping, and cache maintenance (seL4 manual, chapter 7).
//!
//! A frame is cleared in the caches when it is made. It is written back to memory only when it is mapped as device memory,
//! the one way to see memory behind the caches.

use crate::arch;
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
use crate::mem::Ref;
use crate::object::asid;
use crate::object::delete::preemption_point;
use crate::object::slot::Slot;
use crate::object::vspace::{self, Place, VSpace};
use quoll_kernel_core::cap::{Addr, Cap, FrameSize, Mapping, low_mask};
use quoll_kernel_core::lookup::LookupFailure;
use quoll_kernel_core::stage2::{Entry, Kind, Level, in_user_range};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::CapRights;
use sel4_abi::object::vm_attributes;

/// A frame capability's fields.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Physical address.
    pub addr: Addr,
    /// Size.
    pub size: FrameSize,
    /// Rights.
    pub rights: CapRights,
    /// Device memory.
    pub device: bool,
    /// Where it is mapped.
    pub mapping: Option<Mapping>,
}

impl Frame {
    fn from_cap(cap: &Cap) -> Result<Self, SysError> {
        match *cap {
            Cap::Frame { addr, size, rights, device, mapping } => Ok(Self { addr, size, rights, device, mapping }),
            _ => Err(SysError::InvalidCapability(0)),
        }
    }

    /// As a capability.
    pub const fn cap(self) -> Cap {
        let Self { addr, size, rights, device, mapping } = self;
        Cap::Frame { addr, size, rights, device, mapping }
    }
}

/// Methods of a frame.
#[inline(never)]
pub fn invoke(slot: Ref<Slot>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    let frame = Frame::from_cap(&slot.cap())?;
    match label {
        Label::ARMPageMap => map(slot, frame, args)?,
        Label::ARMPageUnmap => {
            if let Some(mapping) = frame.mapping {
                unmap(mapping, frame.addr, frame.size);
            }
            slot.update(Frame { mapping: None, ..frame }.cap());
        }
        Label::ARMPageGetAddress => return Ok(Outcome::Word(frame.addr.get())),
        _ => maintain(frame, CacheOperation::of(label), args)?,
    }
    Ok(Outcome::Done)
}

fn map(slot: Ref<Slot>, frame: Frame, args: &Args) -> Result<(), SysError> {
    let (vaddr, rights, attributes) = (args.word(0), args.word(1), args.word(2));
    let vspace = VSpace::from_cap(&args.cap(0).cap(), 1)?;
    match frame.mapping {
        Some(old) if old.asid() != vspace.asid => return Err(SysError::InvalidCapability(1)),
        Some(old) if old.vaddr() != vaddr => return Err(SysError::InvalidArgument(0)),
        None if !in_user_range(vaddr, frame.size.bits()) => return Err(SysError::InvalidArgument(0)),
        _ => {}
    }
    vspace.check(1)?;
    if vaddr & low_mask(frame.size.bits()) != 0 {
        return Err(SysError::Alignment);
    }
    let rights = frame.rights.and(CapRights::from_word(rights));
    let mapping = install(vspace, vaddr, frame, rights, attributes)?;
    slot.update(Frame { mapping: Some(mapping), ..frame }.cap());
    Ok(())
}

/// Maps a frame, or changes how it is mapped where it already is; comes back with where it is.
pub fn install(
    vspace: VSpace,
    vaddr: u64,
    frame: Frame,
    rights: CapRights,
    attributes: u64,
) -> Result<Mapping, SysError> {
    let wanted = Level::of(frame.size);
    let Place { entry, level } = vspace::walk(vspace.root, vaddr);
    let occupied = entry.get().kind(level) != Kind::Empty;
    if level != wanted {
        if occupied {
            return Err(SysError::DeleteFirst);
        }
        let failure = LookupFailure::MissingCapability { bits_left: level.shift() as u8 };
        return Err(SysError::FailedLookup { source: false, failure });
    }
    if occupied && frame.mapping.is_none() {
        return Err(SysError::DeleteFirst);
    }
    if attributes & vm_attributes::PAGE_CACHEABLE == 0 && !frame.device {
        arch::cache::clean_invalidate(frame.addr.get(), 1 << frame.size.bits());
    }
    if occupied {
        // A live entry changes by way of an empty one (ARM ARM, D8.16.1, break before make).
        entry.set(Entry::EMPTY);
        asid::invalidate_page(vspace.asid, vaddr);
    }
    entry.set(Entry::leaf(frame.addr.get(), level, rights, attributes));
    arch::tlb::publish();
    Ok(Mapping::new(vspace.asid, vaddr))
}

/// Takes a frame out of the address space that it is in, if it still is.
pub fn unmap(mapping: Mapping, addr: Addr, size: FrameSize) {
    let Some(root) = asid::root(mapping.asid()) else { return };
    let Place { entry, level } = vspace::walk(root, mapping.vaddr());
    if level == Level::of(size) && entry.get().kind(level) == Kind::Leaf(addr.get()) {
        entry.set(Entry::EMPTY);
        asid::invalidate_page(mapping.asid(), mapping.vaddr());
    }
}

/// Bytes whose caches are maintained at a time.
const PIECE: u64 = 1 << 18;

/// Cache maintenance that user level asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOperation {
    /// Write back.
    Clean,
    /// Write back and drop; also where user level asks to drop only: a frame's memory may still hold what its previous
    /// owner left there, which a line that was never written back hides. Memory that a device wrote has no dirty lines.
    CleanInvalidate,
    /// Make visible to instruction fetches.
    Unify,
}

impl CacheOperation {
    /// The operation that one of the four labels of a frame, or of an address space, names.
    pub const fn of(label: Label) -> Self {
        match label {
            Label::ARMPageClean_Data | Label::ARMVSpaceClean_Data => Self::Clean,
            Label::ARMPageUnify_Instruction | Label::ARMVSpaceUnify_Instruction => Self::Unify,
            _ => Self::CleanInvalidate,
        }
    }

    /// Does it from `start`, which is at `addr`, to `end`, the caller's first two words. Between two pieces others come first;
    /// the first word then says how far this is.
    pub fn apply(self, args: &Args, addr: u64, start: u64, end: u64) -> Result<(), SysError> {
        let mut at = start;
        while at < end {
            let length = PIECE.min(end - at);
            self.apply_to(addr + (at - start), length);
            at += length;
            if at < end
                && let Err(preempted) = preemption_point()
            {
                args.thread().fast_mr(0).set(at);
                return Err(preempted);
            }
        }
        Ok(())
    }

    /// Device memory outside of what the kernel maps is never cached, so there is nothing to do for it.
    fn apply_to(self, addr: u64, length: u64) {
        if !kernel_config::SELECTED.ram.contains(addr) {
            return;
        }
        match self {
            Self::Clean => arch::cache::clean(addr, length),
            Self::CleanInvalidate => arch::cache::clean_invalidate(addr, length),
            Self::Unify => arch::cache::unify(addr, length),
        }
    }
}

/// Cache maintenance of a part of a mapped frame, by offsets.
fn maintain(frame: Frame, operation: CacheOperation, args: &Args) -> Result<(), SysError> {
    let (start, end) = (args.word(0), args.word(1));
    let mapping = frame.mapping.ok_or(SysError::IllegalOperation)?;
    if asid::root(mapping.asid()).is_none() {
        return Err(SysError::FailedLookup { source: false, failure: LookupFailure::InvalidRoot });
    }
    if end <= start {
        return Err(SysError::InvalidArgument(1));
    }
    let size = 1 << frame.size.bits();
    if start >= size || end > size {
        return Err(SysError::InvalidArgument(0));
    }
    operation.apply(args, frame.addr.get() + start, start, end)
}
