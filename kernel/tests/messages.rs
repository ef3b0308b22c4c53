//! Messages, calls, replies, signals and faults between threads, through system calls.

mod common;

use common::{CNODE, FREE, Root, TCB, Thread, pass, receive, start};
use quoll_kernel::arch::machine;
use quoll_kernel::cpu;
use quoll_kernel::ipc;
use quoll_kernel::object::tcb::State;
use quoll_kernel::{fault::Fault, trap};
use sel4_abi::fault::FaultTag;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

const ENDPOINT: u64 = FREE;
const REPLY: u64 = FREE + 1;
const NOTIFICATION: u64 = FREE + 2;
const CLIENT: u64 = FREE + 10;
const SERVER: u64 = FREE + 20;

fn objects(root: &Root) {
    root.retype(ObjectType::Endpoint, 0, ENDPOINT, 1);
    root.retype(ObjectType::Reply, 0, REPLY, 1);
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
}

/// Resumes a thread of higher priority, which then runs.
fn resume(root: &Root, thread: Thread) {
    let next = start(root.tcb, Syscall::Call, thread.cptr, Label::TCBResume as u64, &[], &[]);
    assert_eq!(next, thread.tcb);
}

/// A server that waits on the endpoint, on its own time or none.
fn waiting_server(root: &Root, passive: bool) -> Thread {
    let server = root.thread(SERVER, 200, Some((1000, 1000)));
    resume(root, server);
    let next = receive(server.tcb, Syscall::Recv, ENDPOINT, REPLY);
    assert_eq!(next, root.tcb);
    if passive {
        root.ok(SERVER + 2, Label::SchedContextUnbind, &[], &[]);
    }
    server
}

#[test]
fn a_call_to_a_passive_server_runs_on_the_callers_time_and_comes_back() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, true);
    root.mint(ENDPOINT, FREE + 3, 42);
    let context = root.tcb.sched_context.get();
    let next = start(root.tcb, Syscall::Call, FREE + 3, 5, &[1, 2, 3, 4, 5, 6], &[]);
    assert_eq!(next, server.tcb);
    assert_eq!(server.tcb.sched_context.get(), context, "donated");
    assert_eq!(server.tcb.regs.x[0].get(), 42, "badge");
    assert_eq!(MessageInfo(server.tcb.regs.x[1].get()), MessageInfo::new(5, 0, 0, 6));
    assert_eq!((0..6).map(|i| ipc::mr(server.tcb, i)).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    server.tcb.regs.x[1].set(MessageInfo::new(9, 0, 0, 1).0);
    server.tcb.regs.x[2].set(77);
    assert_eq!(receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(root.answer().label, 9);
    assert_eq!(root.answer().words, [77]);
    assert_eq!(root.tcb.sched_context.get(), context, "returned");
    assert_eq!(server.tcb.sched_context.get(), None);
    assert!(matches!(server.tcb.state.get(), State::BlockedOnReceive { .. }));
}

#[test]
fn an_active_server_keeps_its_own_time() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, false);
    let own = server.tcb.sched_context.get();
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 1, &[], &[]), server.tcb);
    assert_eq!(server.tcb.sched_context.get(), own);
    server.tcb.regs.x[1].set(0);
    assert_eq!(receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY), root.tcb);
}

#[test]
fn capabilities_travel_with_the_grant_right() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, true);
    let buffer = server.tcb.buffer().unwrap();
    for (word, value) in [(125, CNODE), (126, FREE + 40), (127, 64)] {
        buffer.set(word, value);
    }
    start(root.tcb, Syscall::Call, ENDPOINT, 0, &[], &[NOTIFICATION]);
    assert_eq!(MessageInfo(server.tcb.regs.x[1].get()).extra_caps(), 1);
    assert!(matches!(root.cap(FREE + 40), quoll_kernel_core::cap::Cap::Notification { .. }));
    assert!(root.slot(FREE + 40).is_descendant_of(&root.slot(NOTIFICATION)));
}

