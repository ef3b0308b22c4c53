//! The kernel's entry: from the loader, at EL2 with MMU and caches off, to [`crate::boot::start`].

use super::local::STACK_BYTES;
use super::{console, gic, local, mmu, setup, timer, vgic};
use crate::boot::{self, Handover};
use core::arch::global_asm;
use kernel_config::Range;

// x0 to x5 are the loader's words, which become the six arguments of `quoll_enter`.
global_asm!(
    ".pushsection .text.entry, \"ax\"",
    ".global _start",
    "_start:",
    "msr daifset, #0xf",
    "mrs x9, CurrentEL",
    "cmp x9, #8",
    "b.ne 2f",
    // Exceptions of the kernel find the vectors; HCR_EL2.E2H is clear, so this is EL2 of ARMv8.0.
    "adr x9, quoll_vectors",
    "msr vbar_el2, x9",
    "msr hcr_el2, xzr",
    "msr spsel, #1",
    "adrp x9, __stack_top",
    "mov sp, x9",
    "isb",
    "adrp x10, __bss_start",
    "adrp x11, __bss_end",
    "1: cmp x10, x11",
    "b.hs 3f",
    "stp xzr, xzr, [x10], #16",
    "b 1b",
    "3: mov x6, x9",
    "bl quoll_enter",
    "b quoll_return",
    "2: wfi",
    "b 2b",
    ".popsection",
    // The stack lies outside of what is cleared; the page below it is not mapped.
    ".pushsection .stack, \"aw\", %nobits",
    ".balign 4096",
    ".skip {stack}",
    ".popsection",
    stack = const STACK_BYTES,
);

/// Sets this core up and starts the system; comes back with the address of the TCB to run.
#[unsafe(no_mangle)]
extern "C" fn quoll_enter(
    image_start: u64,
    image_end: u64,
    pv_offset: u64,
    entry: u64,
    device_tree: u64,
    device_tree_size: u64,
    stack_top: u64,
) -> u64 {
    const PAGE: u64 = 4096;
    let device_tree = Range::new(device_tree, device_tree.saturating_add(device_tree_size));
    let pages = Range::new(device_tree.start & !(PAGE - 1), device_tree.end.next_multiple_of(PAGE));
    mmu::build(if device_tree.is_empty() { Range::new(0, 0) } else { pages });
    mmu::enable();
    local::start(0, stack_top);
    if cfg!(sel4_debug) {
        console::start();
    }
    setup::start();
    gic::start();
    vgic::start();
    timer::start();
    let image = Range::new(image_start, image_end);
    let handover = Handover { kernel: mmu::kernel_image(), image, pv_offset, entry, device_tree };
    boot::start(&handover).addr().get()
}

/// Identification of the processor, for the banner.
pub fn processor() -> u64 {
    super::sysreg::read!("midr_el1")
}
