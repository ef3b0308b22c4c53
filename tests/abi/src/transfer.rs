//! Capabilities in messages: which arrive, and what goes wrong.

use sel4::init_thread::Slot;
use sel4::{
    CapRights, CapType, IpcBuffer, MessageInfo, MessageInfoBuilder, Word, cap, cap_type, with_ipc_buffer,
    with_ipc_buffer_mut,
};

use crate::ipc::{as_cap_fault, badged, fault, faulty};
use crate::kit::Kit;
use crate::memory::at;
use crate::thread::{Settle, Thread};

pub fn run(kit: &mut Kit) {
    let settle = Settle::new(kit);
    rights(kit);
    several(kit);
    receive_slots(kit);
    missing(kit, &settle);
    unanswerable(kit, &settle);
}

/// Sends a message with `count` capabilities from slots in a row.
fn send(buffer: &mut IpcBuffer, [endpoint, first, count]: [Word; 3]) {
    buffer.caps_or_badges_mut().iter_mut().zip(first..first + count).for_each(|(cap, slot)| *cap = slot);
    let info = MessageInfoBuilder::default().label(5).length(1).extra_caps(count as usize).build();
    cap::Endpoint::from_bits(endpoint).with(buffer).send(info);
}

/// As [`send`], without waiting for a receiver.
fn try_to_send(buffer: &mut IpcBuffer, [endpoint, first, count]: [Word; 3]) {
    buffer.caps_or_badges_mut()[..count as usize].fill(first);
    cap::Endpoint::from_bits(endpoint).with(buffer).nb_send(MessageInfo::new(5, 0, count as usize, 1));
}

/// Where the root task wants a capability.
fn receive_into<T: CapType>(slot: Slot<T>) {
    with_ipc_buffer_mut(|buffer| buffer.set_recv_slot(&at(slot)));
}

/// Copies of a notification's capability in a row.
fn notifications(kit: &mut Kit, count: usize) -> Slot<cap_type::Notification> {
    let original = kit.memory.make::<cap_type::Notification>();
    let first = kit.memory.slots(count);
    for i in 0..count {
        let slot = Slot::<cap_type::Notification>::from_index(first.index() + i);
        kit.check("copy", at(slot).copy(&at(original), CapRights::all()), Ok(()));
    }
    first.cast()
}

/// Receives what a thread sends: label, capabilities that arrived, which of them as badges.
fn receive(kit: &mut Kit, receiver: Slot<cap_type::Endpoint>, words: [Word; 3]) -> (Word, usize, usize) {
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    Thread::spawn(kit, cap::Endpoint::from_bits(0), send, words);
    let (info, _) = receiver.cap().recv(reply);
    (info.label(), info.extra_caps(), info.caps_unwrapped())
}

fn rights(kit: &mut Kit) {
    kit.section("4.2.2");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let plain = kit.memory.slot::<cap_type::Endpoint>();
    let first = notifications(kit, 1);
    let free = kit.memory.slot::<cap_type::Notification>();
    receive_into(free);
    kit.check("copy without grant", at(plain).copy(&at(endpoint), CapRights::write_only()), Ok(()));
    let seen = receive(kit, endpoint, [plain.cptr_bits(), first.cptr_bits(), 1]);
    kit.check("no capability travels without the grant right", seen, (5, 0, 0));
    kit.check("the slot stays empty", at(free).copy(&at(first), CapRights::all()), Ok(()));
}

fn several(kit: &mut Kit) {
    kit.section("4.2.2");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let free = kit.memory.slot::<cap_type::Notification>();
    receive_into(free);
    let first = notifications(kit, 3);
    let seen = receive(kit, endpoint, [endpoint.cptr_bits(), first.cptr_bits(), 3]);
    kit.check("one capability is received, the others are not", seen, (5, 1, 0));
    // In a row: badged, another endpoint's, badged.
    let other = kit.memory.make::<cap_type::Endpoint>();
    let first = kit.memory.slots(3).cast::<cap_type::Endpoint>();
    let slot = |i| Slot::<cap_type::Endpoint>::from_index(first.index() + i);
    let made = at(slot(0))
        .mint(&at(endpoint), CapRights::all(), 11)
        .and_then(|()| at(slot(1)).copy(&at(other), CapRights::all()))
        .and_then(|()| at(slot(2)).mint(&at(endpoint), CapRights::all(), 13));
    kit.check("mint", made, Ok(()));
    let free = kit.memory.slot::<cap_type::Endpoint>();
    receive_into(free);
    let seen = receive(kit, endpoint, [endpoint.cptr_bits(), first.cptr_bits(), 3]);
    let badges = with_ipc_buffer(|buffer| [0, 2].map(|i| buffer.caps_or_badges()[i]));
    kit.check("what names the endpoint arrives as badge, around another", (seen, badges), ((5, 3, 0b101), [11, 13]));
}

