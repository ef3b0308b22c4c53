//! Messages, notifications and faults between the root task and threads of lower priority, which run while it waits.

use core::hint::black_box;
use core::ptr;

use sel4::init_thread::{Slot, slot};
use sel4::{
    Badge, Cap, CapRights, Error, Fault, IpcBuffer, LookupFailure, MessageInfo, MessageInfoBuilder,
    NUM_MESSAGE_REGISTERS, Word, cap, cap_type, with_ipc_buffer, with_ipc_buffer_mut,
};

use crate::kit::Kit;
use crate::memory::at;
use crate::thread::Thread;

const NO_ENDPOINT: cap::Endpoint = Cap::from_bits(0);

pub fn run(kit: &mut Kit) {
    signals(kit);
    calls(kit);
    passive_server(kit);
    capabilities(kit);
    without_waiting(kit);
    bound_notification(kit);
    memory_fault(kit);
    exception(kit);
    capability_fault(kit);
    timeout(kit);
    deleted_endpoint(kit);
}

/// A copy of a capability with a badge.
pub fn badged<T: sel4::CapType>(kit: &mut Kit, original: Slot<T>, badge: Badge) -> Slot<T> {
    let slot = kit.memory.slot();
    kit.check("mint", at(slot).mint(&at(original), CapRights::all(), badge), Ok(()));
    slot
}

fn words(count: usize) -> [Word; NUM_MESSAGE_REGISTERS] {
    with_ipc_buffer(|buffer| {
        let mut words = [0; NUM_MESSAGE_REGISTERS];
        words[..count].copy_from_slice(&buffer.msg_regs()[..count]);
        words
    })
}

fn signals(kit: &mut Kit) {
    kit.section("5.2");
    let notification = kit.memory.make::<cap_type::Notification>();
    let [one, four] = [1, 4].map(|badge| badged(kit, notification, badge).cap());
    kit.check("poll nothing", notification.cap().poll().1, 0);
    one.signal();
    four.signal();
    one.signal();
    kit.check("signals add up", notification.cap().wait().1, 5);
    kit.check("a wait takes them", notification.cap().poll().1, 0);
    let signaller: crate::thread::Body = |buffer, [notification, ..]| {
        cap::Notification::from_bits(notification).with(buffer).signal();
    };
    Thread::spawn(kit, NO_ENDPOINT, signaller, [four.bits(), 0, 0]);
    kit.check("wait for a thread's signal", notification.cap().wait().1, 4);
}

/// Answers with the badge as label and each word one higher, for ever.
fn echo(buffer: &mut IpcBuffer, [endpoint, reply, _]: [Word; 3]) {
    let (endpoint, reply) = (cap::Endpoint::from_bits(endpoint), cap::Reply::from_bits(reply));
    let (mut info, mut badge) = endpoint.with(&mut *buffer).recv(reply);
    loop {
        buffer.msg_regs_mut()[..info.length()].iter_mut().for_each(|word| *word += 1);
        let answer = MessageInfo::new(badge, 0, 0, info.length());
        (info, badge) = endpoint.with(&mut *buffer).reply_recv(answer, reply);
    }
}

/// Calls an [`echo`] with `count` words; whether the answer is right.
fn ask(endpoint: cap::Endpoint, count: usize, badge: Badge) -> bool {
    with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut().iter_mut().zip(1000..).for_each(|(word, value)| *word = value));
    let answer = endpoint.call(MessageInfo::new(0, 0, 0, count));
    let right = words(count)[..count].iter().copied().eq((1001..).take(count));
    right && answer.label() == badge && answer.length() == count
}

fn calls(kit: &mut Kit) {
    kit.section("4.2.4");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>();
    let caller = badged(kit, endpoint, 0xabc);
    let server = Thread::spawn(kit, NO_ENDPOINT, echo, [endpoint.cptr_bits(), reply.cptr_bits(), 0]);
    let right = (0..=NUM_MESSAGE_REGISTERS).all(|count| ask(caller.cap(), count, 0xabc));
    kit.check("calls of every length", right, true);
    kit.check("stop the server", server.tcb.tcb_suspend(), Ok(()));
}

