//! AArch64 at EL2: everything that is instructions, system registers or devices.
//!
//! One core's state that the registers hold is in [`local`]; who runs next is the scheduler's to say, and [`switch_to`]
//! loads what differs.

#[cfg(sel4_benchmark)]
pub mod benchmark;
pub mod cache;
pub mod console;
mod cores;
#[cfg(sel4_debug)]
pub mod debug;
mod entry;
pub mod fpu;
mod gic;
mod gicv2;
mod gicv3;
pub mod guest;
pub mod irq;
mod local;
pub mod memory;
mod mmio;
mod mmu;
mod setup;
mod smc;
mod sysreg;
pub mod timer;
pub mod tlb;
mod trap;
mod vectors;
pub mod vgic;

pub use cores::{cores, idle, is_awaited, on_core};
pub use entry::processor;
pub use smc::smc;

use crate::mem::Ref;
use crate::object::asid;
use crate::object::tcb::Tcb;
pub use local::{core_index, globals};

use local::local;
use quoll_kernel_core::{psr, stage2};
use sysreg::{barrier, read, write};

/// Loads what a thread needs to run, as far as it is not loaded: thread pointers, address space, guest, FPU trap.
#[inline(always)]
pub fn switch_to(tcb: Ref<Tcb>) {
    if local().thread.get() != Some(tcb) {
        load(tcb);
    }
}

fn load(tcb: Ref<Tcb>) {
    let local = local();
    if let Some(previous) = local.thread.replace(Some(tcb)) {
        save_thread_pointers(previous);
    }
    write!("tpidr_el0", tcb.regs.tpidr_el0.get());
    write!("tpidrro_el0", tcb.regs.tpidrro_el0.get());
    let vttbr = asid::vttbr(&tcb.slots.vspace).unwrap_or_else(empty_address_space);
    if local.vttbr.get() != vttbr {
        load_address_space(vttbr);
    }
    match tcb.vcpu.get() {
        Some(vcpu) => guest::enter(vcpu),
        None => guest::leave(),
    }
    fpu::prepare(tcb);
    #[cfg(sel4_debug)]
    debug::load(tcb);
}

/// The thread pointers are the registers that the vectors leave alone.
fn save_thread_pointers(tcb: Ref<Tcb>) {
    tcb.regs.tpidr_el0.set(read!("tpidr_el0"));
    tcb.regs.tpidrro_el0.set(read!("tpidrro_el0"));
}

/// To be called before a thread's thread pointers, address space, vCPU or FPU flag are read or changed, and before it is
/// deleted: what is loaded for it goes back to its TCB, and is loaded anew if it runs again.
#[inline(never)]
pub fn unload(tcb: Ref<Tcb>) {
    cores::where_held(|local| local.thread.get() == Some(tcb), || unload_here(tcb));
}

/// As [`unload`], for a thread that this core may have loaded.
fn unload_here(tcb: Ref<Tcb>) {
    let local = local();
    if local.thread.get() == Some(tcb) {
        save_thread_pointers(tcb);
        local.thread.set(None);
    }
}

/// To be called before a thread that does not run goes to another core: nothing of it stays loaded anywhere.
pub fn evict(tcb: Ref<Tcb>) {
    unload(tcb);
    fpu::save(tcb);
    if let Some(vcpu) = tcb.vcpu.get() {
        guest::flush(vcpu);
    }
}

fn load_address_space(vttbr: u64) {
    write!("vttbr_el2", vttbr);
    local().vttbr.set(vttbr);
}

/// The tables of a thread that has none: nothing is mapped. Its VMID is no address space's.
fn empty_address_space() -> u64 {
    stage2::vttbr(mmu::empty_root(), asid::NO_VMID)
}

/// The program status that a thread gets where user level asks for `spsr`.
pub fn sanitize_spsr(tcb: Ref<Tcb>, spsr: u64) -> u64 {
    let spsr = psr::sanitize(spsr, tcb.vcpu.get().is_some());
    #[cfg(sel4_debug)]
    let spsr = if tcb.breakpoints.is_stepping() { spsr | psr::STEP } else { spsr };
    spsr
}

/// Whether the kernel may take its fast path, which the fake machine of the tests can refuse.
#[inline(always)]
pub const fn fast_path() -> bool {
    true
}

/// Stops this core for good.
pub fn halt() -> ! {
    loop {
        barrier!("wfi");
    }
}
