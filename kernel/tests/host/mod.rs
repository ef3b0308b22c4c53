//! A fake of the architecture, so that the kernel's own logic is tested on the host: memory is the process's, the clock
//! moves when a test moves it, interrupts come when a test raises them. One fake machine for each test thread; its cores run
//! the kernel in turn, as the test says ([`set_core`]).

mod virt;

pub use virt::{guest, tlb, vgic};

use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::state::Globals;
use core::cell::{Cell, RefCell};
use sel4_abi::config::MAX_NUM_NODES;
use std::collections::{BTreeSet, VecDeque};

/// What the fake machine's hardware would know, as one core sees it.
#[derive(Debug)]
pub struct Machine {
    /// The clock, in ticks: all cores have the same.
    pub now: &'static Cell<u64>,
    /// When the timer fires.
    pub deadline: Cell<u64>,
    /// Interrupts that are pending.
    pub pending: RefCell<VecDeque<u32>>,
    /// Interrupts that have come and were not ended.
    pub active: RefCell<BTreeSet<u32>>,
    /// Interrupts that are unmasked.
    pub unmasked: RefCell<BTreeSet<u32>>,
    /// What was printed.
    pub console: RefCell<Vec<u8>>,
    /// Whether another core waits for the kernel.
    pub awaited: Cell<bool>,
    /// The thread whose state is loaded.
    pub loaded: Cell<Option<Ref<Tcb>>>,
    /// Whether the kernel may take its fast path, which must make no difference.
    pub fast_path: Cell<bool>,
}

thread_local! {
    static GLOBALS: Cell<&'static Globals> = Cell::new(Box::leak(Box::new(Globals::new())));
    static CORE: Cell<usize> = const { Cell::new(0) };
    static MACHINES: Cell<&'static [Machine; MAX_NUM_NODES]> = Cell::new(machines());
}

/// All cores of a fresh machine.
fn machines() -> &'static [Machine; MAX_NUM_NODES] {
    let now = Box::leak(Box::new(Cell::new(0)));
    Box::leak(Box::new(core::array::from_fn(|_| Machine::new(now))))
}

impl Machine {
    fn new(now: &'static Cell<u64>) -> Self {
        Self {
            now,
            deadline: Cell::new(u64::MAX),
            pending: RefCell::default(),
            active: RefCell::default(),
            unmasked: RefCell::default(),
            console: RefCell::default(),
            awaited: Cell::new(false),
            loaded: Cell::new(None),
            fast_path: Cell::new(true),
        }
    }
}

/// A fresh machine for this test thread, with a kernel that was never started.
pub fn reset() {
    CORE.set(0);
    GLOBALS.set(Box::leak(Box::new(Globals::new())));
    MACHINES.set(machines());
}

/// The kernel's state.
pub fn globals() -> &'static Globals {
    GLOBALS.get()
}

/// Whether the kernel may take its fast path ([`Machine::fast_path`]).
pub fn fast_path() -> bool {
    machine().fast_path.get()
}

/// The fake hardware of the core that runs the kernel.
pub fn machine() -> &'static Machine {
    &MACHINES.get()[core_index()]
}

/// The core that runs the kernel.
pub fn core_index() -> usize {
    CORE.get()
}

/// Lets another core run the kernel from now on: there is one at a time.
pub fn set_core(core: usize) {
    CORE.set(core);
}

/// Number of cores.
pub const fn cores() -> usize {
    MAX_NUM_NODES
}

/// Whether another core waits for the kernel ([`Machine::awaited`]).
pub fn is_awaited() -> bool {
    machine().awaited.get()
}

/// Has another core do something.
pub fn on_core<R>(core: usize, work: impl FnOnce() -> R) -> R {
    let this = CORE.replace(core);
    let result = work();
    CORE.set(this);
    result
}

/// Loads a thread's state, which no other core may have.
pub fn switch_to(tcb: Ref<Tcb>) {
    let this = core_index();
    for (core, machine) in MACHINES.get().iter().enumerate() {
        assert!(core == this || machine.loaded.get() != Some(tcb), "core {this} loads a thread that core {core} has");
    }
    let before = machine().loaded.replace(Some(tcb));
    if before != Some(tcb) {
        virt::exchange(before, tcb);
    }
}

/// Puts a thread's state back, wherever it is loaded.
pub fn unload(tcb: Ref<Tcb>) {
    for machine in MACHINES.get() {
        if machine.loaded.get() == Some(tcb) {
            machine.loaded.set(None);
        }
    }
}

/// The thread goes to another core.
pub fn evict(tcb: Ref<Tcb>) {
    unload(tcb);
}

/// The program status that a thread gets where user level asks for `spsr`.
pub fn sanitize_spsr(tcb: Ref<Tcb>, spsr: u64) -> u64 {
    quoll_kernel_core::psr::sanitize(spsr, tcb.vcpu.get().is_some())
}

/// Sleeps until an interrupt: the clock goes on to the timer's deadline unless something is pending.
pub fn idle() {
    let machine = machine();
    if machine.pending.borrow().is_empty() {
        assert_ne!(machine.deadline.get(), u64::MAX, "the fake machine would sleep for ever");
        machine.now.set(machine.now.get().max(machine.deadline.get()));
    }
}

/// Ends the test.
pub fn halt() -> ! {
    panic!("halted")
}

/// No processor that identifies itself.
pub fn processor() -> u64 {
    0
}

/// Nothing answers a monitor call.
pub fn smc(_arguments: [u64; 8]) -> [u64; 8] {
    [u64::MAX, 0, 0, 0, 0, 0, 0, 0]
}

/// FPU.
pub mod fpu {
    use super::{Ref, Tcb};

    /// FPU registers of a thread.
    #[derive(Debug, Default)]
    pub struct State;

