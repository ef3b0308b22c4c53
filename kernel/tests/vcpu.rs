//! Virtual CPUs through system calls: injection, registers, and waiting in the kernel. On the fake machine a guest's state
//! is in its object all the time.

mod common;

use common::{FREE, Root, TCB};
use quoll_kernel::fault::Fault;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::tcb::State;
use quoll_kernel::object::vcpu::{self, VCpu};
use quoll_kernel::trap;
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::gic::ListRegister;
use quoll_kernel_core::psr;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::ObjectType;
use sel4_abi::quoll::{vcpu_context, vcpu_flags, vcpu_reg};
use sel4_abi::syscall::Syscall;
use sel4_abi::vcpu::{ALL, NUM_REGS, VCpuReg};

const VCPU: u64 = 14;
const GUEST: u64 = FREE;
/// The fake GIC's.
const LIST_REGISTERS: u64 = 4;

fn machine() -> Root {
    let root = Root::new();
    root.retype(ObjectType::VCpu, 0, VCPU, 1);
    root
}

/// A machine with a thread, runnable on its own time but of low priority, that is the guest.
fn machine_with_guest() -> (Root, common::Thread, Ref<VCpu>) {
    let root = machine();
    let guest = root.thread(GUEST, 50, Some((10_000, 10_000)));
    root.ok(VCPU, Label::ARMVCPUSetTCB, &[], &[GUEST]);
    let Cap::VCpu { addr, .. } = root.cap(VCPU) else { panic!("no vCPU") };
    (root, guest, Ref::at(addr))
}

fn inject(root: &Root, intid: u64, priority: u64, group: u64, index: u64) -> common::Answer {
    root.call(VCPU, Label::ARMVCPUInjectIRQ, &[intid | priority << 16 | group << 24 | index << 32], &[])
}

fn read(root: &Root, register: u64) -> u64 {
    root.ok(VCPU, Label::ARMVCPUReadReg, &[register], &[])[0]
}

fn write(root: &Root, register: u64, value: u64) -> u64 {
    root.call(VCPU, Label::ARMVCPUWriteReg, &[register, value], &[]).label
}

#[test]
fn every_register_holds_what_was_written() {
    let root = machine();
    for register in ALL {
        assert_eq!(write(&root, register as u64, 0x1234_0000 + register as u64), 0);
    }
    for register in ALL {
        assert_eq!(read(&root, register as u64), 0x1234_0000 + register as u64);
    }
    for active in (0..8).map(|number| vcpu_reg::ACTIVE_0_BASE + number) {
        assert_eq!(write(&root, active, active), 0);
        assert_eq!(read(&root, active), active);
    }
    for unknown in [NUM_REGS as u64, 0x999, vcpu_reg::LR_BASE + LIST_REGISTERS, u64::MAX] {
        let answer = root.call(VCPU, Label::ARMVCPUReadReg, &[unknown], &[]);
        assert_eq!((answer.label, &answer.words[..]), (ErrorCode::InvalidArgument as u64, &[1][..]), "{unknown:#x}");
        assert_eq!(write(&root, unknown, 0), ErrorCode::InvalidArgument as u64);
    }
}

#[test]
fn an_interrupt_takes_a_list_register() {
    let root = machine();
    assert_eq!(inject(&root, 27, 4, 1, 2).label, 0);
    assert_eq!(read(&root, vcpu_reg::LR_BASE + 2), ListRegister::injected(27, 4, 1).0);
    assert_eq!(read(&root, vcpu_reg::ELRSR), 0b1011);
    assert_eq!(inject(&root, 28, 0, 0, 2).label, ErrorCode::DeleteFirst as u64);
    assert_eq!(write(&root, vcpu_reg::LR_BASE + 2, 0), 0);
    assert_eq!(inject(&root, 28, 0, 0, 2).label, 0);
}

#[test]
fn injections_out_of_range_say_the_range() {
    let root = machine();
    let cases = [
        ((1024, 0, 0, 0), 1023),
        ((1, 32, 0, 0), 31),
        ((1, 0, 2, 0), 1),
        ((1, 0, 0, LIST_REGISTERS), LIST_REGISTERS - 1),
    ];
    for ((intid, priority, group, index), max) in cases {
        let answer = inject(&root, intid, priority, group, index);
        assert_eq!((answer.label, &answer.words[..]), (ErrorCode::RangeError as u64, &[0, max][..]));
    }
    assert_eq!(read(&root, vcpu_reg::ELRSR), 0b1111, "nothing was injected");
}