#[test]
fn signals_accumulate_and_wake() {
    let root = Root::new();
    objects(&root);
    root.mint(NOTIFICATION, FREE + 3, 1);
    root.mint(NOTIFICATION, FREE + 4, 4);
    start(root.tcb, Syscall::Send, FREE + 3, 0, &[], &[]);
    start(root.tcb, Syscall::Send, FREE + 4, 0, &[], &[]);
    receive(root.tcb, Syscall::NBWait, NOTIFICATION, 0);
    assert_eq!(root.tcb.regs.x[0].get(), 5);
    receive(root.tcb, Syscall::NBWait, NOTIFICATION, 0);
    assert_eq!(root.tcb.regs.x[0].get(), 0);
    let waiter = root.thread(CLIENT, 200, Some((1000, 1000)));
    resume(&root, waiter);
    assert_eq!(receive(waiter.tcb, Syscall::Wait, NOTIFICATION, 0), root.tcb);
    assert_eq!(start(root.tcb, Syscall::Send, FREE + 3, 0, &[], &[]), waiter.tcb);
    assert_eq!(waiter.tcb.regs.x[0].get(), 1);
}

#[test]
fn a_bound_notification_reaches_a_thread_that_waits_for_messages() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, false);
    root.ok(SERVER, Label::TCBBindNotification, &[], &[NOTIFICATION]);
    root.mint(NOTIFICATION, FREE + 3, 8);
    assert_eq!(start(root.tcb, Syscall::Send, FREE + 3, 0, &[], &[]), server.tcb);
    assert_eq!(server.tcb.regs.x[0].get(), 8);
    // The reply object is free again: the next receive uses it.
    assert_eq!(receive(server.tcb, Syscall::Recv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 3, &[], &[]), server.tcb);
}

#[test]
fn a_passive_server_gets_the_notifications_time_and_gives_it_back() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, true);
    root.ok(SERVER, Label::TCBBindNotification, &[], &[NOTIFICATION]);
    root.ok(SERVER + 2, Label::SchedContextBind, &[], &[NOTIFICATION]);
    root.mint(NOTIFICATION, FREE + 3, 8);
    assert_eq!(start(root.tcb, Syscall::Send, FREE + 3, 0, &[], &[]), server.tcb);
    assert!(server.tcb.sched_context.get().is_some());
    assert_eq!(receive(server.tcb, Syscall::Recv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(server.tcb.sched_context.get(), None);
}

fn with_handler(root: &Root) -> Thread {
    let faulty = root.thread(CLIENT, 50, Some((1000, 1000)));
    let data = sel4_abi::message::CNodeCapData { guard: 0, guard_size: 52 }.to_word();
    root.mint(ENDPOINT, FREE + 5, 99);
    root.ok(CLIENT, Label::TCBSetSpace, &[data, 0], &[FREE + 5, CNODE, common::VSPACE]);
    root.ok(CLIENT, Label::TCBResume, &[], &[]);
    faulty
}

#[test]
fn a_fault_is_told_and_answered() {
    let root = Root::new();
    objects(&root);
    let faulty = with_handler(&root);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), faulty.tcb);
    faulty.tcb.regs.pc.set(0x4000);
    let fault = Fault::Vm { address: 0xdead, fsr: 0x92, instruction: false };
    assert_eq!(trap::fault(faulty.tcb, fault), root.tcb);
    assert_eq!(root.tcb.regs.x[0].get(), 99);
    let answer = root.answer();
    assert_eq!(answer.label, FaultTag::VMFault as u64);
    assert_eq!(answer.words, [0x4000, 0xdead, 0, 0x92]);
    root.tcb.regs.x[1].set(0);
    start(root.tcb, Syscall::Send, REPLY, 0, &[], &[]);
    assert_eq!(faulty.tcb.state.get(), State::Running);
    assert_eq!(faulty.tcb.regs.pc.get(), 0x4000);
}

#[test]
fn an_unknown_system_call_shows_and_takes_registers() {
    let root = Root::new();
    objects(&root);
    let faulty = with_handler(&root);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), faulty.tcb);
    faulty.tcb.regs.pc.set(0x4004);
    faulty.tcb.regs.x[3].set(33);
    faulty.tcb.regs.x[7].set(1234);
    assert_eq!(trap::syscall(faulty.tcb), root.tcb);
    let answer = root.answer();
    assert_eq!(answer.label, FaultTag::UnknownSyscall as u64);
    assert_eq!((answer.words[3], answer.words[8], answer.words[12]), (33, 0x4000, 1234));
    let mut words = answer.words.clone();
    words[0] = 111;
    words[8] = 0x4004;
    start(root.tcb, Syscall::Send, REPLY, 0, &words[..12], &[]);
    assert_eq!((faulty.tcb.regs.x[0].get(), faulty.tcb.regs.pc.get()), (111, 0x4004));
    assert_eq!(faulty.tcb.state.get(), State::Running);
}