fn receive_slots(kit: &mut Kit) {
    kit.section("4.2.3");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let first = notifications(kit, 1);
    receive_into(first);
    let seen = receive(kit, endpoint, [endpoint.cptr_bits(), first.cptr_bits(), 1]);
    kit.check("a receive slot in use is no error, and nothing arrives", seen, (5, 0, 0));
    let original = kit.memory.slot::<cap_type::Unspecified>();
    receive_into(original);
    let control = sel4::init_thread::slot::IRQ_CONTROL.cptr_bits();
    let seen = receive(kit, endpoint, [endpoint.cptr_bits(), control, 1]);
    kit.check("what cannot be derived does not arrive", seen, (5, 0, 0));
    with_ipc_buffer_mut(|buffer| buffer.set_recv_slot(&cap::CNode::from_bits(0).absolute_cptr_for_self()));
}

fn missing(kit: &mut Kit, settle: &Settle) {
    kit.section("4.2.3");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let gap = 1 << 60;
    let (_, faults, reply) = faulty(kit, send, [endpoint.cptr_bits(), gap, 1]);
    let seen = as_cap_fault(fault(kit, faults, reply)).map(|(cptr, receiving, _)| (cptr, receiving));
    kit.check("a capability that is missing aborts the send", seen, Some((gap, false)));
    let own = kit.memory.make::<cap_type::Reply>().cap();
    kit.check("nothing was sent", endpoint.cap().nb_recv(own).1, 0);
    let notification = kit.memory.make::<cap_type::Notification>();
    let one = badged(kit, notification, 1);
    let words = [endpoint.cptr_bits(), own.bits(), one.cptr_bits()];
    Thread::spawn(kit, cap::Endpoint::from_bits(0), receive_and_signal, words);
    settle.wait();
    kit.section("6.2.1");
    Thread::spawn(kit, cap::Endpoint::from_bits(0), try_to_send, [endpoint.cptr_bits(), gap, 1]);
    settle.wait();
    kit.check("a send that does not wait fails silently", notification.cap().poll().1, 0);
    endpoint.cap().nb_send(MessageInfo::new(0, 0, 0, 0));
    settle.wait();
    kit.check("its receiver still waits", notification.cap().poll().1, 1);
}

/// Receives a message, then signals.
fn receive_and_signal(buffer: &mut IpcBuffer, [endpoint, reply, notification]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(&mut *buffer).recv(cap::Reply::from_bits(reply));
    cap::Notification::from_bits(notification).with(buffer).signal();
}

/// Calls, then signals.
fn call_and_signal(buffer: &mut IpcBuffer, [endpoint, notification, _]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(&mut *buffer).call(MessageInfo::new(0, 0, 0, 0));
    cap::Notification::from_bits(notification).with(buffer).signal();
}

fn unanswerable(kit: &mut Kit, settle: &Settle) {
    kit.section("4.2.4");
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let [plain, granting] = [(); 2].map(|()| kit.memory.slot::<cap_type::Endpoint>());
    let notification = kit.memory.make::<cap_type::Notification>();
    let done = badged(kit, notification, 1).cptr_bits();
    let may_be_answered = CapRights::new(true, false, false, true);
    let copied = at(plain)
        .copy(&at(endpoint), CapRights::write_only())
        .and_then(|()| at(granting).copy(&at(endpoint), may_be_answered));
    kit.check("copy without grant, and with grant of the reply", copied, Ok(()));
    for (case, caller, answered) in [
        ("a caller without grant or grant-reply has no answer", plain, 0),
        ("a caller with grant-reply has an answer", granting, 1),
    ] {
        let reply = kit.memory.make::<cap_type::Reply>().cap();
        let words = [caller.cptr_bits(), done, 0];
        let client = Thread::spawn(kit, cap::Endpoint::from_bits(0), call_and_signal, words);
        endpoint.cap().recv(reply);
        reply.send(MessageInfo::new(0, 0, 0, 0));
        settle.wait();
        kit.check(case, notification.cap().poll().1, answered);
        kit.check("stop the caller", client.tcb.tcb_suspend(), Ok(()));
    }
}
