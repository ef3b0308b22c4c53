//! Time that travels along calls and signals: who has it, and where it goes when the way back is cut.

use sel4::init_thread::Slot;
use sel4::{CapRights, Error, IpcBuffer, MessageInfo, Word, cap, cap_type};

use crate::ipc::badged;
use crate::kit::Kit;
use crate::memory::at;
use crate::thread::{Settle, Thread};

const NO_ENDPOINT: cap::Endpoint = cap::Endpoint::from_bits(0);

pub fn run(kit: &mut Kit) {
    kit.section("6.1.11");
    let settle = Settle::new(kit);
    whole_chain(kit, &settle);
    latest_reply_goes(kit, &settle);
    middle_reply_goes(kit, &settle);
    caller_goes(kit, &settle);
    unbound_during_a_call(kit, &settle);
    bound_notification(kit, &settle);
    without_reply(kit, &settle);
}

/// A client that calls a middle server that calls a back one, which waits for a signal before it answers. Both servers
/// are passive.
struct Chain {
    client: Thread,
    middle: Thread,
    back: Thread,
    /// The middle server's and the back server's.
    replies: [Slot<cap_type::Reply>; 2],
    /// Lets the back server answer.
    gate: cap::Notification,
    /// Bit 0 when the client, bit 1 when the middle server has an answer.
    done: cap::Notification,
}

/// Capabilities of a chain, in slots in a row behind the first of them.
mod at_chain {
    pub const FRONT: u64 = 0;
    pub const REAR: u64 = 1;
    pub const REPLIES: [u64; 2] = [2, 3];
    pub const GATE: u64 = 4;
    pub const CLIENT_DONE: u64 = 5;
    pub const MIDDLE_DONE: u64 = 6;
    pub const COUNT: usize = 7;
}

const EMPTY: MessageInfo = MessageInfo::new(0, 0, 0, 0);

fn client(buffer: &mut IpcBuffer, [first, ..]: [Word; 3]) {
    cap::Endpoint::from_bits(first + at_chain::FRONT).with(&mut *buffer).call(EMPTY);
    cap::Notification::from_bits(first + at_chain::CLIENT_DONE).with(buffer).signal();
}

fn middle(buffer: &mut IpcBuffer, [first, ..]: [Word; 3]) {
    let front = cap::Endpoint::from_bits(first + at_chain::FRONT);
    let reply = cap::Reply::from_bits(first + at_chain::REPLIES[0]);
    front.with(&mut *buffer).recv(reply);
    loop {
        cap::Endpoint::from_bits(first + at_chain::REAR).with(&mut *buffer).call(EMPTY);
        cap::Notification::from_bits(first + at_chain::MIDDLE_DONE).with(&mut *buffer).signal();
        front.with(&mut *buffer).reply_recv(EMPTY, reply);
    }
}

fn back(buffer: &mut IpcBuffer, [first, ..]: [Word; 3]) {
    let rear = cap::Endpoint::from_bits(first + at_chain::REAR);
    let reply = cap::Reply::from_bits(first + at_chain::REPLIES[1]);
    rear.with(&mut *buffer).recv(reply);
    loop {
        cap::Notification::from_bits(first + at_chain::GATE).with(&mut *buffer).wait();
        rear.with(&mut *buffer).reply_recv(EMPTY, reply);
    }
}

impl Chain {
    /// The chain with the back server at its gate.
    fn new(kit: &mut Kit, settle: &Settle) -> Self {
        let first = kit.memory.slots(at_chain::COUNT).cptr_bits();
        let slot = |i: u64| Slot::<cap_type::Unspecified>::from_index((first + i) as usize);
        let [front, rear] = [(); 2].map(|()| kit.memory.make::<cap_type::Endpoint>());
        let [gate, done] = [(); 2].map(|()| kit.memory.make::<cap_type::Notification>());
        let all = CapRights::all();
        let replies = [(); 2].map(|()| kit.memory.make::<cap_type::Reply>());
        let made = at(slot(at_chain::FRONT))
            .copy(&at(front), all)
            .and_then(|()| at(slot(at_chain::REAR)).copy(&at(rear), all))
            .and_then(|()| at(slot(at_chain::REPLIES[0])).move_(&at(replies[0])))
            .and_then(|()| at(slot(at_chain::REPLIES[1])).move_(&at(replies[1])))
            .and_then(|()| at(slot(at_chain::GATE)).copy(&at(gate), all))
            .and_then(|()| at(slot(at_chain::CLIENT_DONE)).mint(&at(done), all, 1))
            .and_then(|()| at(slot(at_chain::MIDDLE_DONE)).mint(&at(done), all, 2));
        kit.check("what a chain of calls needs", made, Ok(()));
        let words = [first, 0, 0];
        let [middle, back] = [middle, back].map(|body| Thread::spawn(kit, NO_ENDPOINT, body, words));
        settle.wait();
        kit.check("the servers are passive", [middle.context.unbind(), back.context.unbind()], [Ok(()); 2]);
        let client = Thread::spawn(kit, NO_ENDPOINT, client, words);
        settle.wait();
        let replies = at_chain::REPLIES.map(|i| slot(i).cast());
        Self { client, middle, back, replies, gate: gate.cap(), done: done.cap() }
    }

    /// Whether this thread has the client's time. To ask takes it away.
    fn takes_time_of(&self, thread: Thread) -> bool {
        self.client.context.unbind_object(thread.tcb).is_ok()
    }

    fn stop(self, kit: &mut Kit) {
        let stopped = [self.client, self.middle, self.back].map(|thread| thread.tcb.tcb_suspend());
        kit.check("stop the chain", stopped, [Ok(()); 3]);
    }
}

