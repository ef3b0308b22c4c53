//! The kernel against a reference model (`model`): random system calls of threads that share endpoints, notifications and
//! reply objects, and random deeds of a root thread that stops them, moves their time and makes objects anew. After each
//! step states, bindings and what arrived must agree, and the kernel's own structures must hold together.
//!
//! `PROPTEST_CASES=100000 cargo test -p quoll-kernel --test differential` looks longer.

mod common;
mod model;

use common::{CNODE, FREE, Root, TCB, VSPACE, check_list, start};
use model::{Deed, ENDPOINTS, Model, NOTIFICATIONS, REPLIES, State, SystemCall, THREADS};
use proptest::prelude::*;
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
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::{Syscall, register};

/// Priority of threads at first. The root thread's is 100, so that it runs whenever it can.
const LOW: u8 = 10;
/// Of the thread that is to make a system call.
const HIGH: u8 = 200;
const BUDGET: u64 = 1000;

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

/// The kernel and the model, side by side.
struct World {
    root: Root,
    model: Model,
    /// Label of the next message.
    label: u64,
}

fn any_call() -> impl Strategy<Value = SystemCall> {
    let (endpoint, reply, badge, notification) = (0..ENDPOINTS, 0..REPLIES, 0..=2u64, 0..NOTIFICATIONS);
    prop_oneof![
        1 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::Send { endpoint, badge }),
        1 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::NBSend { endpoint, badge }),
        3 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::Call { endpoint, badge }),
        3 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::Recv { endpoint, reply }),
        1 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::NBRecv { endpoint, reply }),
        1 => endpoint.clone().prop_map(|endpoint| SystemCall::Receive { endpoint }),
        2 => reply.clone().prop_map(|reply| SystemCall::Reply { reply }),
        2 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::ReplyRecv { endpoint, reply }),
        1 => (0..ENDPOINTS, badge.clone(), endpoint, reply)
            .prop_map(|(to, badge, endpoint, reply)| SystemCall::NBSendRecv { to, badge, endpoint, reply }),
        2 => (notification.clone(), badge).prop_map(|(notification, badge)| SystemCall::Signal { notification, badge }),
        1 => notification.clone().prop_map(|notification| SystemCall::Wait { notification }),
        1 => notification.prop_map(|notification| SystemCall::Poll { notification }),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let (thread, context, notification) = (0..THREADS, 0..THREADS, 0..NOTIFICATIONS);
    prop_oneof![
        1 => thread.clone().prop_map(|thread| Deed::Suspend { thread }),
        2 => thread.clone().prop_map(|thread| Deed::Resume { thread }),
        1 => (thread.clone(), 1..50u8).prop_map(|(thread, priority)| Deed::SetPriority { thread, priority }),
        4 => (context.clone(), thread.clone()).prop_map(|(context, thread)| Deed::Bind { context, thread }),
        4 => (context.clone(), notification.clone())
            .prop_map(|(context, notification)| Deed::BindNotification { context, notification }),
        1 => context.clone().prop_map(|context| Deed::Unbind { context }),
        2 => (context.clone(), thread.clone()).prop_map(|(context, thread)| Deed::UnbindThread { context, thread }),
        1 => (context, notification.clone())
            .prop_map(|(context, notification)| Deed::UnbindNotification { context, notification }),
        4 => (thread.clone(), notification.clone())
            .prop_map(|(thread, notification)| Deed::Attach { thread, notification }),
        1 => thread.clone().prop_map(|thread| Deed::Detach { thread }),
        1 => (0..ENDPOINTS, 1..=2u64).prop_map(|(endpoint, badge)| Deed::CancelSends { endpoint, badge }),
        1 => (0..ENDPOINTS).prop_map(|endpoint| Deed::RemakeEndpoint { endpoint }),
        1 => notification.prop_map(|notification| Deed::RemakeNotification { notification }),
        1 => (0..REPLIES).prop_map(|reply| Deed::RemakeReply { reply }),
        1 => thread.prop_map(|thread| Deed::RemakeThread { thread }),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A thread among those that can run.
    Call(usize, SystemCall),
    Deed(Deed),
    /// The same, aimed at what it can succeed with.
    Aimed(Deed),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..THREADS, any_call()).prop_map(|(thread, call)| Step::Call(thread, call)),
        1 => any_deed().prop_map(Step::Deed),
        2 => any_deed().prop_map(Step::Aimed),
    ]
}

