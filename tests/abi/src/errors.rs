//! Error codes with the message registers that say more.

use sel4::abi::config::{NUM_DOMAINS, ROOT_CNODE_SIZE_BITS};
use sel4::abi::context::LENGTH as REGISTERS;
use sel4::abi::error::LookupFailureKind as Lookup;
use sel4::abi::label::InvocationLabel as Label;
use sel4::abi::object::{MAX_PRIORITY, ObjectType, RETYPE_MAX_OBJECTS};
use sel4::init_thread::slot;
use sel4::{Cap, CapRights, CapType, Error, Word, cap_type};

use crate::kit::{Answer, Kit, answer};
use crate::memory::at;

const WORD_BITS: Word = 64;
const CNODE: Word = slot::CNODE.cptr_bits();

pub fn run(kit: &mut Kit) {
    arguments(kit);
    capabilities(kit);
    operations(kit);
    ranges(kit);
    lookups(kit);
    bare(kit);
    memory(kit);
}

/// An invocation that fails: the case, what was invoked and how, the error and its words.
pub fn fails<T: CapType>(
    kit: &mut Kit,
    case: &str,
    cap: Cap<T>,
    (label, caps, words): (Label, &[Word], &[Word]),
    (error, told): (Error, &[Word]),
) {
    kit.check(case, answer(cap, label as Word, caps, words), Answer::error(error, told));
}

fn arguments(kit: &mut Kit) {
    kit.section("10.1.1");
    let untyped = kit.memory.untyped;
    let free = kit.memory.slots(1).cptr_bits();
    let unknown = ObjectType::VCpu as Word + 1;
    let retype = |kind, size| [kind, size, 0, 0, free, 1];
    let error = Error::InvalidArgument;
    let make = Label::UntypedRetype;
    fails(kit, "retype names the type", untyped, (make, &[CNODE], &retype(unknown, 0)), (error, &[0]));
    fails(kit, "retype names the size", untyped, (make, &[CNODE], &retype(0, 3)), (error, &[1]));
    let (domains, tcb) = (slot::DOMAIN_SET.cap(), slot::TCB.cptr_bits());
    let beyond = [NUM_DOMAINS as Word];
    fails(kit, "a domain that there is not", domains, (Label::DomainSetSet, &[tcb], &beyond), (error, &[0]));
    fails(kit, "a thread that is none", domains, (Label::DomainSetSet, &[CNODE], &[0]), (error, &[1]));
}

fn capabilities(kit: &mut Kit) {
    kit.section("10.1.2");
    let error = Error::InvalidCapability;
    let empty = kit.memory.slot::<cap_type::Tcb>().cap();
    fails(kit, "the capability invoked is number 0", empty, (Label::TCBResume, &[], &[]), (error, &[0]));
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    let root = slot::TCB.cptr_bits();
    fails(kit, "the authority is number 1", tcb, (Label::TCBSetPriority, &[CNODE], &[1]), (error, &[1]));
    let parameters: [Word; 2] = [1, 1];
    let set = Label::TCBSetSchedParams;
    fails(kit, "the context is number 2", tcb, (set, &[root, CNODE, 0], &parameters), (error, &[2]));
    fails(kit, "the fault endpoint is number 3", tcb, (set, &[root, 0, CNODE], &parameters), (error, &[3]));
    let control = kit.sched_control;
    let time = [1000, 1000, 0, 0, 0];
    fails(kit, "time for no context", control, (Label::SchedControlConfigureFlags, &[CNODE], &time), (error, &[1]));
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let unsafe_to_call = kit.memory.slot::<cap_type::Endpoint>();
    let copied = at(unsafe_to_call).copy(&at(endpoint), CapRights::write_only());
    kit.check("copy without grant", copied, Ok(()));
    let handler = [unsafe_to_call.cptr_bits()];
    fails(kit, "a handler without grant", tcb, (Label::TCBSetTimeoutEndpoint, &handler, &[]), (error, &[1]));
}

fn operations(kit: &mut Kit) {
    kit.section("10.1.3");
    let error = (Error::IllegalOperation, &[][..]);
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    fails(kit, "another object's label", tcb, (Label::CNodeDelete, &[], &[0, 0]), error);
    fails(kit, "nothing is bound", tcb, (Label::TCBUnbindNotification, &[], &[]), error);
    fails(kit, "the own registers", slot::TCB.cap(), (Label::TCBReadRegisters, &[], &[0, 1]), error);
}

