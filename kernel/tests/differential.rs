//! The kernel against a reference model (`model`): random system calls and faults of threads that share endpoints,
//! notifications and reply objects, random deeds of a root thread that stops them, moves and configures their time and makes
//! objects anew, and time that passes. After each step states, bindings and what arrived must agree, and the kernel's own
//! structures must hold together.
//!
//! `PROPTEST_CASES=100000 cargo test -p quoll-kernel --test differential` looks longer.

mod common;
mod model;

use common::{CNODE, FREE, IRQ_CONTROL, Root, SCHED_CONTROL, TCB, Thread, VSPACE, check_trees, receive, start};
use model::random::{any_call, any_deed};
use model::time::{Account, PARAMETERS};
use model::{Deed, ENDPOINTS, Handler, Model, NOTIFICATIONS, REPLIES, State, SystemCall, THREADS};
use proptest::prelude::*;
use quoll_kernel::arch::machine;
use quoll_kernel::fault::Fault;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::endpoint::Endpoint;
use quoll_kernel::object::notification::Notification;
use quoll_kernel::object::reply::Reply;
use quoll_kernel::object::sched_context::SchedContext;
use quoll_kernel::object::tcb::{self, Tcb};
use quoll_kernel::{cpu, trap};
use quoll_kernel_core::cap::Cap;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::{CNodeCapData, MessageInfo};
use sel4_abi::object::{ObjectType, SCHED_CONTEXT_SPORADIC};
use sel4_abi::syscall::{Syscall, register};

/// Priority of threads at first. The root thread's is 100, so that it runs whenever it can.
const LOW: u8 = 10;
/// Of the thread that is to make a system call.
const HIGH: u8 = 200;
/// Ends the root thread's wait while time passes.
const ALARM: u64 = FREE;
const ALARM_HANDLER: u64 = FREE + 1;
const ALARM_IRQ: u32 = 40;
/// Runs while nobody else can.
const IDLE: u64 = FREE + 10;
/// Behind all slots that are used.
const SLOTS: u64 = FREE + 500;

/// Guard of the threads' CNode.
const ROOT_DATA: u64 = CNodeCapData { guard: 0, guard_size: 52 }.to_word();

/// Badges of the capabilities that stand behind an object's own, which has none.
const BADGES: [u64; 2] = [1, 2];

fn thread_slot(i: usize) -> u64 {
    FREE + 100 + 10 * i as u64
}

fn context_slot(i: usize) -> u64 {
    thread_slot(i) + 2
}

fn endpoint_slot(i: usize) -> u64 {
    FREE + 200 + 10 * i as u64
}

fn notification_slot(i: usize) -> u64 {
    FREE + 300 + 10 * i as u64
}

fn reply_slot(i: usize) -> u64 {
    FREE + 400 + i as u64
}

/// The capability to tell a handler through, or an empty slot.
fn handler_slot(handler: Option<Handler>) -> u64 {
    handler.map_or(SLOTS, |handler| endpoint_slot(handler.endpoint) + handler.badge)
}

/// More often, the timer does not fire in a step.
const MOST_EVENTS: usize = 1000;

/// The kernel and the model, side by side.
struct World {
    root: Root,
    model: Model,
    /// What was used of each context.
    accounts: [Account; THREADS],
    idle: Thread,
    /// Label of the next message.
    label: u64,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A thread among those that can run.
    Call(usize, SystemCall),
    Deed(Deed),
    /// The same, aimed at what it can succeed with.
    Aimed(Deed),
    /// So many ticks pass while the root thread waits.
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..THREADS, any_call()).prop_map(|(thread, call)| Step::Call(thread, call)),
        1 => any_deed().prop_map(Step::Deed),
        2 => any_deed().prop_map(Step::Aimed),
        1 => (1..1500u64).prop_map(Step::Pass),
    ]
}

