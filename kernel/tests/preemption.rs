//! Long operations are done in pieces, so that interrupts come through: clearing the memory of new objects, revoking,
//! emptying containers.

mod common;

use common::{CNODE, FREE, Root, UNTYPED, hardware, start};
use quoll_kernel::trap;
use quoll_kernel_core::cap::{CLEAR_CHUNK, Cap};
use sel4_abi::config::MAX_WORK_UNITS_PER_PREEMPTION;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

/// An interrupt of user level that nobody handles.
const IRQ: u32 = 40;
const LARGE_PAGE: u64 = 1 << 21;

fn memory(root: &Root, offset: u64, length: u64) -> &'static mut [u8] {
    let first = core::ptr::with_exposed_provenance_mut((root.untyped.get() + offset) as usize);
    // SAFETY: the test's own untyped memory, which nothing else refers to while the slice is in use.
    unsafe { core::slice::from_raw_parts_mut(first, length as usize) }
}

/// Starts an invocation while an interrupt waits; whether it was put off.
fn is_put_off(root: &Root, cptr: u64, label: Label, words: &[u64], caps: &[u64]) -> bool {
    hardware().pending.borrow_mut().push_back(IRQ);
    let pc = root.tcb.regs.pc.get();
    assert_eq!(start(root.tcb, Syscall::Call, cptr, label as u64, words, caps), root.tcb);
    let put_off = root.tcb.regs.pc.get() == pc;
    assert_eq!(trap::interrupt(), root.tcb);
    put_off
}

/// Starts a retype to large pages; whether it was put off.
fn retype(root: &Root, count: u64) -> bool {
    let words = [ObjectType::LargePage as u64, 0, 0, 0, FREE, count];
    is_put_off(root, UNTYPED, Label::UntypedRetype, &words, &[CNODE])
}

#[test]
fn an_interrupt_comes_after_each_chunk() {
    let root = Root::new();
    memory(&root, 0, 2 * LARGE_PAGE).fill(0xa5);
    let mut pieces = 1;
    while retype(&root, 2) {
        assert_eq!(root.cap(FREE), Cap::Null, "made before its memory is clear");
        pieces += 1;
    }
    assert_eq!(root.answer().label, 0);
    assert_eq!(pieces, 2 * LARGE_PAGE / CLEAR_CHUNK);
    assert!(memory(&root, 0, 2 * LARGE_PAGE).iter().all(|byte| *byte == 0));
    assert!(matches!(root.cap(FREE + 1), Cap::Frame { .. }));
}

#[test]
fn what_was_cleared_counts_for_the_same_place_only() {
    let root = Root::new();
    memory(&root, 0, 2 * LARGE_PAGE).fill(0xa5);
    root.retype(ObjectType::Endpoint, 0, FREE + 8, 1);
    // Put off once in the second half, which is where a large page has room.
    assert!(retype(&root, 1));
    // The endpoint goes, and with it what stands in front: now there is room in the first half.
    root.revoke(UNTYPED);
    memory(&root, 0, 16).fill(0xa5);
    while retype(&root, 1) {}
    let Cap::Frame { addr, .. } = root.cap(FREE) else { panic!("no frame") };
    assert_eq!(addr, root.untyped);
    assert!(memory(&root, 0, LARGE_PAGE).iter().all(|byte| *byte == 0));
}

#[test]
fn small_objects_are_made_at_once() {
    let root = Root::new();
    hardware().pending.borrow_mut().push_back(IRQ);
    root.retype(ObjectType::SmallPage, 0, FREE, 64);
    assert!(matches!(root.cap(FREE + 63), Cap::Frame { .. }));
}

#[test]
fn an_interrupt_comes_after_each_capability_that_is_revoked() {
    const COPIES: u64 = 5;
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, FREE, 1);
    (1..=COPIES).for_each(|badge| root.mint(FREE, FREE + badge, badge));
    let mut left = COPIES;
    while is_put_off(&root, CNODE, Label::CNodeRevoke, &[FREE, 64], &[]) {
        left -= 1;
        let held = (1..=COPIES).filter(|badge| root.cap(FREE + badge) != Cap::Null).count();
        assert_eq!(held as u64, left);
    }
    assert_eq!((left, root.answer().label), (0, 0));
}

/// Starts revoking five copies of a capability while something waits; how many are left when it is put off.
fn revoke_while(wait: impl FnOnce(&Root), root: &Root) -> usize {
    root.retype(ObjectType::Endpoint, 0, FREE, 1);
    (1..=5).for_each(|badge| root.mint(FREE, FREE + badge, badge));
    wait(root);
    let pc = root.tcb.regs.pc.get();
    let next = start(root.tcb, Syscall::Call, CNODE, Label::CNodeRevoke as u64, &[FREE, 64], &[]);
    assert_eq!((next, root.tcb.regs.pc.get()), (root.tcb, pc), "it starts over");
    (1..=5).filter(|badge| root.cap(FREE + badge) != Cap::Null).count()
}

#[test]
fn another_core_that_waits_for_the_kernel_comes_in_between() {
    let root = Root::new();
    assert_eq!(revoke_while(|_| hardware().awaited.set(true), &root), 4);
    hardware().awaited.set(false);
    root.ok(CNODE, Label::CNodeRevoke, &[FREE, 64], &[]);
    assert_eq!(root.cap(FREE + 5), Cap::Null);
}

#[test]
fn a_thread_whose_time_is_over_makes_way() {
    let root = Root::new();
    let other = root.thread(FREE + 20, root.tcb.priority.get(), Some((5000, 5000)));
    root.ok(FREE + 20, Label::TCBResume, &[], &[]);
    let slice = root.tcb.sched_context.get().map_or(0, |context| context.budget.get());
    assert_eq!(revoke_while(|_| hardware().now.set(hardware().now.get() + slice), &root), 4);
    assert_eq!(trap::interrupt(), other.tcb, "of the same priority");
}

#[test]
fn an_interrupt_comes_after_each_hundred_slots_of_a_container() {
    const RADIX: u32 = 10;
    let root = Root::new();
    root.retype(ObjectType::CNode, RADIX, FREE, 1);
    root.retype(ObjectType::Endpoint, 0, FREE + 1, 1);
    // The last slot that is emptied.
    let words = [0, u64::from(RADIX), FREE + 1, 64, 0xf];
    root.ok(FREE, Label::CNodeCopy, &words, &[CNODE]);
    let mut pieces = 0;
    while is_put_off(&root, CNODE, Label::CNodeDelete, &[FREE, 64], &[]) {
        pieces += 1;
        assert!(!root.slot(FREE + 1).is_final(), "deleted before its turn");
    }
    assert_eq!(pieces, (1 << RADIX) / u64::from(MAX_WORK_UNITS_PER_PREEMPTION));
    assert_eq!(root.cap(FREE), Cap::Null);
    assert!(root.slot(FREE + 1).is_final());
}
