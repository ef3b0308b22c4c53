//! Invocations at random, on objects that may come to harm: the kernel answers each, and loses no memory.

use sel4::abi::label::InvocationLabel as Label;
use sel4::init_thread::{Slot, slot};
use sel4::{
    Cap, CapRights, Error, MessageInfo, ObjectBlueprint, ObjectBlueprintArm, TranslationTableObjectType, Word, cap,
    cap_type, with_ipc_buffer_mut,
};

use crate::kit::Kit;
use crate::memory::{at, retype};
use test_report::random::Random;

/// Rounds, each with fresh objects.
const ROUNDS: usize = 100;
/// Invocations in a round.
const STEPS: usize = 300;
/// Memory of a round's objects, in bits.
const ARENA_BITS: usize = 18;

/// Bits of the CNode's slot numbers.
const CNODE_BITS: usize = 5;

/// The objects of a round, in the order of their slots, with the first and the last of their labels.
const OBJECTS: [(ObjectBlueprint, Label, Label); 14] = [
    (ObjectBlueprint::CNode { size_bits: CNODE_BITS }, Label::CNodeRevoke, Label::CNodeRotate),
    (ObjectBlueprint::Untyped { size_bits: 14 }, Label::UntypedRetype, Label::UntypedRetype),
    (ObjectBlueprint::Untyped { size_bits: 12 }, Label::UntypedRetype, Label::UntypedRetype),
    (ObjectBlueprint::Tcb, Label::TCBReadRegisters, Label::TCBSetFlags),
    (ObjectBlueprint::Tcb, Label::TCBReadRegisters, Label::TCBSetFlags),
    (ObjectBlueprint::SchedContext { size_bits: 8 }, Label::SchedContextBind, Label::SchedContextYieldTo),
    (ObjectBlueprint::SchedContext { size_bits: 7 }, Label::SchedContextBind, Label::SchedContextYieldTo),
    (ObjectBlueprint::Endpoint, Label::InvalidInvocation, Label::InvalidInvocation),
    (ObjectBlueprint::Notification, Label::InvalidInvocation, Label::InvalidInvocation),
    (ObjectBlueprint::Reply, Label::InvalidInvocation, Label::InvalidInvocation),
    (ObjectBlueprint::Arch(ObjectBlueprintArm::SmallPage), Label::ARMPageMap, Label::ARMPageGetAddress),
    (ObjectBlueprint::Arch(ObjectBlueprintArm::PT), Label::ARMPageTableMap, Label::ARMPageTableUnmap),
    (ObjectBlueprint::Arch(ObjectBlueprintArm::VCpu), Label::ARMVCPUSetTCB, Label::ARMVCPUAckVPPI),
    (TranslationTableObjectType::VSpace.blueprint(), Label::ARMVSpaceClean_Data, Label::ARMVSpaceUnify_Instruction),
];

/// Authorities that cannot hurt the root task while the objects are a round's own, with their labels.
const AUTHORITIES: [Label; 3] =
    [Label::ARMASIDPoolAssign, Label::ARMASIDControlMakePool, Label::SchedControlConfigureFlags];
const COUNT: usize = OBJECTS.len() + AUTHORITIES.len();

/// An object, the CNode more often than others.
fn object(random: &mut Random) -> usize {
    if random.below(3) == 0 { 0 } else { random.below(COUNT) }
}

/// An argument: small, a CNode's depth, at an edge, an address, or anything.
fn argument(random: &mut Random) -> Word {
    match random.below(8) {
        0..3 => random.word() % 34,
        3 => CNODE_BITS as Word,
        4 => random.of(&[64, 255, 256, 1000, 4095, 4096, 1 << 17, 1 << 40, u64::MAX, u64::MAX - 1]),
        5 => (random.word() % 1024) << 12,
        6 => 1 << random.below(64),
        _ => random.word(),
    }
}

pub fn run(kit: &mut Kit) {
    kit.section("2.2");
    let arena = kit.memory.make_sized::<cap_type::Untyped>(ARENA_BITS);
    let first = kit.memory.slots(COUNT);
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut granted = 0;
    for _ in 0..ROUNDS {
        make(kit, arena.cap(), first);
        granted += (0..STEPS).filter(|_| step(&mut random, first).is_ok()).count();
        // The authorities' copies are no children of the arena.
        for i in OBJECTS.len()..COUNT {
            let deleted = at(Slot::<cap_type::Unspecified>::from_index(first.index() + i)).delete();
            assert_eq!(deleted, Ok(()), "delete an authority");
        }
        assert_eq!(at(arena).revoke(), Ok(()), "revoke the arena");
    }
    kit.check("random requests are granted now and then", granted > ROUNDS * STEPS / 100, true);
    let whole = retype(arena.cap(), ObjectBlueprint::Untyped { size_bits: ARENA_BITS }, first, 1);
    kit.check("random requests lose no memory", whole, Ok(()));
    kit.check("revoke", at(arena).revoke(), Ok(()));
}

fn make(kit: &mut Kit, arena: cap::Untyped, first: Slot) {
    for (i, (blueprint, ..)) in OBJECTS.into_iter().enumerate() {
        let slot = Slot::<cap_type::Unspecified>::from_index(first.index() + i);
        assert_eq!(retype(arena, blueprint, slot, 1), Ok(()), "make {blueprint:?}");
    }
    let authority = |i| at(Slot::<cap_type::Unspecified>::from_index(first.index() + OBJECTS.len() + i));
    let pool = authority(0).copy(&at(slot::ASID_POOL), CapRights::all());
    let control = authority(1).copy(&at(slot::ASID_CONTROL), CapRights::all());
    // Time is not copied; a copy of the control of time is.
    let time = slot::CNODE.cap().absolute_cptr(kit.sched_control);
    let time = authority(2).copy(&time, CapRights::all());
    for copied in [pool, control, time] {
        assert!(matches!(copied, Ok(()) | Err(Error::IllegalOperation)), "copy an authority: {copied:?}");
    }
}

/// A label of the object's own, or any.
fn label(random: &mut Random, index: usize) -> Word {
    // The first label is the invalid one; those beyond the last are as well.
    let (first, last) = match (random.below(4), OBJECTS.get(index)) {
        (0, _) => (0, Label::COUNT as Word + 1),
        (_, Some((_, first, last))) => (*first as Word, *last as Word),
        (_, None) => (AUTHORITIES[index - OBJECTS.len()] as Word, AUTHORITIES[index - OBJECTS.len()] as Word),
    };
    first + random.below((last - first + 1) as usize) as Word
}

/// One random invocation of a random object, without waiting for an answer where nobody might give one.
fn step(random: &mut Random, first: Slot) -> Result<(), Word> {
    let index = object(random);
    let slot = |i: usize| (first.index() + i) as Word;
    let caps = random.below(4);
    let words = random.below(9);
    with_ipc_buffer_mut(|buffer| {
        for cap in &mut buffer.caps_or_badges_mut()[..caps] {
            *cap = slot(object(random));
        }
        for word in &mut buffer.msg_regs_mut()[..words] {
            *word = argument(random);
        }
    });
    let info = MessageInfo::new(label(random, index), 0, caps, words);
    let cap = Cap::<cap_type::Unspecified>::from_bits(slot(index));
    let is_ipc = matches!(
        OBJECTS.get(index),
        Some((ObjectBlueprint::Endpoint | ObjectBlueprint::Notification | ObjectBlueprint::Reply, ..))
    );
    if is_ipc {
        cap.nb_send(info);
        return Ok(());
    }
    match cap.call(info).label() {
        0 => Ok(()),
        error => Err(error),
    }
}