/// Servers that wait on an endpoint each, without time of their own: chains of calls are rare otherwise.
const PASSIVE_SERVERS: [Step; 4] = [
    Step::Call(2, SystemCall::Recv { endpoint: 0, reply: 0 }),
    Step::Deed(Deed::Unbind { context: 2 }),
    Step::Call(1, SystemCall::Recv { endpoint: 1, reply: 1 }),
    Step::Deed(Deed::Unbind { context: 1 }),
];

/// A thread of small budget, whose faults and ends of time the first of these servers is told.
const WATCHED: [Step; 3] = [
    Step::Deed(Deed::Configure { context: 0, parameters: 1 }),
    Step::Deed(Deed::HandleFaults { thread: 0, handler: Some(Handler { endpoint: 0, badge: 1 }) }),
    Step::Deed(Deed::HandleTimeouts { thread: 0, handler: Some(Handler { endpoint: 0, badge: 2 }) }),
];

fn any_life() -> impl Strategy<Value = Vec<Step>> {
    let steps = proptest::collection::vec(any_step(), 1..100);
    (0..=PASSIVE_SERVERS.len() / 2, any::<bool>(), steps).prop_map(|(servers, watched, steps)| {
        let watched = if watched { &WATCHED[..] } else { &[] };
        [&PASSIVE_SERVERS[..2 * servers], watched, &steps].concat()
    })
}

impl World {
    fn new() -> Self {
        let root = Root::new();
        let idle = root.thread(IDLE, 0, Some((1000, 1000)));
        root.ok(IDLE, Label::TCBResume, &[], &[]);
        let accounts = std::array::from_fn(|_| Account::new(PARAMETERS[0], 0));
        let world = Self { root, model: Model::new(LOW), accounts, idle, label: 1 };
        let root = &world.root;
        root.retype(ObjectType::Notification, 0, ALARM, 1);
        root.ok(IRQ_CONTROL, Label::IRQIssueIRQHandler, &[ALARM_IRQ.into(), ALARM_HANDLER, 64], &[CNODE]);
        root.ok(ALARM_HANDLER, Label::IRQSetIRQHandler, &[], &[ALARM]);
        for i in 0..THREADS {
            root.thread(thread_slot(i), LOW, Some((PARAMETERS[0].budget, PARAMETERS[0].period)));
            root.ok(thread_slot(i), Label::TCBResume, &[], &[]);
        }
        (0..ENDPOINTS).for_each(|i| world.make(ObjectType::Endpoint, endpoint_slot(i)));
        (0..NOTIFICATIONS).for_each(|i| world.make(ObjectType::Notification, notification_slot(i)));
        root.retype(ObjectType::Reply, 0, reply_slot(0), REPLIES as u64);
        world
    }

    /// Makes an object and its badged capabilities.
    fn make(&self, object: ObjectType, slot: u64) {
        self.root.retype(object, 0, slot, 1);
        BADGES.iter().for_each(|badge| self.root.mint(slot, slot + badge, *badge));
    }

    fn remake(&self, object: ObjectType, slot: u64) {
        self.root.revoke(slot);
        self.root.delete(slot);
        self.make(object, slot);
    }

    fn remake_thread(&self, i: usize) {
        let slot = thread_slot(i);
        self.root.delete(slot);
        self.root.retype(ObjectType::Tcb, 0, slot, 1);
        self.root.ok(slot, Label::TCBConfigure, &[ROOT_DATA, 0, 0x20_0000], &[CNODE, VSPACE, slot + 1]);
        self.set_priority(i, self.model.threads[i].priority);
    }

    fn set_priority(&self, thread: usize, priority: u8) {
        self.root.ok(thread_slot(thread), Label::TCBSetPriority, &[u64::from(priority)], &[TCB]);
    }

    fn tcb(&self, i: usize) -> Ref<Tcb> {
        let Cap::Thread { addr } = self.root.cap(thread_slot(i)) else { panic!("no thread") };
        Ref::at(addr)
    }