/// Once it waits, a server needs no time of its own.
fn passive_server(kit: &mut Kit) {
    kit.section("6.1.11");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>();
    let server = Thread::spawn(kit, NO_ENDPOINT, echo, [endpoint.cptr_bits(), reply.cptr_bits(), 0]);
    kit.check("a call", ask(endpoint.cap(), 5, 0), true);
    kit.check("take the server's time", server.context.unbind(), Ok(()));
    kit.check("a call of a server without time", ask(endpoint.cap(), 5, 0), true);
    kit.check("and another", ask(endpoint.cap(), 0, 0), true);
    kit.check("stop the server", server.tcb.tcb_suspend(), Ok(()));
}

/// Calls with one capability and ends when it has an answer.
fn call_with_capability(buffer: &mut IpcBuffer, [endpoint, capability, _]: [Word; 3]) {
    buffer.caps_or_badges_mut()[0] = capability;
    let info = MessageInfoBuilder::default().label(7).extra_caps(1).build();
    cap::Endpoint::from_bits(endpoint).with(buffer).call(info);
}

fn capabilities(kit: &mut Kit) {
    kit.section("4.2.2");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let notification = kit.memory.make::<cap_type::Notification>();
    let (marked, received) = (badged(kit, notification, 64), kit.memory.slot::<cap_type::Notification>());
    with_ipc_buffer_mut(|buffer| buffer.set_recv_slot(&at(received)));

    Thread::spawn(kit, NO_ENDPOINT, call_with_capability, [endpoint.cptr_bits(), marked.cptr_bits(), 0]);
    let (info, _) = endpoint.cap().recv(reply);
    kit.check("a capability arrives", (info.label(), info.extra_caps(), info.caps_unwrapped()), (7, 1, 0));
    received.cap().signal();
    kit.check("it is the one that was sent", notification.cap().poll().1, 64);

    // The caller is still there: answer it, so that the reply object is free.
    reply.send(MessageInfo::default());
    let other = badged(kit, endpoint, 77);
    Thread::spawn(kit, NO_ENDPOINT, call_with_capability, [endpoint.cptr_bits(), other.cptr_bits(), 0]);
    let (info, _) = endpoint.cap().recv(reply);
    let badge = with_ipc_buffer(|buffer| buffer.caps_or_badges()[0]);
    let unwrapped = (info.extra_caps(), info.caps_unwrapped(), badge);
    kit.check("a capability to the endpoint arrives as its badge", unwrapped, (1, 1, 77));
    reply.send(MessageInfo::default());
    with_ipc_buffer_mut(|buffer| buffer.set_recv_slot(&cap::CNode::from_bits(0).absolute_cptr_for_self()));
}

fn without_waiting(kit: &mut Kit) {
    kit.section("2.2");
    let endpoint = kit.memory.make::<cap_type::Endpoint>().cap();
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    endpoint.nb_send(MessageInfo::new(1, 0, 0, 0));
    kit.check("what nobody waits for is lost", endpoint.nb_recv(reply).1, 0);
    Cap::<cap_type::Endpoint>::from_bits(0).nb_send(MessageInfo::new(1, 0, 0, 0));
    kit.check("sending to nobody", (), ());
    sel4::r#yield();
    kit.check("yield", (), ());
}

fn bound_notification(kit: &mut Kit) {
    kit.section("5.3");
    let endpoint = kit.memory.make::<cap_type::Endpoint>().cap();
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 3).cap();
    let root = slot::TCB.cap();
    kit.check("bind a notification", root.tcb_bind_notification(notification.cap()), Ok(()));
    marked.signal();
    kit.check("a signal arrives on an endpoint", endpoint.recv(reply).1, 3);
    let (_, badge) = marked.upcast().nb_send_recv(MessageInfo::default(), endpoint, reply);
    kit.check("a signal with a receive", badge, 3);
    let (_, badge) = marked.upcast().nb_send_wait(MessageInfo::default(), notification.cap());
    kit.check("a signal with a wait", badge, 3);
    kit.check("unbind", root.tcb_unbind_notification(), Ok(()));
}

/// Starts a thread with a fault endpoint, whose badge tells it from others.
pub fn faulty(kit: &mut Kit, body: crate::thread::Body, words: [Word; 3]) -> (Thread, cap::Endpoint, cap::Reply) {
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let marked = badged(kit, endpoint, FAULTY).cap();
    (Thread::spawn(kit, marked, body, words), endpoint.cap(), reply)
}

const FAULTY: Badge = 0xfa;

