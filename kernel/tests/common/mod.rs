//! A kernel on the fake machine, with one thread that holds everything: tests speak to it by system calls only.
#![allow(dead_code, reason = "each test file uses a part")]

use quoll_kernel::arch::{self, machine};
use quoll_kernel::cpu;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::cnode::slot_in;
use quoll_kernel::object::sched_context::{Parameters, SchedContext};
use quoll_kernel::object::slot::{self, Slot};
use quoll_kernel::object::tcb::{State, Tcb};
use quoll_kernel::{sched, trap};
use quoll_kernel_core::cap::{Addr, Cap, FrameSize, Mapping};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::{CNodeCapData, CapRights, MessageInfo};
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;
use std::alloc::{Layout, alloc_zeroed};
use std::collections::BTreeSet;

/// Slots of the root thread's CNode.
pub const TCB: u64 = 1;
pub const CNODE: u64 = 2;
pub const UNTYPED: u64 = 3;
pub const SCHED_CONTROL: u64 = 4;
pub const IRQ_CONTROL: u64 = 5;
pub const DOMAIN: u64 = 6;
pub const SCHED_CONTEXT: u64 = 7;
pub const VSPACE: u64 = 8;
pub const BUFFER: u64 = 9;
/// The first that is free.
pub const FREE: u64 = 16;

const RADIX: u32 = 12;
/// log2 of the untyped memory's size.
pub const UNTYPED_BITS: u32 = 22;

/// The root thread and its memory.
pub struct Root {
    pub tcb: Ref<Tcb>,
    pub cnode: Addr,
    pub untyped: Addr,
}

/// What a call answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub label: u64,
    pub words: Vec<u64>,
}

fn memory(bits: u32) -> Addr {
    let layout = Layout::from_size_align(1 << bits, 1 << bits).unwrap();
    // SAFETY: the layout has a size.
    let memory = unsafe { alloc_zeroed(layout) };
    assert!(!memory.is_null());
    Addr::new(memory.expose_provenance() as u64)
}

/// A frame of 4 KiB, for IPC buffers.
fn frame(addr: Addr) -> Cap {
    Cap::Frame {
        addr,
        size: FrameSize::Small,
        rights: CapRights::ALL,
        device: false,
        mapping: Some(Mapping::new(1, 0x10_0000)),
    }
}

impl Root {
    /// A fresh machine with the root thread running at priority 100.
    pub fn new() -> Self {
        arch::reset();
        let cnode = memory(RADIX + 5);
        let untyped = memory(UNTYPED_BITS);
        let objects = memory(14);
        let at = |offset| Addr::new(objects.get() + offset);
        // SAFETY: fresh, aligned memory, a part of its own for each object.
        let tcb = unsafe { Ref::create(at(0), Tcb::new(0)) };
        // SAFETY: as above.
        let context = unsafe { Ref::create(at(0x1000), SchedContext::new(10)) };
        let guard = CNodeCapData { guard: 0, guard_size: 64 - RADIX };
        let cnode_cap = Cap::CNode { addr: cnode, radix: RADIX, guard };
        let vspace = Cap::VSpace { addr: at(0x3000), asid: Some(1) };
        let initial = [
            (TCB, Cap::Thread { addr: tcb.addr() }),
            (CNODE, cnode_cap),
            (UNTYPED, Cap::Untyped { addr: untyped, size_bits: UNTYPED_BITS, device: false, free: 0, cleared: 0 }),
            (SCHED_CONTROL, Cap::SchedControl { core: 0 }),
            (IRQ_CONTROL, Cap::IrqControl),
            (DOMAIN, Cap::Domain),
            (SCHED_CONTEXT, Cap::SchedContext { addr: context.addr(), size_bits: 10 }),
            (VSPACE, vspace),
            (BUFFER, frame(at(0x2000))),
        ];
        for (index, cap) in initial {
            slot::insert_root(slot_in(cnode, index), cap);
        }
        let from = |index| slot_in(cnode, index);
        slot::insert_derived(Ref::of(&tcb.slots.cspace), cnode_cap, from(CNODE));
        slot::insert_derived(Ref::of(&tcb.slots.vspace), vspace, from(VSPACE));
        slot::insert_derived(Ref::of(&tcb.slots.ipc_buffer), frame(at(0x2000)), from(BUFFER));
        tcb.priority.set(100);
        tcb.mcp.set(255);
        tcb.state.set(State::Running);
        sched::configure(context, 0, Parameters { budget: 10_000, period: 0, refills: 2 });
        sched::give_context(context, tcb);
        assert_eq!(sched::leave(), tcb);
        Self { tcb, cnode, untyped }
    }