fn ranges(kit: &mut Kit) {
    kit.section("10.1.4");
    let error = Error::RangeError;
    let untyped = kit.memory.untyped;
    let slots = 1 << ROOT_CNODE_SIZE_BITS;
    let make = |offset, count| [ObjectType::Tcb as Word, 0, 0, 0, offset, count];
    let retype = Label::UntypedRetype;
    fails(kit, "number of objects", untyped, (retype, &[CNODE], &make(0, 0)), (error, &[1, RETYPE_MAX_OBJECTS]));
    fails(kit, "offset in the CNode", untyped, (retype, &[CNODE], &make(slots, 1)), (error, &[0, slots - 1]));
    fails(kit, "objects that fit in", untyped, (retype, &[CNODE], &make(slots - 2, 3)), (error, &[1, 2]));
    let delete = Label::CNodeDelete;
    fails(kit, "a depth", slot::CNODE.cap(), (delete, &[], &[1, 65]), (error, &[1, WORD_BITS]));
    let tcb = kit.memory.make::<cap_type::Tcb>();
    let read = Label::TCBReadRegisters;
    fails(kit, "number of registers", tcb.cap(), (read, &[], &[0, 0]), (error, &[1, REGISTERS as Word]));
    let root = slot::TCB.cptr_bits();
    let priority = Label::TCBSetPriority;
    fails(kit, "the greatest priority", tcb.cap(), (priority, &[root], &[256]), (error, &[0, MAX_PRIORITY]));
    let own = [tcb.cptr_bits()];
    fails(kit, "the authority's maximum", tcb.cap(), (priority, &own, &[1]), (error, &[0, 0]));
}

fn lookups(kit: &mut Kit) {
    kit.section("10.1.6");
    let error = Error::FailedLookup;
    let cnode = slot::CNODE.cap();
    let [empty, free] = [(); 2].map(|()| kit.memory.slot::<cap_type::Endpoint>().cptr_bits());
    let copy = |depth, source, source_depth| [free, depth, source, source_depth, 0];
    let label = Label::CNodeCopy;
    let missing = Lookup::MissingCapability as Word;
    fails(kit, "3.4.2 an empty source", cnode, (label, &[CNODE], &copy(64, empty, 64)), (error, &[1, missing, 64]));
    let root = Lookup::InvalidRoot as Word;
    let source = (label, &[slot::TCB.cptr_bits()][..], &copy(64, 1, 64)[..]);
    fails(kit, "3.4.1 a root that is no CNode", cnode, source, (error, &[1, root]));
    let guard_size = WORD_BITS - Word::from(ROOT_CNODE_SIZE_BITS);
    let mismatch = [1, Lookup::GuardMismatch as Word, 64, 0, guard_size];
    let source = (label, &[CNODE][..], &copy(64, 1 << 63, 64)[..]);
    fails(kit, "3.4.4 a guard that differs", cnode, source, (error, &mismatch));
    // The whole CNode resolves 64 bits; 60 are too few for it.
    let mismatch = [0, Lookup::DepthMismatch as Word, 60, 64];
    let destination = (label, &[CNODE][..], &copy(60, 1, 64)[..]);
    fails(kit, "3.4.3 a depth that is too small", cnode, destination, (error, &mismatch));
}

/// Errors that have no more to say.
fn bare(kit: &mut Kit) {
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    let frame = kit.memory.make::<cap_type::Granule>().cptr_bits();
    kit.section("10.1.5");
    let buffer = (Label::TCBSetIPCBuffer, &[frame][..], &[0x1008][..]);
    fails(kit, "a buffer askew", tcb, buffer, (Error::AlignmentError, &[]));
    kit.section("10.1.7");
    let short = (Label::TCBSetPriority, &[slot::TCB.cptr_bits()][..], &[][..]);
    fails(kit, "too few words", tcb, short, (Error::TruncatedMessage, &[]));
    fails(kit, "too few capabilities", tcb, (Label::TCBSetPriority, &[], &[1]), (Error::TruncatedMessage, &[]));
    kit.section("10.1.8");
    let copy = (Label::CNodeCopy, &[CNODE][..], &[1, 64, 1, 64, 0][..]);
    fails(kit, "a slot in use", slot::CNODE.cap(), copy, (Error::DeleteFirst, &[]));
    kit.section("10.1.9");
    let untyped = kit.memory.make_sized::<cap_type::Untyped>(12);
    let inner = kit.memory.slots(1).cptr_bits();
    let made = answer(untyped.cap(), Label::UntypedRetype as Word, &[CNODE], &[2, 0, 0, 0, inner, 1]);
    kit.check("make a child", made.result, Ok(()));
    let copy = [kit.memory.slots(1).cptr_bits(), 64, untyped.cptr_bits(), 64, 0];
    fails(kit, "children", slot::CNODE.cap(), (Label::CNodeCopy, &[CNODE], &copy), (Error::RevokeFirst, &[]));
}

fn memory(kit: &mut Kit) {
    kit.section("10.1.10");
    const BYTES: Word = 1 << 12;
    let untyped = kit.memory.make_sized::<cap_type::Untyped>(12).cap();
    let slot = kit.memory.slots(2).cptr_bits();
    let make = |kind, slot| [kind as Word, 0, 0, 0, slot, 1];
    let retype = Label::UntypedRetype;
    let made = answer(untyped, retype as Word, &[CNODE], &make(ObjectType::Notification, slot));
    kit.check("use 64 bytes", made.result, Ok(()));
    let large = (retype, &[CNODE][..], &make(ObjectType::SmallPage, slot + 1)[..]);
    fails(kit, "the bytes that are left", untyped, large, (Error::NotEnoughMemory, &[BYTES - 64]));
}
