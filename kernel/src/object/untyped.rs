//! Untyped memory: making objects (`Untyped_Retype`, seL4 manual, section 2.4).

use crate::arch;
use crate::cpu;
use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::cnode;
use crate::object::delete::preemption_point;
use crate::object::endpoint::Endpoint;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::slot::{self, Slot};
use crate::object::tcb::Tcb;
use crate::object::vcpu::VCpu;
use quoll_kernel_core::cap::{Addr, CLEAR_CHUNK, Cap, FrameSize, MAX_CLEARED, MAX_RADIX};
use quoll_kernel_core::lookup::LookupFailure;
use quoll_kernel_core::untyped::{self, Placement};
use sel4_abi::message::{CNodeCapData, CapRights};
use sel4_abi::object::{
    MAX_UNTYPED_BITS, MIN_SCHED_CONTEXT_BITS, MIN_UNTYPED_BITS, ObjectType, RETYPE_MAX_OBJECTS, SLOT_BITS,
};

/// What is to be made.
#[derive(Clone, Copy, Debug)]
struct Request {
    object: ObjectType,
    size: u32,
    count: u64,
}

/// The method of an untyped capability.
#[inline(never)]
pub fn retype(slot: Ref<Slot>, args: &Args) -> Result<(), SysError> {
    let Cap::Untyped { addr, size_bits, device, free, .. } = slot.cap() else {
        return Err(SysError::InvalidCapability(0));
    };
    let request = decode_request(args)?;
    let (cnode, first) = decode_destination(args, request.count)?;
    let used = if slot.has_children() { free } else { 0 };
    let object_bits = request.object.size_bits(request.size);
    let place = untyped::place(size_bits, used, object_bits, request.count).map_err(SysError::NotEnoughMemory)?;
    if device && !may_be_device(request.object) {
        return Err(SysError::InvalidArgument(1));
    }
    // It is cleared here, not when the untyped is reset: what is never made costs nothing, and nothing of the memory's
    // former life is left in an object.
    if !device && request.object != ObjectType::Untyped {
        clear(slot, place)?;
    }
    let Placement { start, end } = place;
    slot.update(Cap::Untyped { addr, size_bits, device, free: end, cleared: 0 });
    for number in 0..request.count {
        let object = Addr::new(addr.get() + start + (number << object_bits));
        let cap = create(request, object, device);
        slot::insert_new(cnode::slot_in(cnode, first + number), cap, slot);
    }
    Ok(())
}

fn decode_request(args: &Args) -> Result<Request, SysError> {
    let (number, size) = (args.word(0), args.word(1));
    let count = args.word(5);
    let object = ObjectType::from_number(number).ok_or(SysError::InvalidArgument(0))?;
    if size > u64::from(MAX_UNTYPED_BITS) {
        return Err(SysError::Range { min: 0, max: u64::from(MAX_UNTYPED_BITS) });
    }
    let size = size as u32;
    let too_small = match object {
        ObjectType::CNode => size == 0,
        ObjectType::Untyped => size < MIN_UNTYPED_BITS,
        ObjectType::SchedContext => size < MIN_SCHED_CONTEXT_BITS,
        _ => false,
    };
    if too_small {
        return Err(SysError::InvalidArgument(1));
    }
    let max_radix = MAX_RADIX.min(MAX_UNTYPED_BITS - SLOT_BITS);
    if object == ObjectType::CNode && size > max_radix {
        return Err(SysError::Range { min: 1, max: u64::from(max_radix) });
    }
    Ok(Request { object, size, count })
}

