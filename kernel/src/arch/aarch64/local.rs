//! What is loaded on each core: the thread, address space, guest and FPU state that its registers hold.

use super::sysreg::write;
use crate::cpu::SEVERAL;
use crate::mem::Link;
use crate::object::tcb::Tcb;
use crate::object::vcpu::VCpu;
use crate::state::Globals;
use core::cell::Cell;
use quoll_kernel_core::stage2::LastGuests;
use sel4_abi::config::MAX_NUM_NODES;

/// Bytes of a core's kernel stack.
pub const STACK_BYTES: usize = 16 * 1024;
/// Bytes from one core's stack to the next: below each is a page that is not mapped.
pub const STACK_STRIDE: u64 = STACK_BYTES as u64 + 4096;

/// One core's.
#[repr(C)]
pub struct Local {
    /// Where the kernel's stack begins at an exception; first, because the vectors reach it through `TPIDR_EL2`.
    stack_top: Cell<u64>,
    /// Number of the core.
    index: Cell<usize>,
    /// The thread whose thread pointers, address space, guest state and traps are loaded.
    pub thread: Link<Tcb>,
    /// `VTTBR_EL2`.
    pub vttbr: Cell<u64>,
    /// The guest whose EL1 state and list registers are loaded, even while a native thread runs.
    pub guest: Link<VCpu>,
    /// Whether that guest runs: its virtual interrupts, timer and controls are enabled.
    pub guest_runs: Cell<bool>,
    /// Which vCPUs ran here last ([`VCpu::number`]).
    pub guests: LastGuests,
    /// The thread whose FPU registers are loaded.
    pub fpu_owner: Link<Tcb>,
    /// Whether the FPU traps.
    pub fpu_traps: Cell<bool>,
    /// This core's redistributor (GICv3), or 0.
    pub redistributor: Cell<u64>,
    /// What the CPU interface said when it handed out the interrupt that is being handled (GICv2).
    pub acknowledged: Cell<u32>,
}

impl Local {
    const fn new() -> Self {
        Self {
            stack_top: Cell::new(0),
            index: Cell::new(0),
            thread: Link::new(None),
            vttbr: Cell::new(0),
            guest: Link::new(None),
            guest_runs: Cell::new(false),
            guests: LastGuests::new(),
            fpu_owner: Link::new(None),
            fpu_traps: Cell::new(true),
            redistributor: Cell::new(0),
            acknowledged: Cell::new(0),
        }
    }

    /// The number of the core.
    #[inline(always)]
    pub fn index(&self) -> usize {
        self.index.get()
    }

    /// Whether an address space's root table is loaded here.
    pub fn has_root(&self, root: u64) -> bool {
        self.vttbr.get() & ROOT == root
    }

    /// Forgets an address space whose root table is no more. A thread that runs in it is left with an empty one.
    pub fn forget_root(&self, root: u64) {
        if self.has_root(root) {
            super::load_address_space(super::empty_address_space());
        }
    }
}

/// The root table's address in `VTTBR_EL2`.
const ROOT: u64 = 0x0000_ffff_ffff_fffe;

struct Locals([Local; MAX_NUM_NODES]);

// SAFETY: each core changes its own element only, as `local` gives it, and only while it has the kernel's lock or serves the
// core that has it; others are read by the core that has the lock.
unsafe impl Sync for Locals {}

static LOCALS: Locals = Locals([const { Local::new() }; MAX_NUM_NODES]);

/// The kernel's state beside objects.
struct Shared(Globals);

// SAFETY: one core runs the kernel at a time (`super::cores`).
unsafe impl Sync for Shared {}

static GLOBALS: Shared = Shared(Globals::new());

/// The kernel's state beside objects.
#[inline(always)]
pub fn globals() -> &'static Globals {
    &GLOBALS.0
}

/// The number of this core.
#[inline(always)]
pub fn core_index() -> usize {
    if SEVERAL { local().index.get() } else { 0 }
}

/// This core's.
#[inline(always)]
pub fn local() -> &'static Local {
    let address: usize;
    // SAFETY: reading the register has no side effect, and `start` writes it once, before anything calls this.
    unsafe { core::arch::asm!("mrs {}, tpidr_el2", out(reg) address, options(pure, nomem, nostack, preserves_flags)) };
    // SAFETY: `start` has put the address of a static there before anything calls this.
    unsafe { &*core::ptr::with_exposed_provenance(address) }
}

/// A core's, for the core that has the kernel's lock to look at.
#[inline(always)]
pub fn of(core: usize) -> &'static Local {
    if SEVERAL { &LOCALS.0[core] } else { local() }
}

/// The core for whose registers `holds` holds, if there is one; the core that asks has the kernel's lock.
#[inline(always)]
pub fn find(holds: impl Fn(&Local) -> bool) -> Option<usize> {
    if SEVERAL { LOCALS.0.iter().position(holds) } else { holds(local()).then_some(0) }
}

/// Makes this core known by its number; `stack_top` is where its exceptions put their frames.
pub(super) fn start(core: usize, stack_top: u64) {
    let local = &LOCALS.0[core];
    local.stack_top.set(stack_top);
    local.index.set(core);
    write!("tpidr_el2", core::ptr::from_ref(local).expose_provenance() as u64);
}
