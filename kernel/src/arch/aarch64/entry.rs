//! The kernel's entry: from the loader, at EL2 with MMU and caches off, to [`crate::boot::start`].

use super::cores::{self, Inside};
use super::local::STACK_STRIDE;
use super::{console, gic, local, mmu, setup, timer, vgic};
use crate::boot::{self, Handover};
use crate::trap;
use core::arch::global_asm;
use kernel_config::Range;
use sel4_abi::config::MAX_NUM_NODES;

const PAGE: u64 = 4096;

// x0 to x5 are the loader's words, which become the six arguments of `quoll_enter`.
global_asm!(
    // Exceptions of the kernel find the vectors; HCR_EL2.E2H is clear, so this is EL2 of ARMv8.0.
    ".macro enter_el2",
    "adr x9, quoll_vectors",
    "msr vbar_el2, x9",
    "msr hcr_el2, xzr",
    "msr spsel, #1",
    "isb",
    ".endm",
    ".pushsection .text.entry, \"ax\"",
    ".global _start",
    "_start:",
    "msr daifset, #0xf",
    "mrs x9, CurrentEL",
    "cmp x9, #8",
    "b.ne 2f",
    "enter_el2",
    "adrp x9, __stack_guard",
    "add x9, x9, #{stride}",
    "mov sp, x9",
    "adrp x10, __bss_start",
    "adrp x11, __bss_end",
    "1: cmp x10, x11",
    "b.hs 3f",
    "stp xzr, xzr, [x10], #16",
    "b 1b",
    "3: bl quoll_enter",
    "b quoll_return",
    // Another core comes here, started by the first; x0 is its number.
    ".global quoll_start_secondary",
    "quoll_start_secondary:",
    "msr daifset, #0xf",
    "mrs x9, CurrentEL",
    "cmp x9, #8",
    "b.ne 2f",
    "enter_el2",
    "bl quoll_enable_mmu",
    "adrp x9, __stack_guard",
    "mov x10, #{stride}",
    "madd x9, x0, x10, x9",
    "add x9, x9, x10",
    "mov sp, x9",
    "bl quoll_enter_secondary",
    "b quoll_return",
    "2: wfi",
    "b 2b",
    ".popsection",
    // The stacks lie outside of what is cleared. The linker leaves a page below the first.
    ".pushsection .stack, \"aw\", %nobits",
    ".balign 4096",
    ".skip {stacks}",
    ".popsection",
    stride = const STACK_STRIDE,
    stacks = const MAX_NUM_NODES as u64 * STACK_STRIDE - PAGE,
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
) -> u64 {
    let device_tree = Range::new(device_tree, device_tree.saturating_add(device_tree_size));
    let pages = Range::new(device_tree.start & !(PAGE - 1), device_tree.end.next_multiple_of(PAGE));
    mmu::build(if device_tree.is_empty() { Range::new(0, 0) } else { pages });
    mmu::enable();
    local::start(0, mmu::stack(0).end);
    if cfg!(sel4_debug) {
        console::start();
    }
    gic::start();
    start_core();
    let _inside = Inside::enter();
    let image = Range::new(image_start, image_end);
    let cores = cores::start_others();
    let handover = Handover { kernel: mmu::kernel_image(), image, pv_offset, entry, device_tree, cores };
    boot::start(&handover).addr().get()
}

/// Sets up what every core has of its own.
fn start_core() {
    setup::start();
    gic::start_core();
    vgic::start();
    timer::start();
}

/// Sets another core up and waits for the first thread that is to run on it; comes back with the address of its TCB.
#[unsafe(no_mangle)]
extern "C" fn quoll_enter_secondary(core: usize) -> u64 {
    local::start(core, mmu::stack(core).end);
    start_core();
    cores::come_online();
    let _inside = Inside::enter();
    trap::resume().addr().get()
}

/// Identification of the processor, for the banner.
pub fn processor() -> u64 {
    super::sysreg::read!("midr_el1")
}