    /// The slot of a capability pointer.
    pub fn slot(&self, cptr: u64) -> Ref<Slot> {
        slot_in(self.cnode, cptr)
    }

    /// The capability there.
    pub fn cap(&self, cptr: u64) -> Cap {
        self.slot(cptr).cap()
    }

    /// Calls a method and expects the root thread to go on.
    pub fn call(&self, cptr: u64, label: Label, words: &[u64], caps: &[u64]) -> Answer {
        let next = start(self.tcb, Syscall::Call, cptr, label as u64, words, caps);
        assert_eq!(next, self.tcb, "another thread runs");
        self.answer()
    }

    /// Calls a method and expects success.
    pub fn ok(&self, cptr: u64, label: Label, words: &[u64], caps: &[u64]) -> Vec<u64> {
        let answer = self.call(cptr, label, words, caps);
        assert_eq!(answer.label, 0, "{label:?}: {answer:?}");
        answer.words
    }

    /// What the root thread was answered.
    pub fn answer(&self) -> Answer {
        let info = MessageInfo(self.tcb.regs.x[1].get());
        let words = (0..info.length()).map(|index| quoll_kernel::ipc::mr(self.tcb, index)).collect();
        Answer { label: info.label(), words }
    }

    /// Makes objects in consecutive slots.
    pub fn retype(&self, object: ObjectType, size: u32, dest: u64, count: u64) {
        let words = [object as u64, u64::from(size), 0, 0, dest, count];
        self.ok(UNTYPED, Label::UntypedRetype, &words, &[CNODE]);
    }

    /// Copies a capability with a badge and all rights.
    pub fn mint(&self, source: u64, dest: u64, badge: u64) {
        let words = [dest, 64, source, 64, CapRights::ALL.to_word(), badge];
        self.ok(CNODE, Label::CNodeMint, &words, &[CNODE]);
    }

    /// Copies a capability.
    pub fn copy(&self, source: u64, dest: u64) -> Answer {
        self.call(CNODE, Label::CNodeCopy, &[dest, 64, source, 64, CapRights::ALL.to_word()], &[CNODE])
    }

    /// Deletes a capability.
    pub fn delete(&self, cptr: u64) {
        self.ok(CNODE, Label::CNodeDelete, &[cptr, 64], &[]);
    }

    /// Revokes a capability.
    pub fn revoke(&self, cptr: u64) {
        self.ok(CNODE, Label::CNodeRevoke, &[cptr, 64], &[]);
    }

    /// Makes a thread with this priority at `dest`, with a buffer at `dest + 1` and, unless it is passive, a round-robin
    /// scheduling context at `dest + 2`; it is not yet resumed.
    pub fn thread(&self, dest: u64, priority: u8, budget_us: Option<(u64, u64)>) -> Thread {
        self.retype(ObjectType::Tcb, 0, dest, 1);
        self.retype(ObjectType::SmallPage, 0, dest + 1, 1);
        let root_data = CNodeCapData { guard: 0, guard_size: 64 - RADIX }.to_word();
        self.ok(dest, Label::TCBConfigure, &[root_data, 0, 0x20_0000], &[CNODE, VSPACE, dest + 1]);
        self.ok(dest, Label::TCBSetPriority, &[u64::from(priority)], &[TCB]);
        if let Some((budget, period)) = budget_us {
            self.retype(ObjectType::SchedContext, 8, dest + 2, 1);
            self.ok(SCHED_CONTROL, Label::SchedControlConfigureFlags, &[budget, period, 0, 7, 0], &[dest + 2]);
            self.ok(dest + 2, Label::SchedContextBind, &[], &[dest]);
        }
        self.thread_at(dest)
    }

    /// The thread whose capability is there.
    pub fn thread_at(&self, cptr: u64) -> Thread {
        let Cap::Thread { addr } = self.cap(cptr) else { panic!("no thread") };
        Thread { tcb: Ref::at(addr), cptr }
    }
}

/// A thread made by [`Root::thread`].
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    pub tcb: Ref<Tcb>,
    pub cptr: u64,
}