#[test]
fn a_capability_that_is_missing_is_a_fault_of_a_blocking_call() {
    let root = Root::new();
    objects(&root);
    let faulty = with_handler(&root);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), faulty.tcb);
    // The CSpace's guard does not match.
    assert_eq!(start(faulty.tcb, Syscall::Send, 1 << 40, 0, &[], &[]), root.tcb);
    let answer = root.answer();
    assert_eq!(answer.label, FaultTag::CapFault as u64);
    assert_eq!(answer.words[1..4], [1 << 40, 0, 4]);
}

#[test]
fn a_message_goes_nowhere_when_a_capability_it_carries_is_missing() {
    let root = Root::new();
    objects(&root);
    root.retype(ObjectType::Endpoint, 0, FREE + 6, 1);
    let faulty = with_handler(&root);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), faulty.tcb);
    let gap = 1 << 40;
    // Who does not wait is not told.
    assert_eq!(start(faulty.tcb, Syscall::NBSend, ENDPOINT, 7, &[], &[gap]), faulty.tcb);
    assert!(matches!(root.tcb.state.get(), State::BlockedOnReceive { .. }), "sent");
    assert_eq!(start(faulty.tcb, Syscall::Send, FREE + 6, 7, &[], &[gap]), root.tcb);
    let answer = root.answer();
    assert_eq!(answer.label, FaultTag::CapFault as u64);
    assert_eq!(answer.words[1..4], [gap, 0, 4]);
}

#[test]
fn suspended_in_a_call_a_thread_starts_it_over() {
    let root = Root::new();
    objects(&root);
    let client = root.thread(CLIENT, 200, Some((1000, 1000)));
    client.tcb.regs.pc.set(0x1000);
    resume(&root, client);
    assert_eq!(start(client.tcb, Syscall::Call, ENDPOINT, 1, &[5], &[]), root.tcb);
    assert_eq!(client.tcb.regs.pc.get(), 0x1004);
    let regs = root.ok(CLIENT, Label::TCBReadRegisters, &[0, 36], &[]);
    assert_eq!(regs[0], 0x1000, "what is seen is the call's own address");
    root.ok(CLIENT, Label::TCBSuspend, &[], &[]);
    assert_eq!(client.tcb.regs.pc.get(), 0x1000);
    assert_eq!(client.tcb.state.get(), State::Inactive);
}

#[test]
fn a_deleted_reply_object_leaves_its_caller_inactive_and_returns_its_time() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, true);
    let client = root.thread(CLIENT, 150, Some((1000, 1000)));
    resume(&root, client);
    let context = client.tcb.sched_context.get();
    assert_eq!(start(client.tcb, Syscall::Call, ENDPOINT, 1, &[], &[]), server.tcb);
    assert_eq!(server.tcb.sched_context.get(), context);
    // The server deletes its own reply object: it has no time then, and the root thread goes on.
    let next = start(server.tcb, Syscall::Call, CNODE, Label::CNodeDelete as u64, &[REPLY, 64], &[]);
    assert_eq!(next, root.tcb);
    assert_eq!(client.tcb.state.get(), State::Inactive);
    assert_eq!(client.tcb.sched_context.get(), context);
}

#[test]
fn a_context_that_is_unbound_in_a_call_does_not_come_back() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, true);
    let client = root.thread(CLIENT, 150, Some((1000, 1000)));
    resume(&root, client);
    // The server has the higher priority, and suspends itself out of the way.
    assert_eq!(start(client.tcb, Syscall::Call, ENDPOINT, 0, &[], &[]), server.tcb);
    let next = start(server.tcb, Syscall::Call, server.cptr, Label::TCBSuspend as u64, &[], &[]);
    assert_eq!(next, root.tcb);
    root.ok(CLIENT + 2, Label::SchedContextUnbind, &[], &[]);
    root.ok(CLIENT + 2, Label::SchedContextBind, &[], &[server.cptr]);
    resume(&root, server);
    assert_eq!(receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(client.tcb.state.get(), State::Running, "answered");
    assert_eq!(client.tcb.sched_context.get(), None, "its time was taken for good");
    assert!(server.tcb.sched_context.get().is_some());
}

