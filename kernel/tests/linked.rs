//! Interrupts that are linked to a virtual CPU: how they are told, who ends them, and what is left when one side goes.

mod common;

use common::{Answer, FREE, IRQ_CONTROL, Root, hardware};
use quoll_kernel::arch;
use quoll_kernel::object::tcb::State;
use quoll_kernel::trap;
use quoll_kernel_core::gic::ListRegister;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::ObjectType;
use sel4_abi::quoll::{line_state, port, vcpu_reg};
use sel4_abi::syscall::Syscall;

const VCPU: u64 = 14;
const OTHER_VCPU: u64 = 15;
const GUEST: u64 = FREE;
const HANDLER: u64 = FREE + 8;
const SECOND: u64 = FREE + 9;
const NOTIFICATION: u64 = FREE + 10;
const BADGED: u64 = FREE + 11;
const PORT: u64 = FREE + 12;
/// Two shared interrupts.
const UART: u32 = 40;
const DISK: u32 = 41;
/// The list register that they are told, and its content without the number.
const INDEX: u64 = 2;
const FIELDS: u64 = 0xa0 << 48 | 1 << 60;

/// A guest to which [`UART`] and [`DISK`] are linked and told by one list register. Their notification is the same.
fn machine() -> Root {
    let root = Root::new();
    root.retype(ObjectType::VCpu, 0, VCPU, 2);
    root.thread(GUEST, 50, Some((10_000, 10_000)));
    root.ok(VCPU, Label::ARMVCPUSetTCB, &[], &[GUEST]);
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    root.mint(NOTIFICATION, BADGED, 1);
    for (irq, handler) in [(UART, HANDLER), (DISK, SECOND)] {
        root.ok(IRQ_CONTROL, Label::IRQIssueIRQHandler, &[u64::from(irq), handler, 64], &[common::CNODE]);
        root.ok(handler, Label::IRQSetIRQHandler, &[], &[BADGED]);
        root.ok(handler, Label::IRQSetIRQHandler, &[], &[VCPU]);
        assert!(!is_unmasked(irq), "nobody has told how yet");
        assert_eq!(tell(&root, irq, FIELDS | u64::from(irq)), 0);
        assert!(is_unmasked(irq));
    }
    root
}

fn is_unmasked(irq: u32) -> bool {
    hardware().unmasked.borrow().contains(&irq)
}

fn raise(irq: u32) {
    hardware().pending.borrow_mut().push_back(irq);
    trap::interrupt();
}

fn write(root: &Root, register: u64, value: u64) -> Answer {
    root.call(VCPU, Label::ARMVCPUWriteReg, &[register, value], &[])
}

fn read(root: &Root, register: u64) -> u64 {
    root.ok(VCPU, Label::ARMVCPUReadReg, &[register], &[])[0]
}

fn tell(root: &Root, irq: u32, value: u64) -> u64 {
    let value = if value == 0 { 0 } else { value | INDEX << vcpu_reg::LINE_LR_INDEX_SHIFT };
    write(root, vcpu_reg::LINE_LR_BASE + u64::from(irq), value).label
}

fn state(root: &Root, irq: u32) -> u64 {
    read(root, vcpu_reg::LINE_STATE_BASE + u64::from(irq))
}

fn list_register(root: &Root) -> u64 {
    read(root, vcpu_reg::LR_BASE + INDEX)
}

/// Whether the notification was signalled since the last time.
fn signalled(root: &Root) -> bool {
    common::start(root.tcb, Syscall::NBWait, NOTIFICATION, 0, &[], &[]);
    root.tcb.state.get() == State::Running && root.tcb.regs.x[0].get() != 0
}

#[test]
fn it_goes_to_the_guest_and_stays_active_until_that_ends_it() {
    let root = machine();
    raise(UART);
    let linked = ListRegister(FIELDS | u64::from(UART)).for_hardware(UART).made_pending();
    assert_eq!(list_register(&root), linked.0);
    assert_eq!(linked.physical(), Some(UART));
    assert_eq!(state(&root, UART), line_state::ACTIVE);
    assert!(is_unmasked(UART), "only that it is active keeps it away");
}

#[test]
fn with_its_list_register_taken_the_vmm_finds_another() {
    let root = machine();
    raise(UART);
    assert!(!signalled(&root), "the VMM has nothing to do");
    let taken = list_register(&root);
    raise(DISK);
    assert!(signalled(&root));
    assert_eq!((list_register(&root), state(&root, DISK)), (taken, line_state::ACTIVE));
    // The guest ends the first; the second is told by the next that is empty.
    assert_eq!(write(&root, vcpu_reg::LR_BASE + INDEX, 0).label, 0);
    raise(DISK);
    assert!(!signalled(&root));
    assert_eq!(ListRegister(list_register(&root)).physical(), Some(DISK));
}

