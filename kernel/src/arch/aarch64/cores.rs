//! Several cores: the kernel's lock, work that one core has another do, and starting them. With one core there is nothing
//! of this: the lock is no instruction and all work is done here.
//!
//! A core takes the lock at each entry to the kernel and gives it back when it leaves or sleeps. What another core has in
//! its registers only that core can save, so the one that has the lock asks it to ([`on_core`]) and waits. A core that is
//! asked runs user level (the interrupt brings it here), sleeps (likewise), or waits for the lock: in each case it
//! comes to [`acquire`], where it serves. Nobody waits for a core that waits for it: only who has the lock asks.

use super::local::{self, local};
use super::sysreg::barrier;
use super::{gic, guest, irq, smc};
use crate::cpu::{self, SEVERAL};
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use kernel_config::SELECTED;
use quoll_kernel_core::ticket::TicketLock;
use sel4_abi::config::MAX_NUM_NODES;

/// The interrupt that brings a core into the kernel. What it is to do there it finds.
pub const IPI: u32 = 0;

static LOCK: TicketLock = TicketLock::new();

/// Work for another core, put there by the core that has the lock.
struct Request {
    work: UnsafeCell<Option<Work>>,
    /// The core that is to do it, or [`NOBODY`] when it is done.
    target: AtomicUsize,
    /// The core that asked.
    asker: AtomicUsize,
}

const NOBODY: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Work {
    call: unsafe fn(*const ()),
    closure: *const (),
}

// SAFETY: `work` is written while `target` is nobody, by the one core that has the lock, and read by the target alone.
unsafe impl Sync for Request {}

static REQUEST: Request =
    Request { work: UnsafeCell::new(None), target: AtomicUsize::new(NOBODY), asker: AtomicUsize::new(0) };

/// Cores that have come up.
static ONLINE: AtomicUsize = AtomicUsize::new(1);

/// How often a core looks for what it waits for before it sleeps: longer than most stays in the kernel last.
const PATIENCE: u32 = 400;

/// Cores that sleep until they are called, a bit each.
static SLEEPERS: AtomicU32 = AtomicU32::new(0);
/// The number with which each core waits for the lock.
static TICKETS: [AtomicU32; MAX_NUM_NODES] = [const { AtomicU32::new(0) }; MAX_NUM_NODES];

/// Waiting for another core, which is brief unless that core gets no time: processors that share theirs with others, as
/// virtual ones do, keep the one that they wait for from working when they spin. So this core sleeps then, and is called.
struct Wait {
    patience: u32,
    slept: bool,
}

impl Wait {
    const fn new() -> Self {
        Self { patience: PATIENCE, slept: false }
    }

    /// One look in vain.
    #[inline]
    fn pause(&mut self, is_due: impl Fn() -> bool) {
        if self.patience > 0 {
            self.patience -= 1;
            barrier!("yield");
        } else {
            self.sleep(is_due);
        }
    }

    #[cold]
    fn sleep(&mut self, is_due: impl Fn() -> bool) {
        if !self.slept {
            // Other interrupts may be pending; this core would not sleep.
            gic::set_urgent_only(true);
            self.slept = true;
        }
        let bit = 1 << local().index();
        SLEEPERS.fetch_or(bit, Ordering::Release);
        // Who makes it due looks for sleepers behind that (`sleepers`), so one of both sees the other.
        fence(Ordering::SeqCst);
        if !is_due() {
            barrier!("dsb sy", "wfi");
        }
        SLEEPERS.fetch_and(!bit, Ordering::Relaxed);
        // Whatever this core was called for is looked for when it has the lock.
        gic::clear_sgi(IPI);
        self.patience = PATIENCE;
    }

    fn end(&self) {
        if self.slept {
            gic::set_urgent_only(false);
        }
    }
}

/// Cores that sleep, a bit each, after something was done that they may wait for.
#[inline]
fn sleepers() -> u32 {
    fence(Ordering::SeqCst);
    SLEEPERS.load(Ordering::Acquire)
}

/// Takes the lock, and does meanwhile what the one that has it asks for; `served` is called behind that.
#[inline]
fn acquire(mut served: impl FnMut()) {
    if !SEVERAL {
        return;
    }
    let mut wait = Wait::new();
    LOCK.acquire(|ticket| {
        let core = local().index();
        let is_asked = || REQUEST.target.load(Ordering::Acquire) == core;
        if is_asked() {
            serve(&mut served);
            return;
        }
        TICKETS[core].store(ticket, Ordering::Relaxed);
        wait.pause(|| is_asked() || LOCK.serves(ticket));
    });
    wait.end();
}

#[cold]
fn serve(served: &mut impl FnMut()) {
    // SAFETY: this core is the target, so the work is complete and stays until it is marked as done.
    if let Some(Work { call, closure }) = unsafe { *REQUEST.work.get() } {
        // SAFETY: as `on_core` has put them there, which waits.
        unsafe { call(closure) };
    }
    served();
    let asker = REQUEST.asker.load(Ordering::Relaxed);
    REQUEST.target.store(NOBODY, Ordering::Release);
    if sleepers() & 1 << asker != 0 {
        irq::send_sgi(IPI, 1 << asker);
    }
}