#[test]
fn an_end_that_is_to_be_reported_shows() {
    let root = machine();
    assert_eq!(write(&root, vcpu_reg::LR_BASE + 1, ListRegister::END_MAINTENANCE | 40), 0);
    assert_eq!((read(&root, vcpu_reg::EISR), read(&root, vcpu_reg::MISR)), (0b10, 1));
    assert_eq!(write(&root, vcpu_reg::LR_BASE + 1, 0), 0);
    assert_eq!((read(&root, vcpu_reg::EISR), read(&root, vcpu_reg::MISR)), (0, 0));
}

#[test]
fn a_vmm_cannot_end_interrupts_that_are_not_its_guests() {
    let root = machine();
    let linked = |physical: u64| ListRegister::HARDWARE | 1 << 62 | physical << 32 | 40;
    let refused = root.call(VCPU, Label::ARMVCPUWriteReg, &[vcpu_reg::LR_BASE, linked(33)], &[]);
    assert_eq!((refused.label, &refused.words[..]), (ErrorCode::InvalidArgument as u64, &[2][..]));
    assert_eq!(read(&root, vcpu_reg::LR_BASE), 0);
    assert_eq!(write(&root, vcpu_reg::LR_BASE, linked(27)), 0, "the virtual timer is the vCPU's own");
}

#[test]
fn what_the_controller_is_can_be_read_and_flags_are_cut_to_those_there_are() {
    let root = machine();
    assert_eq!(read(&root, vcpu_reg::GIC_INFO), 3 | LIST_REGISTERS << 8 | 5 << 16);
    assert_eq!(write(&root, vcpu_reg::FLAGS, u64::MAX), 0);
    assert_eq!(read(&root, vcpu_reg::FLAGS), vcpu_flags::MASK);
    assert_eq!(write(&root, vcpu_reg::HCR, u64::MAX), 0);
    assert_eq!(read(&root, vcpu_reg::HCR), 0b1110);
    assert_eq!(write(&root, vcpu_reg::VMCR, 0xf800_0003), 0);
    assert_eq!(read(&root, vcpu_reg::VMCR), 0xf800_0003);
}

#[test]
fn only_the_timer_can_be_acknowledged() {
    let root = machine();
    assert_eq!(root.call(VCPU, Label::ARMVCPUAckVPPI, &[27], &[]).label, 0);
    let other = root.call(VCPU, Label::ARMVCPUAckVPPI, &[30], &[]);
    assert_eq!((other.label, &other.words[..]), (ErrorCode::InvalidArgument as u64, &[0][..]));
    assert_eq!(root.call(VCPU, Label::ARMVCPUSetTCB, &[], &[]).label, ErrorCode::TruncatedMessage as u64);
    assert_eq!(root.call(VCPU, Label::ARMVCPUSetTCB, &[], &[VCPU]).label, ErrorCode::IllegalOperation as u64);
}

#[test]
fn a_thread_and_a_vcpu_belong_to_each_other_alone() {
    let (root, guest, vcpu) = machine_with_guest();
    root.retype(ObjectType::VCpu, 0, VCPU + 1, 1);
    root.ok(VCPU + 1, Label::ARMVCPUSetTCB, &[], &[GUEST]);
    assert_eq!(vcpu.tcb.get(), None, "the thread left its first vCPU");
    let other = root.thread(GUEST + 8, 50, None);
    root.ok(VCPU + 1, Label::ARMVCPUSetTCB, &[], &[GUEST + 8]);
    assert_eq!(guest.tcb.vcpu.get(), None, "the vCPU left its first thread");
    assert!(other.tcb.vcpu.get().is_some());
    root.delete(VCPU + 1);
    assert_eq!(other.tcb.vcpu.get(), None);
}

#[test]
fn a_thread_that_is_no_guest_any_more_runs_at_el0() {
    let (root, guest, _) = machine_with_guest();
    // SPSR is the third register.
    root.ok(GUEST, Label::TCBWriteRegisters, &[0, 3, 0x8000, 0, psr::GUEST], &[]);
    assert_eq!(guest.tcb.regs.spsr.get(), psr::GUEST);
    root.delete(VCPU);
    assert_eq!(guest.tcb.regs.spsr.get(), psr::NATIVE);
    root.ok(GUEST, Label::TCBWriteRegisters, &[0, 3, 0x8000, 0, psr::GUEST], &[]);
    assert_eq!(guest.tcb.regs.spsr.get(), psr::NATIVE);
}

