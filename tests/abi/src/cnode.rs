//! CNode invocations, and what they do to the tree of derivations.

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::slot;
use sel4::{CNodeCapData, CPtrWithDepth, CapRights, Error, cap_type};

use crate::kit::{Kit, refuses};
use crate::memory::at;

pub fn run(kit: &mut Kit) {
    refuses(kit, "a CNode needs its labels and arguments", slot::CNODE.cap(), InvocationLabel::CNodeCopy);
    copies(kit);
    badges(kit);
    moves(kit);
    revocation(kit);
    lookups(kit);
    many(kit);
}

fn copies(kit: &mut Kit) {
    kit.section("3.1.2");
    let original = kit.memory.make::<cap_type::Endpoint>();
    let (copy, empty) = (kit.memory.slot::<cap_type::Endpoint>(), kit.memory.slot::<cap_type::Endpoint>());
    let all = CapRights::all();
    kit.check("copy", at(copy).copy(&at(original), all), Ok(()));
    kit.check("copy into a used slot", at(copy).copy(&at(original), all), Err(Error::DeleteFirst));
    kit.check("copy of an empty slot", at(copy).copy(&at(empty), all), Err(Error::DeleteFirst));
    kit.check("delete", at(copy).delete(), Ok(()));
    kit.check("delete of an empty slot", at(copy).delete(), Ok(()));
    kit.check("copy of an empty slot", at(copy).copy(&at(empty), all), Err(Error::FailedLookup));
    let control = at(copy).copy(&at(slot::IRQ_CONTROL), all);
    kit.check("there is one IRQ control capability", control, Err(Error::IllegalOperation));
}

fn badges(kit: &mut Kit) {
    kit.section("3.1.2");
    let original = kit.memory.make::<cap_type::Endpoint>();
    let (minted, again) = (kit.memory.slot::<cap_type::Endpoint>(), kit.memory.slot::<cap_type::Endpoint>());
    let all = CapRights::all();
    kit.check("mint", at(minted).mint(&at(original), all, 5), Ok(()));
    let second = at(again).mint(&at(minted), all, 6);
    kit.check("a badge is given once", second, Err(Error::IllegalOperation));
    let by_mutation = at(again).mutate(&at(original), 7);
    kit.check("a mutation gives no badge", by_mutation, Err(Error::IllegalOperation));

    let table = kit.memory.make_sized::<cap_type::CNode>(4);
    let guarded = kit.memory.slot::<cap_type::CNode>();
    let guard = CNodeCapData::skip(3).into_word();
    kit.check("a mutation gives a guard", at(guarded).mutate(&at(table), guard), Ok(()));
    kit.check("mutate empties its source", at(again).mutate(&at(table), guard), Err(Error::FailedLookup));
}

fn moves(kit: &mut Kit) {
    kit.section("3.1.2");
    let [a, b, c] = [kit.memory.make::<cap_type::Notification>(), kit.memory.slot(), kit.memory.slot()];
    kit.check("move", at(b).move_(&at(a)), Ok(()));
    kit.check("move empties its source", at(c).move_(&at(a)), Err(Error::FailedLookup));
    kit.check("move into a used slot", at(b).move_(&at(b)), Err(Error::DeleteFirst));

    let [pivot, source] = [(); 2].map(|()| kit.memory.make::<cap_type::Tcb>());
    let destination = kit.memory.slot::<cap_type::Tcb>();
    kit.check("mark the pivot", pivot.cap().tcb_set_flags(0, 1), Ok(1));
    let none = CNodeCapData::skip(0);
    let rotated = at(destination).rotate(none, &at(pivot), none, &at(source));
    kit.check("rotate", rotated, Ok(()));
    kit.check("rotate moves the pivot", destination.cap().tcb_set_flags(0, 0), Ok(1));
    kit.check("rotate moves the source", pivot.cap().tcb_set_flags(0, 0), Ok(0));
    kit.check("rotate empties its source", at(a).move_(&at(source)), Err(Error::FailedLookup));
}