/// Lets `tcb`, which must be the one that runs, make a system call; comes back with the thread that runs then.
pub fn start(tcb: Ref<Tcb>, call: Syscall, cptr: u64, label: u64, words: &[u64], caps: &[u64]) -> Ref<Tcb> {
    assert_eq!(cpu::this().current.get(), Some(tcb), "only the running thread makes system calls");
    for (index, word) in words.iter().enumerate() {
        quoll_kernel::ipc::set_mr(tcb, index, *word);
    }
    for (index, cap) in caps.iter().enumerate() {
        tcb.buffer().unwrap().set(quoll_kernel::ipc::CAPS + index, *cap);
    }
    tcb.regs.x[0].set(cptr);
    tcb.regs.x[1].set(MessageInfo::new(label, 0, caps.len(), words.len()).0);
    tcb.regs.x[7].set(call as i64 as u64);
    tcb.regs.pc.set(tcb.regs.pc.get() + 4);
    trap::syscall(tcb)
}

/// As [`start`], for a call that receives with a reply object.
pub fn receive(tcb: Ref<Tcb>, call: Syscall, cptr: u64, reply: u64) -> Ref<Tcb> {
    tcb.regs.x[6].set(reply);
    let info = MessageInfo(tcb.regs.x[1].get());
    tcb.regs.x[0].set(cptr);
    tcb.regs.x[1].set(info.0);
    tcb.regs.x[7].set(call as i64 as u64);
    tcb.regs.pc.set(tcb.regs.pc.get() + 4);
    trap::syscall(tcb)
}

/// Lets time pass and takes the interrupts that come; the thread that runs then comes back.
pub fn pass(ticks: u64) -> Option<Ref<Tcb>> {
    let end = machine().now.get() + ticks;
    while machine().deadline.get() <= end {
        machine().now.set(machine().deadline.get().max(machine().now.get()));
        trap::interrupt();
    }
    machine().now.set(end);
    cpu::this().current.get()
}

/// The invariants of the derivation list from a slot on: neighbours point at each other, and none is empty. Comes back
/// with the slots.
pub fn check_list(first: Ref<Slot>) -> Vec<Ref<Slot>> {
    let mut slots = vec![first];
    let mut slot = first;
    while let Some(next) = slot.next() {
        assert!(!next.is_empty(), "an empty slot in the tree");
        assert_eq!(next.prev(), Some(slot), "neighbours disagree");
        slots.push(next);
        slot = next;
    }
    slots
}

/// The invariants of the derivation trees: each capability among the first `slots` of the CNode stands in one; what was made
/// of the untyped stands behind it, in memory that it has given away, and apart from what else was made of it.
pub fn check_trees(root: &Root, slots: u64) {
    let trees: Vec<_> = (TCB..=BUFFER).flat_map(|first| check_list(root.slot(first))).collect();
    let places: BTreeSet<u64> = trees.iter().map(|slot| slot.addr().get()).collect();
    assert_eq!(places.len(), trees.len(), "a slot stands in two places");
    for index in 0..slots {
        let slot = root.slot(index);
        assert!(slot.is_empty() || places.contains(&slot.addr().get()), "slot {index} is in no tree");
    }
    let Cap::Untyped { addr, free, .. } = root.cap(UNTYPED) else { panic!("no untyped") };
    let made: BTreeSet<(u64, u64)> =
        check_list(root.slot(UNTYPED)).iter().filter_map(|slot| extent(slot.cap())).collect();
    let mut end = addr.get();
    for (start, bytes) in made {
        assert!(start >= end, "objects overlap at {start:#x}");
        end = start + bytes;
    }
    assert!(end <= addr.get() + free, "an object lies in memory that is free");
}

/// Address and size of what a capability names, of the kinds that tests make.
fn extent(cap: Cap) -> Option<(u64, u64)> {
    let (addr, object, size) = match cap {
        Cap::Thread { addr } => (addr, ObjectType::Tcb, 0),
        Cap::Endpoint { addr, .. } => (addr, ObjectType::Endpoint, 0),
        Cap::Notification { addr, .. } => (addr, ObjectType::Notification, 0),
        Cap::Reply { addr, .. } => (addr, ObjectType::Reply, 0),
        Cap::SchedContext { addr, size_bits } => (addr, ObjectType::SchedContext, size_bits),
        Cap::Frame { addr, .. } => (addr, ObjectType::SmallPage, 0),
        _ => return None,
    };
    Some((addr.get(), 1 << object.size_bits(size)))
}

/// The fake hardware.
pub fn hardware() -> &'static arch::Machine {
    machine()
}
