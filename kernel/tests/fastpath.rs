//! The fast path through the kernel makes no difference: random exchanges between clients, servers and handlers end in the
//! same state with and without it.

mod common;

use common::{CNODE, FREE, Root, Thread, VSPACE, hardware, pass};
use proptest::prelude::*;
use quoll_kernel::fault::Fault;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::tcb::Tcb;
use quoll_kernel::{arch, cpu, trap};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::{CNodeCapData, MessageInfo};
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::{Syscall, register};

const ENDPOINTS: u64 = FREE;
const REPLIES: u64 = FREE + 4;
const NOTIFICATION: u64 = FREE + 8;
const THREADS: u64 = FREE + 16;
/// Slots of a thread: itself, its buffer, its context.
const STRIDE: u64 = 3;

/// Priority, and budget and period in microseconds (equal: round-robin) of those that are not passive. The last one never
/// waits, so that the machine does not sleep for ever.
const PARAMETERS: [(u8, Option<(u64, u64)>); 6] = [
    (50, Some((1000, 1000))),
    (60, Some((500, 2000))),
    (70, None),
    (80, Some((1000, 1000))),
    (70, None),
    (1, Some((1000, 1000))),
];

/// What the thread that runs does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A system call on endpoint or notification `cap`, with reply object `reply`.
    Call { call: Syscall, cap: u64, reply: u64, length: usize },
    /// It faults.
    Fault(u64),
    /// Time passes.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = prop_oneof![
        4 => Just(Syscall::Call),
        6 => Just(Syscall::ReplyRecv),
        2 => Just(Syscall::Recv),
        1 => Just(Syscall::Send),
        1 => Just(Syscall::NBSend),
        1 => Just(Syscall::Wait),
        1 => Just(Syscall::Yield),
    ];
    let cap = prop_oneof![8 => 0u64..3, 1 => Just(NOTIFICATION - ENDPOINTS)];
    let step = prop_oneof![
        20 => (call, cap, 0u64..3, 0usize..7).prop_map(|(call, cap, reply, length)| Step::Call { call, cap, reply, length }),
        2 => (0u64..3).prop_map(Step::Fault),
        2 => (0u64..3_000).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

fn start() -> (Root, Vec<Thread>) {
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, ENDPOINTS, 3);
    root.retype(ObjectType::Reply, 0, REPLIES, 3);
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let data = CNodeCapData { guard: 0, guard_size: 52 }.to_word();
    let threads: Vec<Thread> = (THREADS..)
        .step_by(STRIDE as usize)
        .zip(PARAMETERS)
        .map(|(slot, (priority, budget))| {
            let thread = root.thread(slot, priority, budget);
            root.ok(slot, Label::TCBSetSpace, &[data, 0], &[ENDPOINTS, CNODE, VSPACE]);
            thread
        })
        .collect();
    root.ok(threads[3].cptr, Label::TCBBindNotification, &[], &[NOTIFICATION]);
    // The passive ones wait first, on time that they are lent for it.
    for (index, thread) in threads.iter().enumerate().filter(|(index, _)| PARAMETERS[*index].1.is_none()) {
        let tcb = thread.tcb;
        root.retype(ObjectType::SchedContext, 8, thread.cptr + 2, 1);
        root.ok(common::SCHED_CONTROL, Label::SchedControlConfigureFlags, &[1000, 1000, 0, 7, 0], &[thread.cptr + 2]);
        root.ok(thread.cptr + 2, Label::SchedContextBind, &[], &[thread.cptr]);
        root.ok(thread.cptr, Label::TCBSetPriority, &[101], &[common::TCB]);
        assert_eq!(common::start(root.tcb, Syscall::Call, thread.cptr, Label::TCBResume as u64, &[], &[]), tcb);
        common::receive(tcb, Syscall::Recv, ENDPOINTS + index as u64 / 4, REPLIES + index as u64 / 4);
        root.ok(thread.cptr, Label::TCBSetPriority, &[u64::from(PARAMETERS[index].0)], &[common::TCB]);
        root.ok(thread.cptr + 2, Label::SchedContextUnbind, &[], &[]);
    }
    for thread in
        threads.iter().enumerate().filter(|(index, _)| PARAMETERS[*index].1.is_some()).map(|(_, thread)| thread)
    {
        root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    }
    (root, threads)
}

fn step(tcb: Ref<Tcb>, step: Step, round: u64) {
    match step {
        Step::Call { call, cap, reply, length } => {
            let registers = &tcb.regs;
            registers.x[register::CAP].set(ENDPOINTS + cap);
            registers.x[register::INFO].set(MessageInfo::new(round, 0, 0, length).0);
            registers.x[register::REPLY].set(REPLIES + reply);
            registers.x[register::NUMBER].set(call as i64 as u64);
            (0..length).for_each(|index| quoll_kernel::ipc::set_mr(tcb, index, round * 10 + index as u64));
            registers.pc.set(registers.pc.get() + 4);
            trap::syscall(tcb);
        }
        Step::Fault(address) => {
            trap::fault(tcb, Fault::Vm { address, fsr: round, instruction: false });
        }
        Step::Pass(ticks) => {
            pass(ticks);
        }
    }
}

/// What can be told of the threads; addresses differ from machine to machine, so objects are told by who is where.
fn state(threads: &[Thread]) -> Vec<String> {
    let number = |tcb: Ref<Tcb>| threads.iter().position(|thread| thread.tcb == tcb);
    let current = cpu::this().current.get().map(number);
    let ready = format!("{current:?} {:?}", cpu::this().queues().iter().map(number).collect::<Vec<_>>());
    let timer = format!("{} {}", hardware().now.get(), hardware().deadline.get());
    let threads = threads.iter().map(|thread| {
        let tcb = thread.tcb;
        let kind = format!("{:?}", tcb.state.get());
        let kind = kind.split([' ', '(']).next().unwrap_or_default().to_owned();
        let registers: Vec<u64> = tcb.regs.x.iter().map(|register| register.get()).collect();
        let context = tcb.sched_context.get().map(|context| (context.consumed.get(), context.reply.get().is_some()));
        format!(
            "{kind} {:?} {:?} {:x} {context:?} {}",
            tcb.fault.get(),
            registers,
            tcb.regs.pc.get(),
            tcb.in_release_queue.get()
        )
    });
    threads.chain([ready, timer]).collect()
}

fn play(steps: &[Step], fast_path: bool) -> Vec<Vec<String>> {
    let (root, threads) = start();
    hardware().fast_path.set(fast_path);
    // The root thread makes way.
    common::receive(root.tcb, Syscall::Recv, ENDPOINTS + 2, REPLIES + 2);
    let idle = threads.last().map(|thread| thread.tcb);
    let mut states = vec![state(&threads)];
    for (round, &what) in (1..).zip(steps) {
        let what = if cpu::this().current.get() == idle { Step::Pass(1000) } else { what };
        let tcb = cpu::this().current.get().expect("somebody runs");
        arch::machine().now.set(arch::machine().now.get() + 1);
        step(tcb, what, round);
        states.push(state(&threads));
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn makes_no_difference(steps in steps()) {
        let (slow, fast) = (play(&steps, false), play(&steps, true));
        for (index, (slow, fast)) in slow.iter().zip(&fast).enumerate() {
            prop_assert_eq!(slow, fast, "after step {}: {:?}", index, steps.get(index.wrapping_sub(1)));
        }
        prop_assert_eq!(slow.len(), fast.len());
    }
}