/// Gives the lock back, and wakes the cores for which there is something new.
#[inline]
fn release() {
    if SEVERAL {
        let kicked = cpu::this().kicked.take();
        if kicked != 0 {
            irq::send_sgi(IPI, kicked);
        }
        let next = LOCK.release();
        let sleepers = sleepers();
        if sleepers != 0 {
            wake_next(next, sleepers);
        }
    }
}

#[cold]
fn wake_next(ticket: u32, sleepers: u32) {
    let waits = |core: &usize| sleepers & 1 << core != 0 && TICKETS[*core].load(Ordering::Relaxed) == ticket;
    let targets = (0..MAX_NUM_NODES).filter(waits).fold(0, |targets, core| targets | 1 << core);
    if targets != 0 {
        irq::send_sgi(IPI, targets);
    }
}

/// This core is in the kernel and has the lock, until this is dropped.
#[must_use]
pub struct Inside {
    abandoned: bool,
}

impl Inside {
    /// Enters for an interrupt, or at boot.
    #[inline(always)]
    pub fn enter() -> Self {
        acquire(|| ());
        Self { abandoned: false }
    }

    /// Enters because of an instruction of the thread that runs, whose program counter is `advanced` bytes behind it.
    #[inline(always)]
    pub fn enter_from(tcb: Ref<Tcb>, advanced: u64) -> Self {
        if !SEVERAL {
            return Self { abandoned: false };
        }
        let mut abandoned = false;
        acquire(|| {
            if !abandoned && local().thread.get() != Some(tcb) {
                abandoned = true;
                tcb.regs.pc.set(tcb.regs.pc.get().wrapping_sub(advanced));
            }
        });
        Self { abandoned }
    }

    /// Whether the thread was unloaded while this core waited for the lock: it is changed, or stopped, or no more. The
    /// instruction is not carried out; if the thread goes on, it comes to it again.
    #[inline(always)]
    pub fn is_abandoned(&self) -> bool {
        SEVERAL && self.abandoned
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        release();
    }
}

/// Whether another core waits for the kernel.
pub fn is_awaited() -> bool {
    SEVERAL && LOCK.is_awaited()
}

/// Sleeps until an interrupt is pending, without the lock.
pub fn idle() {
    if SEVERAL {
        // Somebody else may be at work for the guest that ran here last: its virtual interrupts must not end the sleep.
        guest::stop();
    }
    release();
    barrier!("dsb sy", "wfi");
    acquire(|| ());
}

/// Has `core` do something and waits for it; on this core, just does it. Only for the core that has the lock, and `work`
/// must not ask another core in turn.
#[inline]
pub fn on_core<R>(core: usize, work: impl FnOnce() -> R) -> R {
    if !SEVERAL || core == local().index() { work() } else { ask(core, work) }
}

#[cold]
fn ask<R>(core: usize, work: impl FnOnce() -> R) -> R {
    let (work, result) = (Cell::new(Some(work)), Cell::new(None));
    let run = || result.set(work.take().map(|work| work()));
    post(core, &run);
    result.take().unwrap_or_else(|| unreachable!("the request was served"))
}

fn post<F: Fn()>(core: usize, run: &F) {
    unsafe fn call<F: Fn()>(closure: *const ()) {
        // SAFETY: the address of `run` below.
        unsafe { (*closure.cast::<F>())() }
    }
    debug_assert_eq!(REQUEST.target.load(Ordering::Relaxed), NOBODY);
    // SAFETY: nobody is the target, and this core has the lock.
    unsafe { *REQUEST.work.get() = Some(Work { call: call::<F>, closure: core::ptr::from_ref(run).cast() }) };
    REQUEST.asker.store(local().index(), Ordering::Relaxed);
    REQUEST.target.store(core, Ordering::Release);
    irq::send_sgi(IPI, 1 << core);
    let is_done = || REQUEST.target.load(Ordering::Acquire) == NOBODY;
    let mut wait = Wait::new();
    while !is_done() {
        wait.pause(is_done);
    }
    wait.end();
}

/// Does something on the core for which `holds` holds, if there is one. At most one core may hold a thing.
#[inline(always)]
pub fn where_held(holds: impl Fn(&local::Local) -> bool, work: impl FnOnce()) {
    if let Some(core) = local::find(holds) {
        on_core(core, work);
    }
}

unsafe extern "C" {
    fn quoll_start_secondary();
}

/// Starts the other cores; comes back with the number of cores that run. They wait for the lock, which this core has.
pub fn start_others() -> usize {
    /// `CPU_ON` of the 64-bit calling convention (PSCI, 5.1.4).
    const CPU_ON: u64 = 0xc400_0003;
    const SUCCESS: u64 = 0;
    let entry = quoll_start_secondary as *const () as u64;
    for core in 1..MAX_NUM_NODES.min(SELECTED.cores) {
        let [result, ..] = smc([CPU_ON, SELECTED.affinity(core), entry, core as u64, 0, 0, 0, 0]);
        if result != SUCCESS {
            return core;
        }
        while ONLINE.load(Ordering::Acquire) == core {
            core::hint::spin_loop();
        }
    }
    MAX_NUM_NODES.min(SELECTED.cores)
}

/// Number of cores that run.
pub fn cores() -> usize {
    ONLINE.load(Ordering::Relaxed)
}

/// This core, not the first, is ready to take part.
pub fn come_online() {
    ONLINE.store(local().index() + 1, Ordering::Release);
}