    fn context(&self, i: usize) -> Ref<SchedContext> {
        let Cap::SchedContext { addr, .. } = self.root.cap(context_slot(i)) else { panic!("no context") };
        Ref::at(addr)
    }

    fn endpoint(&self, i: usize) -> Ref<Endpoint> {
        let Cap::Endpoint { addr, .. } = self.root.cap(endpoint_slot(i)) else { panic!("no endpoint") };
        Ref::at(addr)
    }

    fn notification(&self, i: usize) -> Ref<Notification> {
        let Cap::Notification { addr, .. } = self.root.cap(notification_slot(i)) else { panic!("no notification") };
        Ref::at(addr)
    }

    fn reply(&self, i: usize) -> Ref<Reply> {
        let Cap::Reply { addr, .. } = self.root.cap(reply_slot(i)) else { panic!("no reply object") };
        Ref::at(addr)
    }

    /// Whether the kernel allows a deed; objects are made anew where it is that.
    fn deed(&self, deed: Deed) -> bool {
        let invoke = |slot, label, words: &[u64], caps: &[u64]| self.root.call(slot, label, words, caps).label == 0;
        let (thread, context, notification) = (thread_slot, context_slot, notification_slot);
        match deed {
            Deed::Suspend { thread: t } => invoke(thread(t), Label::TCBSuspend, &[], &[]),
            Deed::Resume { thread: t } => invoke(thread(t), Label::TCBResume, &[], &[]),
            Deed::Write { thread: t, pc } => invoke(thread(t), Label::TCBWriteRegisters, &[0, 1, pc], &[]),
            Deed::SetPriority { thread: t, priority } => {
                invoke(thread(t), Label::TCBSetPriority, &[u64::from(priority)], &[TCB])
            }
            Deed::Bind { context: c, thread: t } => invoke(context(c), Label::SchedContextBind, &[], &[thread(t)]),
            Deed::BindNotification { context: c, notification: n } => {
                invoke(context(c), Label::SchedContextBind, &[], &[notification(n)])
            }
            Deed::Unbind { context: c } => invoke(context(c), Label::SchedContextUnbind, &[], &[]),
            Deed::UnbindThread { context: c, thread: t } => {
                invoke(context(c), Label::SchedContextUnbindObject, &[], &[thread(t)])
            }
            Deed::UnbindNotification { context: c, notification: n } => {
                invoke(context(c), Label::SchedContextUnbindObject, &[], &[notification(n)])
            }
            Deed::Attach { thread: t, notification: n } => {
                invoke(thread(t), Label::TCBBindNotification, &[], &[notification(n)])
            }
            Deed::Detach { thread: t } => invoke(thread(t), Label::TCBUnbindNotification, &[], &[]),
            Deed::CancelSends { endpoint, badge } => {
                invoke(CNODE, Label::CNodeCancelBadgedSends, &[endpoint_slot(endpoint) + badge, 64], &[])
            }
            Deed::HandleFaults { thread: t, handler } => {
                invoke(thread(t), Label::TCBSetSpace, &[ROOT_DATA, 0], &[handler_slot(handler), CNODE, VSPACE])
            }
            Deed::HandleTimeouts { thread: t, handler } => {
                invoke(thread(t), Label::TCBSetTimeoutEndpoint, &[], &[handler_slot(handler)])
            }
            Deed::Configure { context: c, parameters } => {
                let new = PARAMETERS[parameters];
                let flags = if new.sporadic { SCHED_CONTEXT_SPORADIC } else { 0 };
                let words = [new.budget, new.period, new.extra_refills, 7, flags];
                invoke(SCHED_CONTROL, Label::SchedControlConfigureFlags, &words, &[context(c)])
            }
            _ => {
                match deed {
                    Deed::RemakeEndpoint { endpoint } => self.remake(ObjectType::Endpoint, endpoint_slot(endpoint)),
                    Deed::RemakeNotification { notification } => {
                        self.remake(ObjectType::Notification, notification_slot(notification));
                    }
                    Deed::RemakeReply { reply } => {
                        self.root.delete(reply_slot(reply));
                        self.root.retype(ObjectType::Reply, 0, reply_slot(reply), 1);
                    }
                    Deed::RemakeThread { thread } => self.remake_thread(thread),
                    other => unreachable!("{other:?} makes nothing"),
                }
                true
            }
        }
    }