#[test]
fn the_middle_of_a_chain_of_calls_can_go() {
    let root = Root::new();
    objects(&root);
    const SECOND: u64 = FREE + 30;
    root.retype(ObjectType::Endpoint, 0, FREE + 6, 1);
    root.retype(ObjectType::Reply, 0, FREE + 7, 1);
    let middle = waiting_server(&root, true);
    let last = root.thread(SECOND, 210, Some((1000, 1000)));
    resume(&root, last);
    assert_eq!(receive(last.tcb, Syscall::Recv, FREE + 6, FREE + 7), root.tcb);
    root.ok(SECOND + 2, Label::SchedContextUnbind, &[], &[]);
    let context = root.tcb.sched_context.get();
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 0, &[], &[]), middle.tcb);
    assert_eq!(start(middle.tcb, Syscall::Call, FREE + 6, 0, &[], &[]), last.tcb);
    // The reply object of the first call goes: its caller is out, the time stays with the last.
    assert_eq!(start(last.tcb, Syscall::Call, CNODE, Label::CNodeDelete as u64, &[REPLY, 64], &[]), last.tcb);
    assert_eq!(root.tcb.state.get(), State::Inactive);
    assert_eq!(last.tcb.sched_context.get(), context);
    last.tcb.regs.x[1].set(0);
    assert_eq!(receive(last.tcb, Syscall::ReplyRecv, FREE + 6, FREE + 7), middle.tcb);
    assert_eq!(middle.tcb.sched_context.get(), context);
}

#[test]
fn an_interrupt_signals_and_stays_masked_until_acknowledged() {
    let root = Root::new();
    objects(&root);
    root.mint(NOTIFICATION, FREE + 3, 2);
    root.ok(common::IRQ_CONTROL, Label::IRQIssueIRQHandler, &[40, FREE + 4, 64], &[CNODE]);
    let twice = root.call(common::IRQ_CONTROL, Label::IRQIssueIRQHandler, &[40, FREE + 5, 64], &[CNODE]);
    assert_eq!(twice.label, sel4_abi::error::ErrorCode::RevokeFirst as u64);
    root.ok(FREE + 4, Label::IRQSetIRQHandler, &[], &[FREE + 3]);
    root.ok(FREE + 4, Label::IRQAckIRQ, &[], &[]);
    assert!(machine().unmasked.borrow().contains(&40));
    machine().pending.borrow_mut().push_back(40);
    assert_eq!(trap::interrupt(), root.tcb);
    assert!(!machine().unmasked.borrow().contains(&40));
    receive(root.tcb, Syscall::Wait, NOTIFICATION, 0);
    assert_eq!(root.tcb.regs.x[0].get(), 2);
    root.delete(FREE + 4);
    root.ok(common::IRQ_CONTROL, Label::IRQIssueIRQHandler, &[40, FREE + 5, 64], &[CNODE]);
}

#[test]
fn a_timeout_is_told() {
    let root = Root::new();
    objects(&root);
    let busy = root.thread(CLIENT, 50, Some((100, 1000)));
    root.mint(ENDPOINT, FREE + 5, 3);
    root.ok(CLIENT, Label::TCBSetTimeoutEndpoint, &[], &[FREE + 5]);
    root.ok(CLIENT, Label::TCBResume, &[], &[]);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), busy.tcb);
    assert_eq!(pass(150), Some(root.tcb));
    let answer = root.answer();
    assert_eq!(answer.label, FaultTag::Timeout as u64);
    assert_eq!(answer.words, [7, 100]);
}

#[test]
fn priorities_are_limited_by_the_authority() {
    let root = Root::new();
    root.tcb.mcp.set(120);
    let answer = root.call(TCB, Label::TCBSetPriority, &[121], &[TCB]);
    assert_eq!((answer.label, &answer.words[..]), (4, &[0, 120][..]));
    root.ok(TCB, Label::TCBSetPriority, &[120], &[TCB]);
    assert_eq!(cpu::this().current.get(), Some(root.tcb));
}

/// Writes the program counter of a thread, and another register, without resuming it.
fn write_pc_and_sp(root: &Root, thread: Thread, pc: u64) {
    root.ok(thread.cptr, Label::TCBWriteRegisters, &[0, 2, pc, 0x9000], &[]);
}