/// The next fault.
pub fn fault(kit: &mut Kit, endpoint: cap::Endpoint, reply: cap::Reply) -> Option<Fault> {
    let (info, badge) = endpoint.recv(reply);
    kit.check("a fault has the endpoint's badge", badge, FAULTY);
    with_ipc_buffer(|buffer| Fault::try_new(buffer, &info))
}

/// Writes to an address and signals.
fn write_and_signal(buffer: &mut IpcBuffer, [address, notification, _]: [Word; 3]) {
    // SAFETY: what is there is the parent's to say.
    unsafe { ptr::with_exposed_provenance_mut::<u64>(black_box(address) as usize).write_volatile(0x5a5a) };
    cap::Notification::from_bits(notification).with(buffer).signal();
}

fn memory_fault(kit: &mut Kit) {
    kit.section("6.2.7");
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 1).cap();
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    let address = kit.memory.map(frame, CapRights::read_only());
    let (_, endpoint, reply) = faulty(kit, write_and_signal, [address as Word, marked.bits(), 0]);
    let seen = match fault(kit, endpoint, reply) {
        Some(Fault::VmFault(fault)) => Some((fault.addr(), fault.is_prefetch(), fault.fsr() >> 26, fault.fsr() & 0x7c)),
        _ => None,
    };
    // A data abort; WnR, permission fault.
    kit.check("a write to a page that is read-only", seen, Some((address as Word, false, 0x24, 0x4c)));
    kit.memory.map_at(slot::VSPACE.cap(), frame, address, CapRights::read_write());
    reply.send(MessageInfo::default());
    kit.check("an answer restarts the thread", notification.cap().wait().1, 1);
    // SAFETY: the page is mapped.
    let written = unsafe { ptr::with_exposed_provenance::<u64>(address).read_volatile() };
    kit.check("its write is done", written, 0x5a5a);
}

/// Calls a function that is one undefined instruction, and signals if it can go on.
#[cfg(target_os = "none")]
fn undefined_and_signal(buffer: &mut IpcBuffer, words: [Word; 3]) {
    let abort: fn() -> ! = sel4::abort;
    // SAFETY: the parent lets the thread go on as if the function had returned.
    let returns: fn() = unsafe { core::mem::transmute(black_box(abort)) };
    returns();
    signal(buffer, words);
}

/// There is no fault handler on a host.
#[cfg(not(target_os = "none"))]
use signal as undefined_and_signal;

fn exception(kit: &mut Kit) {
    kit.section("6.2.3");
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 1).cap();
    let (thread, endpoint, reply) = faulty(kit, undefined_and_signal, [marked.bits(), 0, 0]);
    let Some(Fault::UserException(fault)) = fault(kit, endpoint, reply) else {
        kit.check("an undefined instruction", false, true);
        return;
    };
    kit.check("an undefined instruction", fault.number() >> 26, 0);
    let return_address = thread.tcb.tcb_read_all_registers(false).map(|registers| *registers.gpr(30));
    let registers = [return_address.unwrap_or(0), fault.sp(), fault.spsr()];
    with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[..3].copy_from_slice(&registers));
    reply.send(MessageInfo::new(0, 0, 0, 3));
    kit.check("an answer sets the program counter", notification.cap().wait().1, 1);
}

/// Signals what is in slot `a`.
fn signal(buffer: &mut IpcBuffer, [notification, ..]: [Word; 3]) {
    cap::Notification::from_bits(notification).with(buffer).signal();
}

/// Waits for `a`, then signals `b`.
fn wait_and_signal(buffer: &mut IpcBuffer, [first, then, _]: [Word; 3]) {
    cap::Notification::from_bits(first).with(&mut *buffer).wait();
    cap::Notification::from_bits(then).with(buffer).signal();
}

/// The pointer of a capability fault, whether it came while receiving, and why.
pub fn as_cap_fault(fault: Option<Fault>) -> Option<(Word, bool, Option<LookupFailure>)> {
    match fault {
        Some(Fault::CapFault(fault)) => Some((fault.addr(), fault.in_recv_phase(), fault.lookup_failure())),
        _ => None,
    }
}