    /// Lets a thread make a system call: it gets the highest priority for that.
    fn call(&mut self, thread: usize, call: SystemCall, label: u64) {
        let (root, tcb) = (&self.root, self.tcb(thread));
        let raise =
            start(root.tcb, Syscall::Call, thread_slot(thread), Label::TCBSetPriority as u64, &[HIGH.into()], &[TCB]);
        assert_eq!(raise, tcb, "a thread of the highest priority runs");
        let next = trap(tcb, call, label);
        let low = u64::from(self.model.threads[thread].priority);
        if next == tcb {
            // It overwrites what it got, which is looked at before.
            self.compare_message(thread);
            self.model.threads[thread].got = (None, None);
            let own = start(tcb, Syscall::Call, thread_slot(thread), Label::TCBSetPriority as u64, &[low], &[TCB]);
            assert_eq!(own, root.tcb);
        } else {
            assert_eq!(next, root.tcb, "nobody else is ahead");
            self.set_priority(thread, low as u8);
        }
    }

    fn both(&mut self, deed: Deed) {
        let allowed = self.model.deed(deed);
        assert_eq!(self.deed(deed), allowed, "{deed:?}");
        if let Deed::Configure { context, parameters } = deed {
            self.accounts[context] = Account::new(PARAMETERS[parameters], machine().now.get());
        }
    }

    /// Whether a context can be used now, as the kernel's refills have it; what they allow is held against the account.
    fn has_time(&self, context: usize) -> bool {
        SchedContext::has_time(self.context(context), machine().now.get())
    }

    /// Tells the model what it cannot know.
    fn look_at_the_clock(&mut self) {
        let now = machine().now.get();
        for i in 0..THREADS {
            let has_time = self.has_time(i);
            assert!(has_time || !self.accounts[i].must_have_time(now), "context {i} has no time at {now}");
            self.model.contexts[i].has_time = has_time;
        }
    }

    /// Lets time pass while the root thread waits: whoever has the highest priority of those that have time runs.
    fn pass(&mut self, ticks: u64) {
        let end = machine().now.get() + ticks;
        let mut running = receive(self.root.tcb, Syscall::Wait, ALARM, 0);
        for _ in 0..=MOST_EVENTS {
            self.look_at_the_clock();
            let number = self.number_of_highest(running);
            let start = machine().now.get();
            let next = machine().deadline.get();
            let stop = next.clamp(start, end);
            machine().now.set(stop);
            let context = number.and_then(|number| self.model.threads[number].context);
            if let Some(context) = context {
                self.accounts[context].run(start, stop);
            }
            if next > end {
                machine().pending.borrow_mut().push_back(ALARM_IRQ);
                assert_eq!(trap::interrupt(), self.root.tcb, "the alarm wakes the root thread");
                self.root.ok(ALARM_HANDLER, Label::IRQAckIRQ, &[], &[]);
                return self.look_at_the_clock();
            }
            running = trap::interrupt();
            self.look_at_the_clock();
            if let (Some(thread), Some(context)) = (number, context)
                && self.accounts[context].is_bounded()
                && !self.model.contexts[context].has_time
            {
                self.model.time_ended(thread);
            }
            self.compare();
        }
        panic!("the timer fires without end");
    }

    /// The thread that runs, unless it is the idle one, and none has a higher priority and time.
    fn number_of_highest(&self, running: Ref<Tcb>) -> Option<usize> {
        let number = (0..THREADS).find(|i| self.tcb(*i) == running);
        assert!(number.is_some() || running == self.idle.tcb, "a stranger runs");
        assert!(number.is_none_or(|i| self.model.can_run(i) && self.model.has_time(i)), "{number:?} cannot run");
        for other in (0..THREADS).filter(|i| self.model.can_run(*i) && self.model.has_time(*i)) {
            let priority = self.model.threads[other].priority;
            assert!(priority <= running.priority.get(), "thread {other} goes before {number:?}");
        }
        number
    }