/// The program counter of a thread, as `TCB_ReadRegisters` tells it.
fn read_pc(root: &Root, thread: Thread) -> u64 {
    root.ok(thread.cptr, Label::TCBReadRegisters, &[0, 1], &[])[0]
}

#[test]
fn a_thread_whose_registers_are_written_waits_on_and_goes_on_there() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, false);
    let state = server.tcb.state.get();
    write_pc_and_sp(&root, server, 0x4000);
    assert_eq!(server.tcb.state.get(), state, "it waits");
    assert_eq!(read_pc(&root, server), 0x4000);
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 5, &[7], &[]), server.tcb);
    let registers = &server.tcb.regs;
    assert_eq!((registers.pc.get(), registers.sp.get(), registers.x[2].get()), (0x4000, 0x9000, 7));
    // The next system call that is taken from it starts over, as any.
    registers.x[1].set(0);
    assert_eq!(receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(registers.pc.get(), 0x4004);
    root.ok(SERVER, Label::TCBSuspend, &[], &[]);
    assert_eq!(registers.pc.get(), 0x4000);
}

#[test]
fn a_written_thread_that_is_taken_out_of_its_wait_goes_on_there() {
    let ends: [fn(&Root); 3] = [
        |root| root.ok(SERVER, Label::TCBSuspend, &[], &[]).clear(),
        |root| resume(root, root.thread_at(SERVER)),
        |root| root.ok(CNODE, Label::CNodeDelete, &[ENDPOINT, 64], &[]).clear(),
    ];
    for (number, end) in ends.iter().enumerate() {
        let root = Root::new();
        objects(&root);
        let server = waiting_server(&root, false);
        root.ok(SERVER, Label::TCBSetPriority, &[if number == 2 { 50 } else { 200 }], &[TCB]);
        write_pc_and_sp(&root, server, 0x4000);
        end(&root);
        assert!(!server.tcb.is_blocked());
        assert_eq!(server.tcb.regs.pc.get(), 0x4000, "end {number}");
    }
}

#[test]
fn a_thread_of_which_no_register_is_written_starts_its_system_call_over_when_its_wait_ends() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, false);
    let pc = read_pc(&root, server);
    root.ok(SERVER, Label::TCBWriteRegisters, &[0, 0], &[]);
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 0, &[], &[]), server.tcb);
    assert_eq!(server.tcb.regs.pc.get(), pc);
}

#[test]
fn a_sender_whose_registers_are_written_sends_what_they_hold_then() {
    let root = Root::new();
    objects(&root);
    let client = root.thread(CLIENT, 200, Some((1000, 1000)));
    resume(&root, client);
    assert_eq!(start(client.tcb, Syscall::Call, ENDPOINT, 1, &[5], &[]), root.tcb);
    let info = MessageInfo::new(2, 0, 0, 1).0;
    root.ok(CLIENT, Label::TCBWriteRegisters, &[0, 6, 0x4000, 0x9000, 0, 0, info, 6], &[]);
    assert_eq!(receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), root.tcb);
    assert_eq!(root.answer(), common::Answer { label: 2, words: vec![6] });
    // It waits for the answer, and goes on where it was told to.
    assert_eq!(start(root.tcb, Syscall::Send, REPLY, 0, &[], &[]), client.tcb);
    assert_eq!(client.tcb.regs.pc.get(), 0x4000);
}

#[test]
fn a_frame_that_is_copied_to_a_thread_in_a_system_call_leaves_it_waiting() {
    let root = Root::new();
    objects(&root);
    let server = waiting_server(&root, false);
    let source = root.thread(CLIENT, 50, Some((1000, 1000)));
    source.tcb.regs.pc.set(0x4000);
    let state = server.tcb.state.get();
    let (frame, integer) = (4, 8);
    let pc = server.tcb.regs.pc.get();
    root.ok(SERVER, Label::TCBCopyRegisters, &[integer], &[CLIENT]);
    assert_eq!((server.tcb.state.get(), server.tcb.regs.pc.get()), (state, pc));
    root.ok(SERVER, Label::TCBCopyRegisters, &[frame], &[CLIENT]);
    assert_eq!(server.tcb.state.get(), state);
    assert_eq!(start(root.tcb, Syscall::Call, ENDPOINT, 0, &[], &[]), server.tcb);
    assert_eq!(server.tcb.regs.pc.get(), 0x4000);
}
