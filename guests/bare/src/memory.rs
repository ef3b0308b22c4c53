//! Address translation that changes no address: what lies below the memory is devices, the memory is cached. Regions that a guest
//! shares with others are seen by those through their caches, so a guest that uses one needs this.

use core::arch::asm;

/// Bits of descriptors (Arm ARM D8.3): the access flag is set, shareability is inner.
const COMMON: u64 = 1 << 10 | 3 << 8;
const BLOCK: u64 = COMMON | 1;
/// Attribute 0, never executed.
const DEVICE: u64 = 1 << 54 | 1 << 53;
/// Attribute 1.
const NORMAL: u64 = 1 << 2;
/// A descriptor of a table, but for its address.
pub const TABLE: u64 = 3;
/// A descriptor of a page of cached memory, but for its address.
pub const PAGE: u64 = COMMON | NORMAL | 3;
/// Device-nGnRnE; normal memory, write-back.
const MAIR: u64 = 0xff << 8;
/// `TCR_EL1`: 39 bits in the lower half by a 4 KiB granule, tables read through the cache; 36 bits of physical addresses.
const TCR: u64 = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 32;
/// Nothing in the upper half.
const NO_UPPER_HALF: u64 = 1 << 23;
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
    // SAFETY: there is no upper half.
    unsafe { switch_on_with_upper_half(NO_UPPER_HALF, 0) }
}

/// The same with an upper half: the root of its tables is at `root`, and `control` has what `TCR_EL1` says of it.
///
/// # Safety
/// Nothing else is reached through the upper half than what the program may use as it is mapped there.
#[inline(always)]
pub unsafe fn switch_on_with_upper_half(control: u64, root: u64) {
    // SAFETY: everything that the program uses stays where it is; of the upper half by the caller's promise.
    unsafe {
        asm!(
            "dsb sy",
            "msr mair_el1, {mair}",
            "msr tcr_el1, {tcr}",
            "msr ttbr0_el1, {lower}",
            "msr ttbr1_el1, {upper}",
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
            tcr = in(reg) TCR | control,
            lower = in(reg) &raw const ROOT,
            upper = in(reg) root,
            on = in(reg) SCTLR,
            sctlr = out(reg) _,
        );
    }
}