fn capability_fault(kit: &mut Kit) {
    kit.section("6.2.1");
    let no_guard = 1 << 60;
    let (_, endpoint, reply) = faulty(kit, signal, [no_guard, 0, 0]);
    let mismatch = LookupFailure::GuardMismatch { bits_left: 64, guard_found: 0, bits_found: 47 };
    let seen = as_cap_fault(fault(kit, endpoint, reply));
    kit.check("a send that meets a guard", seen, Some((no_guard, false, Some(mismatch))));

    let sealed = kit.memory.make::<cap_type::Notification>();
    let write_only = kit.memory.slot::<cap_type::Notification>();
    kit.check("copy without a right", at(write_only).copy(&at(sealed), CapRights::write_only()), Ok(()));
    let (_, endpoint, reply) = faulty(kit, wait_and_signal, [write_only.cptr_bits(), 0, 0]);
    let seen = as_cap_fault(fault(kit, endpoint, reply)).map(|(cptr, receiving, _)| (cptr, receiving));
    kit.check("a receive without the right", seen, Some((write_only.cptr_bits(), true)));

    let empty = kit.memory.slot::<cap_type::Notification>();
    let [first, then] = [(); 2].map(|()| kit.memory.make::<cap_type::Notification>());
    let marked = badged(kit, then, 9);
    let (_, endpoint, reply) = faulty(kit, wait_and_signal, [empty.cptr_bits(), marked.cptr_bits(), 0]);
    let seen = as_cap_fault(fault(kit, endpoint, reply));
    let missing = LookupFailure::MissingCapability { bits_left: 0 };
    kit.check("a receive from an empty slot", seen, Some((empty.cptr_bits(), true, Some(missing))));
    kit.check("fill the slot", at(empty).mint(&at(first), CapRights::all(), 8), Ok(()));
    reply.send(MessageInfo::default());
    empty.cap().signal();
    kit.check("an answer repeats the system call", then.cap().wait().1, 9);
}

/// Uses up its time.
fn spin(_: &mut IpcBuffer, _: [Word; 3]) {
    loop {
        black_box(());
    }
}

fn timeout(kit: &mut Kit) {
    kit.section("6.2.6");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let marked = badged(kit, endpoint, FAULTY).cap();
    let thread = Thread::spawn(kit, NO_ENDPOINT, spin, [0; 3]);
    kit.check("a timeout endpoint", thread.tcb.tcb_set_timeout_endpoint(marked), Ok(()));
    let budget = kit.sched_control.sched_control_configure_flags(thread.context, 1000, 1_000_000, 0, 0x77, 0);
    kit.check("a small budget", budget, Ok(()));
    let seen = match fault(kit, endpoint.cap(), reply) {
        Some(Fault::Timeout(fault)) => Some((fault.data(), fault.consumed())),
        _ => None,
    };
    let used_up = seen.map(|(data, consumed)| (data, consumed >= 500));
    kit.check("a thread that uses up its budget", used_up, Some((0x77, true)));
    kit.check("stop it", thread.tcb.tcb_suspend(), Ok(()));
    let consumed = thread.context.consumed();
    let told = seen.map_or(0, |(_, consumed)| consumed);
    kit.check("what it consumed was told", consumed.is_ok_and(|time| time < told), true);
}

/// Who waits on an endpoint that is deleted repeats its system call, and finds nothing.
fn deleted_endpoint(kit: &mut Kit) {
    kit.section("3.2");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let reply = kit.memory.make::<cap_type::Reply>();
    let idle = kit.memory.make::<cap_type::Notification>();
    let (_, faults, fault_reply) = faulty(kit, echo, [endpoint.cptr_bits(), reply.cptr_bits(), 0]);
    // Lets the thread run until it waits: this one signals behind it.
    let marked = badged(kit, idle, 1).cap();
    Thread::spawn(kit, NO_ENDPOINT, signal, [marked.bits(), 0, 0]);
    kit.check("a thread behind it has run", idle.cap().wait().1, 1);
    kit.check("delete the endpoint", at(endpoint).delete(), Ok(()));
    let seen = as_cap_fault(fault(kit, faults, fault_reply)).map(|(cptr, receiving, _)| (cptr, receiving));
    kit.check("its receiver faults", seen, Some((endpoint.cptr_bits(), true)));
    let gone = kit.memory.slot::<cap_type::Endpoint>();
    let copy = at(gone).copy(&at(endpoint), CapRights::all());
    kit.check("the slot is empty", copy, Err(Error::FailedLookup));
}