    fn step(&mut self, step: Step) {
        self.model.threads.iter_mut().for_each(|thread| thread.got = (None, None));
        self.look_at_the_clock();
        match step {
            Step::Call(number, call) => {
                let able: Vec<usize> =
                    (0..THREADS).filter(|thread| self.model.can_run(*thread) && self.model.has_time(*thread)).collect();
                if let Some(&thread) = able.get(number % able.len().max(1)) {
                    self.label += 1;
                    // A fault's answer with another label than 0 stops the thread.
                    let label = if self.label.is_multiple_of(2) { self.label } else { 0 };
                    self.model.call(thread, call, label);
                    self.call(thread, call, label);
                }
            }
            Step::Deed(deed) => self.both(deed),
            Step::Aimed(deed) => self.both(self.model.aim(deed)),
            Step::Pass(ticks) => self.pass(ticks),
        }
        (0..THREADS).for_each(|thread| self.compare_message(thread));
        self.compare();
        self.check();
    }

    /// What a thread got in this step.
    fn compare_message(&self, thread: usize) {
        let (badge, label) = self.model.threads[thread].got;
        let registers = &self.tcb(thread).regs.x;
        if let Some(badge) = badge {
            assert_eq!(registers[register::CAP].get(), badge, "badge of thread {thread}");
        }
        if let Some(label) = label {
            assert_eq!(MessageInfo(registers[register::INFO].get()).label(), label, "label of thread {thread}");
        }
    }

    fn state(&self, thread: usize) -> tcb::State {
        let endpoint = |i| self.endpoint(i);
        match self.model.threads[thread].state {
            State::Inactive => tcb::State::Inactive,
            State::Running => tcb::State::Running,
            State::Receiving { endpoint: e, reply } => tcb::State::BlockedOnReceive {
                endpoint: endpoint(e),
                reply: reply.map(|reply| self.reply(reply)),
                grant: true,
            },
            State::Sending { endpoint: e, badge, call } => tcb::State::BlockedOnSend(tcb::Sending {
                endpoint: endpoint(e),
                badge,
                grant: true,
                grant_reply: true,
                call,
            }),
            State::AwaitingReply { reply } => tcb::State::BlockedOnReply { reply: self.reply(reply) },
            State::AwaitingSignal { notification } => {
                tcb::State::BlockedOnNotification { notification: self.notification(notification) }
            }
        }
    }

    /// The kernel's state is the model's.
    fn compare(&self) {
        for (i, thread) in self.model.threads.iter().enumerate() {
            let tcb = self.tcb(i);
            assert_eq!(tcb.state.get(), self.state(i), "state of thread {i}");
            assert_eq!(tcb.priority.get(), thread.priority, "priority of thread {i}");
            assert_eq!(tcb.sched_context.get(), thread.context.map(|c| self.context(c)), "time of thread {i}");
            let notification = thread.notification.map(|n| self.notification(n));
            assert_eq!(tcb.notification.get(), notification, "notification of thread {i}");
            assert!(
                thread.pc.is_none_or(|pc| tcb.regs.pc.get() == pc),
                "thread {i} does not go on where it is told to"
            );
        }
        for (i, model) in self.model.contexts.iter().enumerate() {
            let context = self.context(i);
            assert_eq!(context.tcb.get(), model.thread.map(|t| self.tcb(t)), "thread of context {i}");
            let notification = model.notification.map(|n| self.notification(n));
            assert_eq!(context.notification.get(), notification, "notification of context {i}");
            assert_eq!(context.reply.get(), model.chain.last().map(|r| self.reply(*r)), "calls of context {i}");
        }
        for (i, model) in self.model.notifications.iter().enumerate() {
            let notification = self.notification(i);
            assert_eq!(notification.is_active(), model.word.is_some(), "signals of notification {i}");
            assert_eq!(notification.has_waiting(), !model.queue.is_empty(), "queue of notification {i}");
            assert_eq!(notification.bound.get(), model.bound.map(|t| self.tcb(t)), "thread of notification {i}");
            let context = model.context.map(|c| self.context(c));
            assert_eq!(notification.sched_context.get(), context, "time of notification {i}");
        }
        for (i, thread) in self.model.replies.iter().enumerate() {
            assert_eq!(self.reply(i).tcb.get(), thread.map(|t| self.tcb(t)), "thread of reply object {i}");
        }
    }