/// Lets the guest run and wait for an interrupt, with the root thread out of the way; comes back with who runs then.
fn wait(
    root: &Root,
    guest: common::Thread,
    vcpu: Ref<VCpu>,
    timer: Option<u64>,
) -> Ref<quoll_kernel::object::tcb::Tcb> {
    root.ok(GUEST, Label::TCBResume, &[], &[]);
    let raise = Label::TCBSetPriority as u64;
    let next = common::start(root.tcb, Syscall::Call, GUEST, raise, &[200], &[TCB]);
    assert_eq!(next, guest.tcb, "the guest is ahead now");
    vcpu::wait_for_interrupt(guest.tcb, vcpu, timer)
}

/// As [`Root::ok`] while the guest has a higher priority: it may run when the call is done.
fn call(root: &Root, label: Label, words: &[u64]) {
    common::start(root.tcb, Syscall::Call, VCPU, label as u64, words, &[]);
    assert_eq!(root.answer().label, 0, "{label:?}");
}

#[test]
fn a_guest_that_waits_wakes_with_an_interrupt() {
    let (root, guest, vcpu) = machine_with_guest();
    assert_eq!(wait(&root, guest, vcpu, None), root.tcb);
    assert_eq!(guest.tcb.state.get(), State::WaitingForInterrupt);
    call(&root, Label::ARMVCPUInjectIRQ, &[40 | 1 << 24]);
    assert_eq!(guest.tcb.state.get(), State::Running);
}

#[test]
fn a_guest_that_waits_wakes_when_its_timer_fires() {
    let (root, guest, vcpu) = machine_with_guest();
    assert_eq!(wait(&root, guest, vcpu, Some(common::hardware().now.get() + 700)), root.tcb);
    common::pass(600);
    assert_eq!(guest.tcb.state.get(), State::WaitingForInterrupt);
    assert_eq!(common::pass(200), Some(guest.tcb));
    assert_eq!(guest.tcb.state.get(), State::Running);
}

#[test]
fn a_guest_with_something_to_do_does_not_wait() {
    let (root, guest, vcpu) = machine_with_guest();
    // Group 1 enabled, no mask.
    assert_eq!(write(&root, vcpu_reg::VMCR, 0xff00_0002), 0);
    assert_eq!(inject(&root, 40, 0, 1, 0).label, 0);
    assert_eq!(wait(&root, guest, vcpu, None), guest.tcb, "an interrupt is pending");
}

#[test]
fn a_guest_whose_timer_is_due_does_not_wait() {
    let (root, guest, vcpu) = machine_with_guest();
    assert_eq!(wait(&root, guest, vcpu, Some(common::hardware().now.get())), guest.tcb);
}

#[test]
fn a_guest_that_waits_can_be_suspended_and_deleted() {
    let (root, guest, vcpu) = machine_with_guest();
    assert_eq!(wait(&root, guest, vcpu, Some(common::hardware().now.get() + 700)), root.tcb);
    root.ok(GUEST, Label::TCBSuspend, &[], &[]);
    assert_eq!(guest.tcb.state.get(), State::Inactive);
    common::pass(2_000);
    assert_eq!(guest.tcb.state.get(), State::Inactive, "its timer does not wake it any more");
    root.delete(GUEST);
    assert_eq!(vcpu.tcb.get(), None);
    assert_eq!(read(&root, VCpuReg::Sctlr as u64), 0x34d5_8820);
}

/// A guest whose faults the root thread handles, at an endpoint that it waits at.
fn machine_with_handled_guest(flags: u64) -> (Root, common::Thread) {
    const ENDPOINT: u64 = FREE + 4;
    const REPLY: u64 = FREE + 5;
    let (root, guest, _) = machine_with_guest();
    assert_eq!(write(&root, vcpu_reg::FLAGS, flags), 0);
    root.retype(ObjectType::Endpoint, 0, ENDPOINT, 1);
    root.retype(ObjectType::Reply, 0, REPLY, 1);
    let data = sel4_abi::message::CNodeCapData { guard: 0, guard_size: 52 }.to_word();
    root.ok(GUEST, Label::TCBSetSpace, &[data, 0], &[ENDPOINT, common::CNODE, common::VSPACE]);
    root.ok(GUEST, Label::TCBResume, &[], &[]);
    assert_eq!(common::receive(root.tcb, Syscall::Recv, ENDPOINT, REPLY), guest.tcb);
    (root, guest)
}