fn revocation(kit: &mut Kit) {
    kit.section("3.2");
    let original = kit.memory.make::<cap_type::Endpoint>();
    let [child, grandchild, sibling] = [kit.memory.slot(), kit.memory.slot(), kit.memory.slot::<cap_type::Endpoint>()];
    let all = CapRights::all();
    let made = at(child).mint(&at(original), all, 1).and_then(|()| at(grandchild).copy(&at(child), all));
    kit.check("a copy of a badged capability", made, Ok(()));
    kit.check("a second badge", at(sibling).mint(&at(original), all, 2), Ok(()));
    kit.check("revoke", at(original).revoke(), Ok(()));
    for slot in [child, grandchild, sibling] {
        let empty = kit.memory.slot::<cap_type::Endpoint>();
        let result = at(empty).copy(&at(slot), all);
        kit.check("revoke deletes what was derived", result, Err(Error::FailedLookup));
    }
    kit.check("revoke leaves the capability itself", at(child).copy(&at(original), all), Ok(()));
    kit.check("revoke of a leaf", at(child).revoke(), Ok(()));
    kit.check("cancel sends", at(original).cancel_badged_sends(), Ok(()));
}

fn lookups(kit: &mut Kit) {
    kit.section("3.3.1");
    let root = slot::CNODE.cap();
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    for depth in [0, 65, 255] {
        let result = root.absolute_cptr(CPtrWithDepth::from_bits_with_depth(endpoint.cptr_bits(), depth)).delete();
        kit.check("a depth that no word has", result, Err(Error::RangeError));
    }
    let short = root.absolute_cptr_from_bits_with_depth(endpoint.cptr_bits(), 16).delete();
    kit.check("a depth that is too short", short, Err(Error::FailedLookup));

    // A CNode of 16 slots whose guard is three bits with the value 5.
    let table = kit.memory.make_sized::<cap_type::CNode>(4);
    let guarded = kit.memory.slot::<cap_type::CNode>();
    let guard = CNodeCapData::new(5, 3).into_word();
    kit.check("a guard", at(guarded).mint(&at(table), CapRights::all(), guard), Ok(()));
    let inside = |bits, depth| guarded.cap().absolute_cptr_from_bits_with_depth(bits, depth);
    let into = inside(5 << 4 | 9, 7).copy(&at(endpoint), CapRights::all());
    kit.check("a guard that matches", into, Ok(()));
    kit.check("a guard that does not match", inside(4 << 4 | 9, 7).delete(), Err(Error::FailedLookup));
    kit.check("a depth beyond the CNode", inside(5 << 4 | 9, 8).delete(), Err(Error::FailedLookup));
    let back = table.cap().absolute_cptr_from_bits_with_depth(9, 4);
    kit.check("the slot is the one", back.delete(), Ok(()));
}

/// Long operations are done in pieces; the result is the same.
fn many(kit: &mut Kit) {
    kit.section("3.2");
    const BITS: usize = 11;
    let table = kit.memory.make_sized::<cap_type::CNode>(BITS);
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let slot = |i| table.cap().absolute_cptr_from_bits_with_depth(i, BITS);
    let fill = || (0..1 << BITS).try_for_each(|i| slot(i).mint(&at(endpoint), CapRights::all(), i + 1));
    kit.check("fill a CNode", fill(), Ok(()));
    kit.check("revoke what fills it", at(endpoint).revoke(), Ok(()));
    kit.check("fill it again", fill(), Ok(()));
    // The CNode holds a capability to itself as well.
    let own = slot(7).delete().and_then(|()| slot(7).copy(&at(table), CapRights::all()));
    kit.check("a CNode in itself", own, Ok(()));
    kit.check("delete one capability to it", at(table).delete(), Ok(()));
    kit.check("revoke what it held", at(endpoint).revoke(), Ok(()));
}