/// Servers that wait on an endpoint each, without time of their own: chains of calls are rare otherwise.
const PASSIVE_SERVERS: [Step; 4] = [
    Step::Call(2, SystemCall::Recv { endpoint: 0, reply: 0 }),
    Step::Deed(Deed::Unbind { context: 2 }),
    Step::Call(1, SystemCall::Recv { endpoint: 1, reply: 1 }),
    Step::Deed(Deed::Unbind { context: 1 }),
];

fn any_life() -> impl Strategy<Value = Vec<Step>> {
    (0..=PASSIVE_SERVERS.len() / 2, proptest::collection::vec(any_step(), 1..100))
        .prop_map(|(servers, steps)| [&PASSIVE_SERVERS[..2 * servers], &steps].concat())
}

impl World {
    fn new() -> Self {
        let world = Self { root: Root::new(), model: Model::new(LOW), label: 1 };
        let root = &world.root;
        for i in 0..THREADS {
            root.thread(thread_slot(i), LOW, Some((BUDGET, BUDGET)));
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
        let data = CNodeCapData { guard: 0, guard_size: 52 }.to_word();
        self.root.ok(slot, Label::TCBConfigure, &[data, 0, 0x20_0000], &[CNODE, VSPACE, slot + 1]);
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
        let (number, first, registers) = registers(call);
        tcb.regs.x[register::INFO].set(MessageInfo::new(label, 0, 0, 0).0);
        tcb.regs.x[register::CAP].set(first);
        for (index, value) in registers {
            tcb.regs.x[index].set(value);
        }
        tcb.regs.x[register::NUMBER].set(number as i64 as u64);
        tcb.regs.pc.set(tcb.regs.pc.get() + 4);
        let next = trap::syscall(tcb);
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
    }

    fn step(&mut self, step: Step) {
        self.model.threads.iter_mut().for_each(|thread| thread.got = (None, None));
        match step {
            Step::Call(number, call) => {
                let able: Vec<usize> = (0..THREADS).filter(|thread| self.model.can_run(*thread)).collect();
                if let Some(&thread) = able.get(number % able.len().max(1)) {
                    self.label += 1;
                    self.model.call(thread, call, self.label);
                    self.call(thread, call, self.label);
                }
            }
            Step::Deed(deed) => self.both(deed),
            Step::Aimed(deed) => self.both(self.model.aim(deed)),
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

    /// What must hold whatever the model says: who can run is in a queue once, who cannot is in none; budgets are whole;
    /// the derivation list holds together.
    fn check(&self) {
        let cpu = cpu::this();
        assert_eq!(cpu.current.get(), Some(self.root.tcb));
        let ready: Vec<Ref<Tcb>> = cpu.ready.iter().flat_map(|queues| queues.iter()).collect();
        let released: Vec<Ref<Tcb>> = cpu.release.iter().collect();
        for i in 0..THREADS {
            let tcb = self.tcb(i);
            let times = ready.iter().chain(&released).filter(|other| **other == tcb).count();
            assert_eq!(times, usize::from(self.model.can_run(i)), "queues of thread {i}");
            let context = self.context(i);
            let (time, budget) = (SchedContext::account(context), context.budget.get());
            let matches = if context.is_round_robin() { time <= budget } else { time == budget };
            assert!(matches, "context {i} has {time} ticks of {budget}");
        }
        assert!(ready.iter().chain(&released).all(|tcb| (0..THREADS).any(|i| self.tcb(i) == *tcb)), "a stranger");
        check_list(self.root.slot(TCB));
    }
}

/// A system call's number, x0, and other registers.
fn registers(call: SystemCall) -> (Syscall, u64, Vec<(usize, u64)>) {
    let endpoint = |i, badge| endpoint_slot(i) + badge;
    let reply = |i| vec![(register::REPLY, reply_slot(i))];
    match call {
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
    }
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