#[test]
fn a_fault_tells_all_registers_and_its_answer_sets_those_that_were_written() {
    // By the answer that waits for the next fault, and by one that does not.
    for wait in [true, false] {
        let (root, guest) = machine_with_handled_guest(vcpu_flags::CONTEXT_IN_MESSAGE);
        let registers = &guest.tcb.regs;
        (0..31).for_each(|n| registers.x[n].set(100 + n as u64));
        registers.pc.set(0x4000);
        assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
        let context = root.tcb.vcpu_context().expect("a buffer of 4 KiB has room");
        assert_eq!((0..31).map(|n| context.get(n)).collect::<Vec<_>>(), (100..131).collect::<Vec<_>>());
        assert_eq!((context.get(vcpu_context::PC), context.get(vcpu_context::WRITTEN)), (0x4000, 0));
        let new = [(3, 3333), (4, 4444), (vcpu_context::PC, 0x4004), (vcpu_context::SPSR, u64::MAX)];
        new.iter().for_each(|&(word, value)| context.set(word, value));
        context.set(vcpu_context::WRITTEN, 1 << 3 | 1 << vcpu_context::PC | 1 << vcpu_context::SPSR | 1 << 63);
        root.tcb.regs.x[1].set(0);
        if wait {
            assert_eq!(common::receive(root.tcb, Syscall::ReplyRecv, FREE + 4, FREE + 5), guest.tcb);
        } else {
            common::start(root.tcb, Syscall::Send, FREE + 5, 0, &[], &[]);
        }
        assert_eq!((registers.x[3].get(), registers.x[4].get(), registers.pc.get()), (3333, 104, 0x4004));
        assert_eq!(registers.spsr.get(), psr::sanitize(u64::MAX, true));
        assert_eq!(guest.tcb.state.get(), State::Running);
    }
}

#[test]
fn a_fault_tells_the_list_registers_that_are_wanted_and_its_answer_sets_those_that_were_written() {
    let pending = |number: u64| 1 << 62 | number;
    // Its end would end a physical interrupt, which is not this guest's.
    let stranger = 1 << 61 | 40 << 32 | pending(40);
    for wait in [true, false] {
        let (root, guest) = machine_with_handled_guest(vcpu_flags::CONTEXT_IN_MESSAGE);
        let vcpu = guest.tcb.vcpu.get().expect("a guest");
        (0..3).for_each(|n| vcpu::make_pending(vcpu, n, ListRegister(34 + n as u64)));
        let context = root.tcb.vcpu_context().expect("a buffer of 4 KiB has room");
        (0..vcpu_context::LRS).for_each(|n| context.set(vcpu_context::LR + n, 7));
        // All but the first, more than this GIC has, and bits that name none.
        context.set(vcpu_context::TOLD, u64::MAX - 1);
        assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
        let lists: Vec<_> = (0..5).map(|n| context.get(vcpu_context::LR + n)).collect();
        assert_eq!(lists, [7, pending(35), pending(36), 0, 0]);
        assert_eq!(context.get(vcpu_context::TOLD), u64::MAX - 1);

        let new = [(0, pending(50)), (1, 0), (2, stranger), (15, pending(51))];
        new.iter().for_each(|&(n, value)| context.set(vcpu_context::LR + n, value));
        context.set(vcpu_context::WRITTEN, 0b1000_0000_0000_0111 << vcpu_context::LR);
        root.tcb.regs.x[1].set(0);
        if wait {
            assert_eq!(common::receive(root.tcb, Syscall::ReplyRecv, FREE + 4, FREE + 5), guest.tcb);
        } else {
            common::start(root.tcb, Syscall::Send, FREE + 5, 0, &[], &[]);
        }
        let lists: Vec<_> = (0..3).map(|n| vcpu::told_list_register(vcpu, n).0).collect();
        assert_eq!(lists, [pending(50), 0, pending(36)]);
    }
}

#[test]
fn without_room_behind_the_buffer_or_without_the_flag_registers_are_not_told() {
    for (flags, buffer) in [(vcpu_flags::CONTEXT_IN_MESSAGE, 0xc00), (0, 0)] {
        let (root, guest) = machine_with_handled_guest(flags);
        root.tcb.ipc_buffer.set(0);
        let words = root.tcb.vcpu_context().expect("room");
        words.set(0, 1);
        words.set(vcpu_context::WRITTEN, 1);
        root.tcb.ipc_buffer.set(buffer);
        guest.tcb.regs.x[0].set(5);
        assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
        assert_eq!((words.get(0), words.get(vcpu_context::WRITTEN)), (1, 1));
        assert_eq!(common::receive(root.tcb, Syscall::ReplyRecv, FREE + 4, FREE + 5), guest.tcb);
        assert_eq!(guest.tcb.regs.x[0].get(), 5);
    }
}

