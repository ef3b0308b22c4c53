//! Frames, translation tables, address spaces.

use core::ptr;

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::slot;
use sel4::{BootInfoPtr, CapRights, Error, FrameObjectType, ObjectBlueprint, VmAttributes, cap_type};

use crate::kit::{Kit, refuses};
use crate::memory::{at, retype};

const RW: CapRights = CapRights::read_write();
const DEFAULT: VmAttributes = VmAttributes::DEFAULT;

pub fn run(kit: &mut Kit, boot_info: &BootInfoPtr) {
    tables(kit);
    frames(kit);
    memory_is_clean(kit);
    caches(kit);
    address_spaces(kit);
    identifiers(kit);
    huge_pages(kit, boot_info);
}

fn tables(kit: &mut Kit) {
    kit.section("7.1.1");
    let vspace = slot::VSPACE.cap();
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    let address = kit.memory.address() + (8 << 30);
    let no_table = frame.frame_map(vspace, address, RW, DEFAULT);
    kit.check("map without a table", no_table, Err(Error::FailedLookup));
    let [first, second, third] = [(); 3].map(|()| kit.memory.make::<cap_type::PT>().cap());
    kit.check("map a table", first.pt_map(vspace, address, DEFAULT), Ok(()));
    let no_table = frame.frame_map(vspace, address, RW, DEFAULT);
    kit.check("map without the last table", no_table, Err(Error::FailedLookup));
    kit.check("map the next table", second.pt_map(vspace, address, DEFAULT), Ok(()));
    kit.check("map one table too many", third.pt_map(vspace, address, DEFAULT), Err(Error::DeleteFirst));
    kit.check("map", frame.frame_map(vspace, address, RW, DEFAULT), Ok(()));
    kit.check("unmap a table", second.pt_unmap(), Ok(()));
    let no_table = frame.frame_map(vspace, address, RW, DEFAULT);
    kit.check("map without the table again", no_table, Err(Error::FailedLookup));
}

fn frames(kit: &mut Kit) {
    kit.section("7.1.2");
    let vspace = slot::VSPACE.cap();
    let [frame, other] = [(); 2].map(|()| kit.memory.make::<cap_type::Granule>());
    refuses(kit, "a frame needs its labels and arguments", frame.cap(), InvocationLabel::ARMPageMap);
    let address = kit.memory.map(frame.cap(), RW);
    let map = |frame: sel4::cap::Granule, address| frame.frame_map(vspace, address, RW, DEFAULT);
    kit.check("map again", map(frame.cap(), address), Ok(()));
    kit.check("map elsewhere", map(frame.cap(), address + 0x1000), Err(Error::InvalidArgument));
    kit.check("map where something is", map(other.cap(), address), Err(Error::DeleteFirst));
    kit.check("map askew", map(other.cap(), address + 8), Err(Error::AlignmentError));
    kit.check("map beyond the address space", map(other.cap(), 1 << 40), Err(Error::InvalidArgument));

    // A second capability is not mapped, and maps the same memory.
    let copy = kit.memory.slot::<cap_type::Granule>();
    kit.check("copy of a mapped frame", at(copy).copy(&at(frame), CapRights::all()), Ok(()));
    kit.check("map a copy", map(copy.cap(), address + 0x1000), Ok(()));
    // SAFETY: both pages are mapped, to one frame that nothing else uses.
    let seen = unsafe {
        ptr::with_exposed_provenance_mut::<u64>(address).write_volatile(0x1234_5678);
        ptr::with_exposed_provenance::<u64>(address + 0x1000).read_volatile()
    };
    kit.check("two mappings of one frame", seen, 0x1234_5678);
    let same = copy.cap().frame_get_address() == frame.cap().frame_get_address();
    kit.check("the address of a frame", same, true);
    kit.check("unmap", copy.cap().frame_unmap(), Ok(()));
    kit.check("unmap what is not mapped", copy.cap().frame_unmap(), Ok(()));
    kit.check("map where something was", map(other.cap(), address + 0x1000), Ok(()));
    kit.check("delete a mapped frame", at(other).delete(), Ok(()));
    kit.check("map where a frame was deleted", map(copy.cap(), address + 0x1000), Ok(()));

    let large = kit.memory.make::<cap_type::LargePage>().cap();
    let address = kit.memory.map(large, RW);
    kit.check("a large page is aligned", address % FrameObjectType::LargePage.bytes(), 0);
    let table = kit.memory.make::<cap_type::PT>().cap();
    kit.check("a table where a page is", table.pt_map(vspace, address, DEFAULT), Err(Error::DeleteFirst));
}

/// Memory that was used before does not show through.
fn memory_is_clean(kit: &mut Kit) {
    kit.section("2.4.1");
    let untyped = kit.memory.make_sized::<cap_type::Untyped>(FrameObjectType::SMALL_PAGE_BITS);
    let frame = kit.memory.slot::<cap_type::Granule>();
    let blueprint = FrameObjectType::GRANULE.blueprint();
    for round in ["memory is zero", "memory is zero again after it was revoked"] {
        kit.check("retype", retype(untyped.cap(), blueprint, frame, 1), Ok(()));
        let page = ptr::with_exposed_provenance_mut::<[u64; 512]>(kit.memory.map(frame.cap(), RW));
        // SAFETY: the page is mapped, to a frame that nothing else uses.
        let clean = unsafe {
            let clean = page.read_volatile().iter().all(|word| *word == 0);
            page.write_volatile([!0; 512]);
            clean
        };
        kit.check(round, clean, true);
        kit.check("revoke", at(untyped).revoke(), Ok(()));
    }
}

