//! Stage-2 translation entries: making changed tables seen. Invalidation reaches every core (inner shareable).

use super::cores;
use super::local::{self, core_index, local};
use super::sysreg::{barrier, read, write};
use core::arch::asm;
use quoll_kernel_core::stage2;
use sel4_abi::config::MAX_NUM_NODES;

/// Runs `operation` with a VMID in `VTTBR_EL2`, by which the invalidations name it.
fn with_vmid(vmid: u8, operation: impl FnOnce()) {
    let loaded = read!("vttbr_el2");
    write!("vttbr_el2", u64::from(vmid) << 48);
    barrier!("isb");
    operation();
    write!("vttbr_el2", loaded);
    barrier!("isb");
}

/// A new entry in a table that was empty there is visible to walks from here on.
#[inline]
pub fn publish() {
    barrier!("dsb ishst", "isb");
}

/// Forgets all that is known of an address space.
pub fn invalidate_vmid(vmid: u8) {
    barrier!("dsb ishst");
    with_vmid(vmid, || barrier!("tlbi vmalls12e1is", "dsb ish"));
}

/// Forgets what is known of a page of an address space, with the stage-1 translations that led there.
pub fn invalidate_page(vmid: u8, ipa: u64) {
    barrier!("dsb ishst");
    with_vmid(vmid, || {
        // SAFETY: invalidation only costs walks.
        unsafe { asm!("tlbi ipas2e1is, {}", "dsb ish", in(reg) ipa >> 12, options(nostack, preserves_flags)) };
        barrier!("tlbi vmalle1is", "dsb ish");
    });
}

/// Forgets this core's stage-1 translations of the address space that is loaded: another vCPU of it follows, whose
/// translations under the same ASID may differ.
pub(super) fn invalidate_stage_1_here() {
    // The VMID that was just loaded is the one that is meant.
    barrier!("isb", "tlbi vmalle1", "dsb nsh", "isb");
}

/// The address space whose root this is is no more: where it is loaded, an empty one takes its place.
pub fn unload(root: u64) {
    for core in 0..MAX_NUM_NODES {
        if local::of(core).has_root(root) {
            cores::on_core(core, || local().forget_root(root));
        }
    }
}

/// Whether a VMID is in use on another core at this moment.
pub fn is_loaded_elsewhere(vmid: u8) -> bool {
    let uses = |local: &local::Local| stage2::vmid(local.vttbr.get()) == vmid;
    (0..MAX_NUM_NODES).any(|core| core != core_index() && uses(local::of(core)))
}