    /// What must hold whatever the model says: who can run is in a queue once, who cannot is in none, and threads know it;
    /// those that wait for time are in order; budgets are whole; the derivation trees and the untyped hold together.
    fn check(&self) {
        let cpu = cpu::this();
        assert_eq!(cpu.current.get(), Some(self.root.tcb));
        let ready: Vec<Ref<Tcb>> = cpu.ready.iter().flat_map(|queues| queues.iter()).collect();
        let released: Vec<Ref<Tcb>> = cpu.release.iter().collect();
        for i in 0..THREADS {
            let tcb = self.tcb(i);
            let times = ready.iter().chain(&released).filter(|other| **other == tcb).count();
            assert_eq!(times, usize::from(self.model.can_run(i)), "queues of thread {i}");
            let queues = (tcb.in_ready_queue.get(), tcb.in_release_queue.get());
            assert_eq!(queues, (ready.contains(&tcb), released.contains(&tcb)), "queues that thread {i} knows of");
            let context = self.context(i);
            let (time, budget) = (SchedContext::account(context), self.accounts[i].parameters.budget);
            let matches = if context.is_round_robin() { time <= budget } else { time == budget };
            assert!(matches, "context {i} has {time} ticks of {budget}");
        }
        let is_known = |tcb| tcb == self.idle.tcb || (0..THREADS).any(|i| self.tcb(i) == tcb);
        assert!(ready.iter().chain(&released).all(|tcb| is_known(*tcb)), "a stranger");
        assert!(released.iter().is_sorted_by_key(|tcb| tcb.sched_context.get().map(SchedContext::due)), "out of order");
        check_trees(&self.root, SLOTS);
    }
}

/// A thread's system call, or fault; comes back with the thread that runs then.
fn trap(tcb: Ref<Tcb>, call: SystemCall, label: u64) -> Ref<Tcb> {
    let Some((number, first, registers)) = registers(call) else {
        return trap::fault(tcb, Fault::UserException { number: 0, code: 0 });
    };
    tcb.regs.x[register::INFO].set(MessageInfo::new(label, 0, 0, 0).0);
    tcb.regs.x[register::CAP].set(first);
    for (index, value) in registers {
        tcb.regs.x[index].set(value);
    }
    tcb.regs.x[register::NUMBER].set(number as i64 as u64);
    tcb.regs.pc.set(tcb.regs.pc.get() + 4);
    trap::syscall(tcb)
}

/// Numbers and values of registers.
type OtherRegisters = Vec<(usize, u64)>;

