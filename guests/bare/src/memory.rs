//! Address translation that changes no address: what lies below the memory is devices, the memory is cached. Regions that a guest
//! shares with others are seen by those through their caches, so a guest that uses one needs this.

use core::arch::asm;

/// Descriptors of blocks of 1 GiB (Arm ARM D8.3): valid, inner shareable, accessed.
const BLOCK: u64 = 1 | 3 << 8 | 1 << 10;
/// Attribute 0, never executed.
const DEVICE: u64 = 1 << 54 | 1 << 53;
/// Attribute 1.
const NORMAL: u64 = 1 << 2;
/// Device-nGnRnE; normal memory, write-back.
const MAIR: u64 = 0xff << 8;
/// 39 bits by a 4 KiB granule, tables read through the cache; nothing in the upper half; 36 bits of physical addresses.
const TCR: u64 = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 32;
/// `SCTLR_EL1`: translation, caches.
const SCTLR: u64 = 1 | 1 << 2 | 1 << 12;
/// A gibibyte.
const BLOCK_SIZE: u64 = 1 << 30;

#[repr(C, align(4096))]
struct Table([u64; 512]);

/// It is a part of the image, so that it is in memory before anything is written without a cache.
static ROOT: Table = {
    let mut table = Table([0; 512]);
    table.0[0] = BLOCK | DEVICE;
    table.0[1] = BLOCK_SIZE | BLOCK | NORMAL;
    table
};

/// Switches translation and caches on: below 0x4000_0000 are devices, up to 0x8000_0000 memory. A guest does this first.
#[inline(always)]
pub fn switch_on() {
    // SAFETY: everything that the program uses stays where it is.
    unsafe {
        asm!(
            "dsb sy",
            "msr mair_el1, {mair}",
            "msr tcr_el1, {tcr}",
            "msr ttbr0_el1, {root}",
            "isb",
            "tlbi vmalle1",
            "ic iallu",
            "dsb sy",
            "isb",
            "mrs {sctlr}, sctlr_el1",
            "orr {sctlr}, {sctlr}, {on}",
            "msr sctlr_el1, {sctlr}",
            "isb",
            mair = in(reg) MAIR,
            tcr = in(reg) TCR,
            root = in(reg) &raw const ROOT,
            on = in(reg) SCTLR,
            sctlr = out(reg) _,
        );
    }
}