#[test]
fn a_held_vcpu_whose_fault_is_answered_stands_still_until_it_is_let_go() {
    let (root, guest) = machine_with_handled_guest(0);
    assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
    assert_eq!(write(&root, vcpu_reg::FLAGS, vcpu_flags::HELD), 0);
    root.tcb.regs.x[1].set(0);
    common::start(root.tcb, Syscall::Send, FREE + 5, 0, &[], &[]);
    assert_eq!(guest.tcb.state.get(), State::Held);
    assert_eq!(write(&root, vcpu_reg::FLAGS, 0), 0);
    assert_eq!(guest.tcb.state.get(), State::Running);
}

/// How far the guest's counter is behind the machine's.
fn offset(vcpu: Ref<VCpu>) -> u64 {
    vcpu.registers.get(VCpuReg::CntvOff)
}

#[test]
fn virtual_time_stands_still_while_the_guest_is_kept_from_running() {
    for flags in [vcpu_flags::VIRTUAL_TIME, 0] {
        let stood_still = |ticks| if flags == 0 { 0 } else { ticks };
        let (root, guest) = machine_with_handled_guest(flags);
        let vcpu = guest.tcb.vcpu.get().expect("made with one");
        common::pass(700);
        assert_eq!(offset(vcpu), 0, "it ran");

        assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
        common::pass(300);
        assert_eq!(common::receive(root.tcb, Syscall::ReplyRecv, FREE + 4, FREE + 5), guest.tcb);
        assert_eq!(offset(vcpu), 0, "it waited for the answer");

        assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
        root.tcb.regs.x[1].set(0);
        assert_eq!(common::start(root.tcb, Syscall::Send, FREE + 5, 0, &[], &[]), root.tcb);
        common::pass(400);
        assert_eq!(common::receive(root.tcb, Syscall::Recv, FREE + 4, FREE + 5), guest.tcb);
        assert_eq!(offset(vcpu), stood_still(400), "it could run, and did not");
    }
}

#[test]
fn virtual_time_goes_on_in_a_wait_and_stands_still_while_others_have_their_turn() {
    let (root, guest) = machine_with_handled_guest(vcpu_flags::VIRTUAL_TIME);
    common::pass(50);
    let vcpu = guest.tcb.vcpu.get().expect("made with one");
    assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
    let other = root.thread(FREE + 8, 50, Some((10_000, 10_000)));
    root.ok(FREE + 8, Label::TCBResume, &[], &[]);
    assert_eq!(common::receive(root.tcb, Syscall::ReplyRecv, FREE + 4, FREE + 5), guest.tcb);
    while common::pass(1) == Some(guest.tcb) {}
    let turn = common::hardware().now.get();
    while common::pass(1) == Some(other.tcb) {}
    let kept = common::hardware().now.get() - turn;
    assert_eq!(offset(vcpu), kept, "the other's turn");
    let deadline = common::hardware().now.get() + 600;
    assert_eq!(vcpu::wait_for_interrupt(guest.tcb, vcpu, Some(deadline)), other.tcb);
    while common::pass(1) == Some(other.tcb) {}
    let behind_its_timer = common::hardware().now.get() - deadline;
    assert_eq!(offset(vcpu), kept + behind_its_timer, "the other's next turn, from when the guest's timer fired");
}

#[test]
fn a_new_offset_counts_from_when_it_is_written() {
    let (root, guest) = machine_with_handled_guest(vcpu_flags::VIRTUAL_TIME);
    common::pass(50);
    let vcpu = guest.tcb.vcpu.get().expect("made with one");
    assert_eq!(trap::fault(guest.tcb, Fault::VCpu { hsr: 7 }), root.tcb);
    root.tcb.regs.x[1].set(0);
    common::start(root.tcb, Syscall::Send, FREE + 5, 0, &[], &[]);
    common::pass(400);
    assert_eq!(write(&root, VCpuReg::CntvOff as u64, 5_000), 0);
    common::pass(30);
    assert_eq!(common::receive(root.tcb, Syscall::Recv, FREE + 4, FREE + 5), guest.tcb);
    assert_eq!(offset(vcpu), 5_030);
}