/// A system call's number, x0, and other registers; a fault has none.
fn registers(call: SystemCall) -> Option<(Syscall, u64, OtherRegisters)> {
    let endpoint = |i, badge| endpoint_slot(i) + badge;
    let reply = |i| vec![(register::REPLY, reply_slot(i))];
    Some(match call {
        SystemCall::Send { endpoint: e, badge } => (Syscall::Send, endpoint(e, badge), vec![]),
        SystemCall::NBSend { endpoint: e, badge } => (Syscall::NBSend, endpoint(e, badge), vec![]),
        SystemCall::Call { endpoint: e, badge } => (Syscall::Call, endpoint(e, badge), vec![]),
        SystemCall::Recv { endpoint: e, reply: r } => (Syscall::Recv, endpoint(e, 0), reply(r)),
        SystemCall::NBRecv { endpoint: e, reply: r } => (Syscall::NBRecv, endpoint(e, 0), reply(r)),
        SystemCall::Receive { endpoint: e } => (Syscall::Wait, endpoint(e, 0), vec![]),
        SystemCall::Reply { reply } => (Syscall::Send, reply_slot(reply), vec![]),
        SystemCall::ReplyRecv { endpoint: e, reply: r } => (Syscall::ReplyRecv, endpoint(e, 0), reply(r)),
        SystemCall::NBSendRecv { to, badge, endpoint: e, reply: r } => {
            let mut registers = reply(r);
            registers.push((register::SEND_RECV_DEST, endpoint(to, badge)));
            (Syscall::NBSendRecv, endpoint(e, 0), registers)
        }
        SystemCall::Signal { notification, badge } => (Syscall::Send, notification_slot(notification) + badge, vec![]),
        SystemCall::Wait { notification } => (Syscall::Wait, notification_slot(notification), vec![]),
        SystemCall::Poll { notification } => (Syscall::NBWait, notification_slot(notification), vec![]),
        SystemCall::Fault => return None,
    })
}

proptest! {
    // A failure is kept by turning it into a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_does_what_the_model_does(steps in any_life()) {
        go_through(&steps);
    }
}

/// Lets a world go through these steps.
fn go_through(steps: &[Step]) {
    let mut world = World::new();
    steps.iter().for_each(|step| world.step(*step));
}

#[test]
fn a_poll_does_not_give_the_notifications_time_back() {
    go_through(&[
        Step::Deed(Deed::Attach { thread: 1, notification: 0 }),
        Step::Deed(Deed::BindNotification { context: 1, notification: 0 }),
        Step::Call(1, SystemCall::NBRecv { endpoint: 0, reply: 0 }),
        Step::Call(1, SystemCall::Recv { endpoint: 0, reply: 0 }),
    ]);
}

#[test]
fn lent_time_does_not_go_back_to_a_caller_that_has_other_time() {
    go_through(&[
        Step::Call(1, SystemCall::Recv { endpoint: 0, reply: 0 }),
        Step::Deed(Deed::Unbind { context: 1 }),
        Step::Call(0, SystemCall::Call { endpoint: 0, badge: 1 }),
        Step::Deed(Deed::Bind { context: 1, thread: 0 }),
        Step::Deed(Deed::UnbindThread { context: 0, thread: 1 }),
    ]);
}

#[test]
fn a_fault_that_could_not_be_told_is_over_when_the_thread_is_resumed() {
    go_through(&[
        Step::Deed(Deed::HandleFaults { thread: 0, handler: Some(Handler { endpoint: 0, badge: 1 }) }),
        Step::Call(0, SystemCall::Fault),
        Step::Deed(Deed::RemakeEndpoint { endpoint: 0 }),
        Step::Deed(Deed::Resume { thread: 0 }),
        Step::Call(1, SystemCall::Recv { endpoint: 1, reply: 0 }),
        Step::Call(0, SystemCall::Send { endpoint: 1, badge: 1 }),
    ]);
}

#[test]
fn the_end_of_a_budget_is_told_and_answered() {
    go_through(&[
        Step::Deed(Deed::Configure { context: 0, parameters: 1 }),
        Step::Deed(Deed::HandleTimeouts { thread: 0, handler: Some(Handler { endpoint: 0, badge: 1 }) }),
        Step::Call(1, SystemCall::Recv { endpoint: 0, reply: 0 }),
        Step::Deed(Deed::SetPriority { thread: 0, priority: 40 }),
        Step::Pass(150),
        Step::Call(0, SystemCall::Poll { notification: 0 }),
        Step::Call(0, SystemCall::Reply { reply: 0 }),
        Step::Pass(1000),
    ]);
}
