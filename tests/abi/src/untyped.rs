//! `Untyped_Retype`.

use sel4::abi::label::InvocationLabel;
use sel4::abi::object::ObjectType;
use sel4::init_thread::slot;
use sel4::{BootInfoPtr, Cap, Error, FrameObjectType, ObjectBlueprint, ObjectBlueprintArm, Word, cap, cap_type};

use crate::kit::{Kit, invoke, refuses};
use crate::memory::{at, retype};

pub fn run(kit: &mut Kit, boot_info: &BootInfoPtr) {
    kinds(kit);
    arguments(kit);
    destinations(kit);
    memory(kit);
    devices(kit, boot_info);
}

fn kinds(kit: &mut Kit) {
    kit.section("2.4");
    let kinds = [
        ObjectBlueprint::Untyped { size_bits: 4 },
        ObjectBlueprint::Endpoint,
        ObjectBlueprint::Notification,
        ObjectBlueprint::CNode { size_bits: 1 },
        ObjectBlueprint::Tcb,
        ObjectBlueprint::SchedContext { size_bits: sel4::MIN_SCHED_CONTEXT_BITS },
        ObjectBlueprint::Reply,
        FrameObjectType::SmallPage.blueprint(),
        FrameObjectType::LargePage.blueprint(),
        ObjectBlueprint::Arch(ObjectBlueprintArm::PT),
        ObjectBlueprint::Arch(ObjectBlueprintArm::VCpu),
        sel4::TranslationTableObjectType::VSpace.blueprint(),
    ];
    for blueprint in kinds {
        let slot = kit.memory.slots(3);
        kit.check("retype makes every kind", retype(kit.memory.untyped, blueprint, slot, 3), Ok(()));
        let last = sel4::init_thread::Slot::<cap_type::Unspecified>::from_index(slot.index() + 2);
        kit.check("retype fills the slots", at(last).delete(), Ok(()));
    }
}

/// `Untyped_Retype` as words, into the root CNode.
fn raw(untyped: cap::Untyped, kind: Word, size: Word, offset: Word, count: Word) -> sel4::Result<()> {
    let label = InvocationLabel::UntypedRetype as Word;
    invoke(untyped, label, &[slot::CNODE.cptr_bits()], &[kind, size, 0, 0, offset, count])
}

fn arguments(kit: &mut Kit) {
    kit.section("10.3");
    let untyped = kit.memory.untyped;
    let free = kit.memory.slots(1).cptr_bits();
    refuses(kit, "retype needs its label and arguments", untyped, InvocationLabel::UntypedRetype);
    let (tcb, cnode) = (ObjectType::Tcb as Word, ObjectType::CNode as Word);
    let cases = [
        ("retype to an unknown kind", raw(untyped, ObjectType::VCpu as Word + 1, 0, free, 1), Error::InvalidArgument),
        ("retype to a CNode of one slot", raw(untyped, cnode, 0, free, 1), Error::InvalidArgument),
        ("retype to an untyped of 8 bytes", raw(untyped, 0, 3, free, 1), Error::InvalidArgument),
        (
            "retype to a small context",
            raw(untyped, ObjectType::SchedContext as Word, 6, free, 1),
            Error::InvalidArgument,
        ),
        ("retype to a giant untyped", raw(untyped, 0, 64, free, 1), Error::RangeError),
        ("retype to a giant CNode", raw(untyped, cnode, 60, free, 1), Error::RangeError),
        ("retype to no object", raw(untyped, tcb, 0, free, 0), Error::RangeError),
        ("retype to too many objects", raw(untyped, tcb, 0, free, 257), Error::RangeError),
        ("retype beyond the CNode", raw(untyped, tcb, 0, 1 << 17, 1), Error::RangeError),
        ("retype over the end of the CNode", raw(untyped, tcb, 0, (1 << 17) - 1, 2), Error::RangeError),
    ];
    for (case, result, error) in cases {
        kit.check(case, result, Err(error));
    }
}

fn destinations(kit: &mut Kit) {
    kit.section("2.4");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let again = retype(kit.memory.untyped, ObjectBlueprint::Endpoint, endpoint, 1);
    kit.check("retype into a slot that is used", again, Err(Error::DeleteFirst));
    let no_cnode = Cap::<cap_type::CNode>::from_bits(endpoint.cptr_bits()).absolute_cptr_for_self();
    let result = kit.memory.untyped.untyped_retype(&ObjectBlueprint::Endpoint, &no_cnode, 0, 1);
    kit.check("retype into what is no CNode", result, Err(Error::FailedLookup));
}

fn memory(kit: &mut Kit) {
    kit.section("2.4.1");
    const SIZE_BITS: usize = 16;
    const PAGES: usize = 1 << (SIZE_BITS - FrameObjectType::SMALL_PAGE_BITS);
    let page = FrameObjectType::GRANULE.blueprint();
    let untyped = kit.memory.make_sized::<cap_type::Untyped>(SIZE_BITS);
    let pages = kit.memory.slots(PAGES + 1);
    let too_many = retype(untyped.cap(), page, pages, PAGES + 1);
    kit.check("retype more than there is", too_many, Err(Error::NotEnoughMemory));
    kit.check("retype all that there is", retype(untyped.cap(), page, pages, PAGES), Ok(()));
    let spare = sel4::init_thread::Slot::<cap_type::Granule>::from_index(pages.index() + PAGES);
    kit.check("retype what is used up", retype(untyped.cap(), page, spare, 1), Err(Error::NotEnoughMemory));
    let copy = kit.memory.slot::<cap_type::Untyped>();
    let result = at(copy).copy(&at(untyped), sel4::CapRights::all());
    kit.check("an untyped with children is not copied", result, Err(Error::RevokeFirst));
    kit.check("revoke", at(untyped).revoke(), Ok(()));
    let gone = at(spare).copy(&at(pages), sel4::CapRights::all());
    kit.check("revoke deletes the children", gone, Err(Error::FailedLookup));
    kit.check("retype what was revoked", retype(untyped.cap(), page, pages, PAGES), Ok(()));
    kit.check("delete an untyped with children", at(untyped).delete(), Ok(()));
}

fn devices(kit: &mut Kit, boot_info: &BootInfoPtr) {
    kit.section("2.4");
    let Some(device) = boot_info.device_untyped_range().find(|i| boot_info.untyped_list()[*i].size_bits() >= 12) else {
        return;
    };
    let device = boot_info.untyped().index(device).cap();
    let slot = kit.memory.slots(1);
    let result = retype(device, ObjectBlueprint::Endpoint, slot, 1);
    kit.check("no kernel object is made of a device", result, Err(Error::InvalidArgument));
}