/// The CNode for the new capabilities and the first slot in it: as many as are asked for, and all empty.
fn decode_destination(args: &Args, count: u64) -> Result<(Addr, u64), SysError> {
    let (index, depth, offset) = (args.word(2), args.word(3), args.word(4));
    let root = args.cap(0).cap();
    let node = if depth == 0 { root } else { cnode::lookup_target(&root, index, depth, false)?.cap() };
    let Cap::CNode { addr, radix, .. } = node else {
        let failure = LookupFailure::MissingCapability { bits_left: depth as u8 };
        return Err(SysError::FailedLookup { source: false, failure });
    };
    let slots = 1u64 << radix;
    if offset >= slots {
        return Err(SysError::Range { min: 0, max: slots - 1 });
    }
    if !(1..=RETYPE_MAX_OBJECTS).contains(&count) {
        return Err(SysError::Range { min: 1, max: RETYPE_MAX_OBJECTS });
    }
    if count > slots - offset {
        return Err(SysError::Range { min: 1, max: slots - offset });
    }
    if (offset..offset + count).any(|index| !cnode::slot_in(addr, index).is_empty()) {
        return Err(SysError::DeleteFirst);
    }
    Ok((addr, offset))
}

/// Device memory holds no kernel objects.
fn may_be_device(object: ObjectType) -> bool {
    matches!(object, ObjectType::Untyped | ObjectType::SmallPage | ObjectType::LargePage | ObjectType::HugePage)
}

/// Clears the place of new objects. An interrupt that waits comes first between two chunks; the untyped then remembers
/// how far this is, and the system call, started over, goes on there.
fn clear(slot: Ref<Slot>, place: Placement) -> Result<(), SysError> {
    let Cap::Untyped { addr, size_bits, device, free, cleared } = slot.cap() else { return Ok(()) };
    let Placement { start, end } = place;
    let done = if start == free { u64::from(cleared) * CLEAR_CHUNK } else { 0 };
    let mut at = (start + done).min(end);
    while at < end {
        let chunk = CLEAR_CHUNK.min(end - at);
        arch::memory::zero(addr.get() + at, chunk);
        at += chunk;
        if at < end
            && let Err(preempted) = preemption_point()
        {
            let cleared = ((at - start) / CLEAR_CHUNK).min(u64::from(MAX_CLEARED)) as u32;
            slot.update(Cap::Untyped { addr, size_bits, device, free: start, cleared });
            return Err(preempted);
        }
    }
    Ok(())
}

/// Makes an object in cleared memory, and the capability to it.
fn create(request: Request, addr: Addr, device: bool) -> Cap {
    let Request { object, size, .. } = request;
    let frame = |frame_size| Cap::Frame { addr, size: frame_size, rights: CapRights::ALL, device, mapping: None };
    // SAFETY (of the five blocks below): `place` gave a free, aligned place of the object's size inside an untyped that
    // is not device memory, and only this object is made there.
    match object {
        ObjectType::Untyped => Cap::Untyped { addr, size_bits: size, device, free: 0, cleared: 0 },
        ObjectType::Tcb => {
            // SAFETY: see above.
            unsafe { Ref::create(addr, Tcb::new(cpu::this().domain.get())) };
            Cap::Thread { addr }
        }
        ObjectType::Endpoint => {
            // SAFETY: see above.
            unsafe { Ref::create(addr, Endpoint::default()) };
            Cap::Endpoint { addr, badge: 0, rights: CapRights::ALL }
        }
        ObjectType::Notification => {
            // SAFETY: see above.
            unsafe { Ref::create(addr, Notification::default()) };
            Cap::Notification { addr, badge: 0, rights: CapRights::ALL }
        }
        // Cleared memory is empty slots.
        ObjectType::CNode => Cap::CNode { addr, radix: size, guard: CNodeCapData { guard: 0, guard_size: 0 } },
        ObjectType::SchedContext => {
            // SAFETY: see above.
            unsafe { Ref::create(addr, SchedContext::new(size)) };
            Cap::SchedContext { addr, size_bits: size }
        }
        ObjectType::Reply => {
            // SAFETY: see above.
            unsafe { Ref::create(addr, Reply::default()) };
            Cap::Reply { addr, grant: true }
        }
        ObjectType::HugePage => frame(FrameSize::Huge),
        ObjectType::LargePage => frame(FrameSize::Large),
        ObjectType::SmallPage => frame(FrameSize::Small),
        ObjectType::VSpace => Cap::VSpace { addr, asid: None },
        ObjectType::PageTable => Cap::PageTable { addr, mapping: None },
        ObjectType::VCpu => {
            VCpu::create(addr);
            Cap::VCpu { addr, port: 0 }
        }
    }
}