    impl State {
        /// None.
        pub const fn new() -> Self {
            Self
        }
    }

    /// The thread's registers are to be zero.
    pub fn clear(_tcb: Ref<Tcb>) {}
}

/// The clock and its timer.
pub mod timer {
    use super::machine;

    /// The present in ticks.
    pub fn now() -> u64 {
        machine().now.get()
    }

    /// Ticks in a second: one a microsecond.
    pub const fn frequency() -> u64 {
        1_000_000
    }

    /// Sets the timer.
    pub fn set_deadline(ticks: u64) {
        machine().deadline.set(ticks);
    }
}

/// Interrupts.
pub mod irq {
    use super::{MACHINES, machine};
    use crate::cpu::SEVERAL;

    /// Numbers of interrupts are below.
    pub const COUNT: u32 = 64;
    /// The kernel's timer.
    pub const TIMER: u32 = 26;

    /// Whether the interrupt is the kernel's.
    pub const fn is_reserved(irq: u32) -> bool {
        irq == TIMER || irq == 25 || irq == 27 || is_from_core(irq)
    }

    /// Whether another core called this one.
    pub const fn is_from_core(irq: u32) -> bool {
        SEVERAL && irq == 0
    }

    /// The fake delivers a shared interrupt where the test raises it.
    pub fn route(_irq: u32, _core: usize) {}

    /// The next interrupt; the timer's while its deadline has passed.
    pub fn acknowledge() -> Option<u32> {
        if let Some(irq) = machine().pending.borrow_mut().pop_front() {
            return Some(irq);
        }
        if machine().now.get() < machine().deadline.get() {
            return None;
        }
        machine().deadline.set(u64::MAX);
        Some(TIMER)
    }

    /// Ends an interrupt.
    pub fn end(_irq: u32) {}

    /// Only a guest ends the interrupt.
    pub fn drop_priority(irq: u32) {
        set_active(irq, true);
    }

    /// Whether an interrupt has come and was not ended.
    pub fn is_active(irq: u32) -> bool {
        machine().active.borrow().contains(&irq)
    }

    /// Makes an interrupt active, or ends it.
    pub fn set_active(irq: u32, active: bool) {
        let mut all = machine().active.borrow_mut();
        if active {
            all.insert(irq);
        } else {
            all.remove(&irq);
        }
    }

    /// Whether an interrupt waits.
    pub fn is_pending(irq: u32) -> bool {
        machine().pending.borrow().contains(&irq)
    }

    /// Makes an interrupt wait, or takes that back.
    pub fn set_pending(irq: u32, pending: bool) {
        let mut all = machine().pending.borrow_mut();
        all.retain(|other| *other != irq);
        if pending {
            all.push_back(irq);
        }
    }

    /// Masks.
    pub fn mask(irq: u32) {
        machine().unmasked.borrow_mut().remove(&irq);
    }

    /// Unmasks.
    pub fn unmask(irq: u32) {
        machine().unmasked.borrow_mut().insert(irq);
    }

    /// The fake has no triggers.
    pub fn set_trigger(_irq: u32, _edge: bool) {}

    /// An SGI is pending at once on the cores whose bits are set.
    pub fn send_sgi(irq: u32, targets: u32) {
        let machines = MACHINES.get().iter().enumerate();
        machines
            .filter(|(core, _)| targets & 1 << core != 0)
            .for_each(|(_, machine)| machine.pending.borrow_mut().push_back(irq));
    }

    /// Whether an interrupt waits.
    pub fn pending() -> bool {
        !machine().pending.borrow().is_empty()
    }
}

/// Cycles are ticks.
#[cfg(sel4_benchmark)]
pub mod benchmark {
    /// The present in cycles.
    pub fn cycles() -> u64 {
        super::timer::now()
    }
}

/// Caches: the host's are coherent.
pub mod cache {
    /// Empties them.
    #[cfg(sel4_benchmark)]
    pub fn flush() {}
    /// Cleans.
    pub fn clean(_start: u64, _length: u64) {}
    /// Invalidates.
    pub fn invalidate(_start: u64, _length: u64) {}
    /// Does both.
    pub fn clean_invalidate(_start: u64, _length: u64) {}
    /// Forgets instructions.
    pub fn forget_instructions() {}
    /// Makes instructions visible.
    pub fn unify(_start: u64, _length: u64) {}
}

/// Breakpoints: the fake has all registers, and nothing triggers them.
#[cfg(sel4_debug)]
pub mod debug {
    use quoll_kernel_core::breakpoint::Kind;
    use sel4_abi::config::{NUM_BREAKPOINTS, NUM_WATCHPOINTS};

    /// How many registers of a kind there are.
    pub fn registers(kind: Kind) -> usize {
        match kind {
            Kind::Instruction => NUM_BREAKPOINTS,
            Kind::Data => NUM_WATCHPOINTS,
        }
    }
}

/// The debug console.
pub mod console {
    /// Prints a byte.
    pub fn put(byte: u8) {
        super::machine().console.borrow_mut().push(byte);
    }
}

/// Memory.
pub mod memory {
    use crate::mem::UserWords;
    use crate::object::tcb::{Position, Registers};
    use sel4_abi::quoll::vcpu_context;

    /// Clears memory.
    pub fn zero(start: u64, length: u64) {
        let start: *mut u8 = core::ptr::with_exposed_provenance_mut(start as usize);
        // SAFETY: tests give the kernel untyped memory that they own.
        unsafe { start.write_bytes(0, length as usize) }
    }

    /// Copies a thread's registers, up to its program status, to user level.
    pub fn copy_registers(from: &Registers, to: UserWords) {
        for index in 0..=vcpu_context::SPSR {
            to.set(index, from.at(Position::of_context(index)).get());
        }
    }
}