#[test]
fn told_nothing_it_waits_in_the_controller() {
    let root = machine();
    assert_eq!(tell(&root, UART, 0), 0);
    assert!(!is_unmasked(UART));
    assert_eq!(read(&root, vcpu_reg::LINE_LR_BASE + u64::from(UART)), 0);
    let told = FIELDS | u64::from(UART);
    tell(&root, UART, told);
    let read_back = ListRegister(told).for_hardware(UART).0 | INDEX << vcpu_reg::LINE_LR_INDEX_SHIFT;
    assert_eq!(read(&root, vcpu_reg::LINE_LR_BASE + u64::from(UART)), read_back);
}

#[test]
fn its_state_can_be_read_and_set() {
    let root = machine();
    let register = vcpu_reg::LINE_STATE_BASE + u64::from(UART);
    for value in [line_state::ACTIVE, line_state::PENDING | line_state::ACTIVE, line_state::PENDING, 0] {
        assert_eq!(write(&root, register, value).label, 0);
        // What is pending comes when the kernel is left, unless it is active.
        if value & line_state::ACTIVE == 0 && value != 0 {
            hardware().pending.borrow_mut().clear();
            continue;
        }
        assert_eq!(state(&root, UART), value);
    }
}

#[test]
fn only_a_virtual_cpu_and_a_shared_interrupt_are_linked() {
    let root = machine();
    root.mint(VCPU, PORT, port::PORT);
    let port = root.call(HANDLER, Label::IRQSetIRQHandler, &[], &[PORT]);
    assert_eq!(port.label, ErrorCode::InvalidCapability as u64);
    root.ok(IRQ_CONTROL, Label::IRQIssueIRQHandler, &[30, FREE + 13, 64], &[common::CNODE]);
    let private = root.call(FREE + 13, Label::IRQSetIRQHandler, &[], &[VCPU]);
    assert_eq!(private.label, ErrorCode::InvalidCapability as u64);
}

#[test]
fn another_virtual_cpu_has_nothing_to_do_with_it() {
    let root = machine();
    let linked = ListRegister(FIELDS | u64::from(UART)).for_hardware(UART).made_pending().0;
    for register in [vcpu_reg::LINE_LR_BASE, vcpu_reg::LINE_STATE_BASE].map(|base| base + u64::from(UART)) {
        for label in [Label::ARMVCPUReadReg, Label::ARMVCPUWriteReg] {
            let answer = root.call(OTHER_VCPU, label, &[register, 0], &[]);
            assert_eq!((answer.label, &answer.words[..]), (ErrorCode::InvalidArgument as u64, &[1][..]));
        }
    }
    let foreign = root.call(OTHER_VCPU, Label::ARMVCPUWriteReg, &[vcpu_reg::LR_BASE, linked], &[]);
    assert_eq!((foreign.label, &foreign.words[..]), (ErrorCode::InvalidArgument as u64, &[2][..]));
    assert_eq!(write(&root, vcpu_reg::LR_BASE, linked).label, 0, "its own may have it in any");
}

#[test]
fn a_list_register_that_there_is_not_is_not_told() {
    let root = machine();
    let beyond = FIELDS | 4 << vcpu_reg::LINE_LR_INDEX_SHIFT;
    let answer = write(&root, vcpu_reg::LINE_LR_BASE + u64::from(UART), beyond);
    assert_eq!((answer.label, &answer.words[..]), (ErrorCode::InvalidArgument as u64, &[1][..]));
}

/// What ends a link.
fn nothing_is_left(part: impl Fn(&Root)) {
    let root = machine();
    raise(UART);
    part(&root);
    assert!(!is_unmasked(UART));
    assert!(!arch::irq::is_active(UART), "it could never come again");
}

#[test]
fn nothing_is_left_when_one_side_goes() {
    nothing_is_left(|root| {
        root.delete(HANDLER);
        assert_eq!(list_register(root), 0, "the guest would end somebody else's");
    });
    nothing_is_left(|root| drop(root.ok(HANDLER, Label::IRQClearIRQHandler, &[], &[])));
    nothing_is_left(|root| {
        root.ok(HANDLER, Label::IRQSetIRQHandler, &[], &[OTHER_VCPU]);
        assert_eq!(list_register(root), 0);
    });
    nothing_is_left(|root| root.delete(VCPU));
}

#[test]
fn without_a_virtual_cpu_it_is_as_any() {
    let root = machine();
    root.delete(VCPU);
    root.ok(HANDLER, Label::IRQAckIRQ, &[], &[]);
    assert!(is_unmasked(UART));
    raise(UART);
    assert!(!is_unmasked(UART));
    assert!(signalled(&root));
}