fn caches(kit: &mut Kit) {
    kit.section("10.7");
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    kit.check("clean what is not mapped", frame.frame_clean_data(0, 64), Err(Error::IllegalOperation));
    let address = kit.memory.map(frame, RW);
    let cases = [
        frame.frame_clean_data(0, 0x1000),
        frame.frame_invalidate_data(0x800, 0x1000),
        frame.frame_clean_invalidate_data(0, 64),
        frame.frame_unify_instruction(0, 0x1000),
    ];
    kit.check("cache maintenance of a frame", cases, [Ok(()); 4]);
    let beyond = frame.frame_clean_data(0, 0x1001);
    kit.check("cache maintenance beyond the frame", beyond, Err(Error::InvalidArgument));
    let backwards = frame.frame_clean_data(64, 64);
    kit.check("cache maintenance of nothing", backwards, Err(Error::InvalidArgument));
    let vspace = slot::VSPACE.cap();
    kit.check("cache maintenance by address", vspace.vspace_clean_data(address, address + 64), Ok(()));
    let across = vspace.vspace_clean_data(address + 64, address);
    kit.check("cache maintenance backwards", across, Err(Error::InvalidArgument));
}

fn address_spaces(kit: &mut Kit) {
    kit.section("7.1.4");
    let vspace = kit.memory.make::<cap_type::VSpace>().cap();
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    let unassigned = frame.frame_map(vspace, 0x20_0000, RW, DEFAULT);
    kit.check("map into a VSpace without identifier", unassigned, Err(Error::InvalidCapability));
    let pool = slot::ASID_POOL.cap();
    kit.check("assign an identifier", pool.asid_pool_assign(vspace), Ok(()));
    kit.check("assign a second one", pool.asid_pool_assign(vspace), Err(Error::InvalidCapability));
    kit.memory.map_at(vspace, frame, 0x20_0000, RW);
    let elsewhere = frame.frame_map(slot::VSPACE.cap(), 0x20_0000, RW, DEFAULT);
    kit.check("map a frame of another VSpace", elsewhere, Err(Error::InvalidCapability));
    let not_one = frame.frame_map(frame.cast(), 0x20_0000, RW, DEFAULT);
    kit.check("map into what is no VSpace", not_one, Err(Error::InvalidCapability));
}

fn identifiers(kit: &mut Kit) {
    kit.section("7.1.3");
    let control = slot::ASID_CONTROL.cap();
    let untyped = kit.memory.make_blueprint::<cap_type::Untyped>(ObjectBlueprint::asid_pool()).cap();
    let pool = kit.memory.slot::<cap_type::AsidPool>();
    kit.check("make a pool", control.asid_control_make_pool(untyped, &at(pool)), Ok(()));
    let vspace = kit.memory.make::<cap_type::VSpace>().cap();
    kit.check("assign from it", pool.cap().asid_pool_assign(vspace), Ok(()));
    let small = kit.memory.make_sized::<cap_type::Untyped>(11).cap();
    let empty = kit.memory.slot::<cap_type::AsidPool>();
    let result = control.asid_control_make_pool(small, &at(empty));
    kit.check("a pool takes a page", result, Err(Error::InvalidCapability));
    let result = control.asid_control_make_pool(untyped, &at(empty));
    kit.check("a pool takes an untyped without children", result, Err(Error::RevokeFirst));
}

/// There is a gigabyte of nothing somewhere in the device space.
fn huge_pages(kit: &mut Kit, boot_info: &BootInfoPtr) {
    kit.section("7.1.2");
    let large_enough = |i: &usize| boot_info.untyped_list()[*i].size_bits() >= FrameObjectType::HUGE_PAGE_BITS;
    let Some(device) = boot_info.device_untyped_range().find(large_enough) else {
        kit.check("a device as large as a huge page", false, true);
        return;
    };
    let frame = kit.memory.slot::<cap_type::HugePage>();
    let made = retype(boot_info.untyped().index(device).cap(), FrameObjectType::HugePage.blueprint(), frame, 1);
    kit.check("make a huge page", made, Ok(()));
    let vspace = kit.memory.make::<cap_type::VSpace>().cap();
    kit.check("assign an identifier", slot::ASID_POOL.cap().asid_pool_assign(vspace), Ok(()));
    let map = |address| frame.cap().frame_map(vspace, address, RW, VmAttributes::NONE);
    kit.check("map a huge page askew", map(0x20_0000), Err(Error::AlignmentError));
    kit.check("map a huge page without tables", map(4 << 30), Ok(()));
    let table = kit.memory.make::<cap_type::PT>().cap();
    kit.check("a table where a huge page is", table.pt_map(vspace, 4 << 30, DEFAULT), Err(Error::DeleteFirst));
    kit.check("unmap a huge page", frame.cap().frame_unmap(), Ok(()));
    kit.check("a table where a huge page was", table.pt_map(vspace, 4 << 30, DEFAULT), Ok(()));
}