fn whole_chain(kit: &mut Kit, settle: &Settle) {
    let chain = Chain::new(kit, settle);
    kit.check("nobody has an answer yet", chain.done.poll().1, 0);
    chain.gate.signal();
    settle.wait();
    kit.check("answers come along the chain", chain.done.poll().1, 3);
    kit.check("the client has its time back", chain.takes_time_of(chain.client), true);
    chain.stop(kit);
}

fn latest_reply_goes(kit: &mut Kit, settle: &Settle) {
    let chain = Chain::new(kit, settle);
    kit.check("delete the reply of the one that has the time", at(chain.replies[1]).delete(), Ok(()));
    kit.check("the time returns to its caller", chain.takes_time_of(chain.middle), true);
    chain.stop(kit);
}

/// The manual says that the time would return to the client when the back server answers; but the client is what was taken
/// out of the chain, so that the middle server is the next who can get it. It cannot answer any more.
fn middle_reply_goes(kit: &mut Kit, settle: &Settle) {
    let chain = Chain::new(kit, settle);
    kit.check("delete a reply in the middle", at(chain.replies[0]).delete(), Ok(()));
    chain.gate.signal();
    settle.wait();
    kit.check("the call behind it is answered", chain.done.poll().1, 2);
    kit.check("the time is not the client's", chain.takes_time_of(chain.client), false);
    chain.stop(kit);
}

fn caller_goes(kit: &mut Kit, settle: &Settle) {
    let chain = Chain::new(kit, settle);
    kit.check("suspend the client", chain.client.tcb.tcb_suspend(), Ok(()));
    chain.gate.signal();
    settle.wait();
    kit.check("the middle server has its answer", chain.done.poll().1, 2);
    kit.check("the time stays with it", chain.takes_time_of(chain.middle), true);
    chain.stop(kit);
}

fn unbound_during_a_call(kit: &mut Kit, settle: &Settle) {
    let chain = Chain::new(kit, settle);
    kit.check("who lent its time is not bound to it", chain.takes_time_of(chain.client), false);
    kit.check("unbind from all", chain.client.context.unbind(), Ok(()));
    chain.gate.signal();
    settle.wait();
    kit.check("nobody runs without time", chain.done.poll().1, 0);
    kit.check("time for the server", chain.client.context.bind(chain.back.tcb), Ok(()));
    settle.wait();
    kit.check("it goes on, and its caller is passive", chain.done.poll().1, 0);
    kit.check("time for the middle", chain.middle.context.bind(chain.middle.tcb), Ok(()));
    settle.wait();
    kit.check("it goes on as well", chain.done.poll().1, 2);
    chain.stop(kit);
}

/// Waits on `a` and signals `b`, for ever.
fn pass_on(buffer: &mut IpcBuffer, [from, to, _]: [Word; 3]) {
    loop {
        cap::Notification::from_bits(from).with(&mut *buffer).wait();
        cap::Notification::from_bits(to).with(&mut *buffer).signal();
    }
}

fn bound_notification(kit: &mut Kit, settle: &Settle) {
    let [from, to] = [(); 2].map(|()| kit.memory.make::<cap_type::Notification>());
    let marked = badged(kit, to, 1);
    let server = Thread::spawn(kit, NO_ENDPOINT, pass_on, [from.cptr_bits(), marked.cptr_bits(), 0]);
    settle.wait();
    kit.check("bind time to a notification", server.context.bind(from.cap()), Ok(()));
    let again = server.context.bind(to.cap());
    kit.check("time is bound to one notification", again, Err(Error::IllegalOperation));
    kit.check("a passive thread", server.context.unbind_object(server.tcb), Ok(()));
    from.cap().signal();
    settle.wait();
    kit.check("a signal brings its time to a passive thread", to.cap().poll().1, 1);
    let has = server.context.unbind_object(server.tcb);
    kit.check("who waits again has given it back", has, Err(Error::IllegalOperation));
    kit.check("unbind from the notification", server.context.unbind_object(from.cap()), Ok(()));
    from.cap().signal();
    settle.wait();
    kit.check("without it, nobody runs", to.cap().poll().1, 0);
    kit.check("stop the thread", server.tcb.tcb_suspend(), Ok(()));
}

/// Receives without a reply object, then signals.
fn take_and_signal(buffer: &mut IpcBuffer, [endpoint, notification, _]: [Word; 3]) {
    cap::Notification::from_bits(endpoint).with(&mut *buffer).wait();
    cap::Notification::from_bits(notification).with(buffer).signal();
}

fn call(buffer: &mut IpcBuffer, [endpoint, ..]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(buffer).call(EMPTY);
}

fn without_reply(kit: &mut Kit, settle: &Settle) {
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 1);
    let words = [endpoint.cptr_bits(), marked.cptr_bits(), 0];
    let server = Thread::spawn(kit, NO_ENDPOINT, take_and_signal, words);
    settle.wait();
    kit.check("a passive thread", server.context.unbind(), Ok(()));
    let caller = Thread::spawn(kit, NO_ENDPOINT, call, [endpoint.cptr_bits(), 0, 0]);
    settle.wait();
    kit.check("no time travels without a reply object", notification.cap().poll().1, 0);
    kit.check("the caller keeps it", caller.context.unbind_object(caller.tcb), Ok(()));
    kit.check("bind it to the receiver", caller.context.bind(server.tcb), Ok(()));
    settle.wait();
    kit.check("the message was delivered", notification.cap().poll().1, 1);
    kit.check("stop both", [caller.tcb.tcb_suspend(), server.tcb.tcb_suspend()], [Ok(()); 2]);
}
