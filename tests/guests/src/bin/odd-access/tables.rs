//! The guest's own translation: the lower half of the address space as it is physically, by blocks of 1 GiB; and the beginning
//! of the memory a second time at [`UPPER`], by pages of 64 KiB.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where the memory begins, physically and in the lower half.
pub const MEMORY: usize = 0x4000_0000;
/// Where it begins in the upper half, which has 30 bits.
pub const UPPER: usize = usize::MAX << 30;
/// Pages that are mapped there.
const PAGES: usize = 4;
const PAGE: u64 = 0x1_0000;

#[repr(C, align(4096))]
struct Small([AtomicU64; 512]);

#[repr(C, align(65536))]
struct Large([AtomicU64; 8192]);

static LOWER_ROOT: Small = Small([const { AtomicU64::new(0) }; 512]);
static UPPER_ROOT: Small = Small([const { AtomicU64::new(0) }; 512]);
static UPPER_PAGES: Large = Large([const { AtomicU64::new(0) }; 8192]);

/// Descriptors (Arm ARM D8.3): the access flag is set, shareability is inner.
const COMMON: u64 = 1 << 10 | 3 << 8;
const BLOCK: u64 = COMMON | 1;
const PAGE_OR_TABLE: u64 = 3;
/// Attributes by their place in [`MAIR`]; devices are not executed.
const DEVICE: u64 = 1 << 54 | 1 << 53;
const NORMAL: u64 = 1 << 2;
/// Device-nGnRnE; normal memory, write-back.
const MAIR: u64 = 0xff << 8;
/// The lower half: 39 bits, 4 KiB granule; the upper: 30 bits, 64 KiB granule; 36 bits of physical addresses.
const TCR: u64 = 25 | 34 << 16 | 3 << 30 | 1 << 32;
/// `SCTLR_EL1`: translation, caches.
const SCTLR: u64 = 1 | 1 << 2 | 1 << 12;

fn set<const N: usize>(table: &[AtomicU64; N], index: usize, descriptor: u64) {
    table[index].store(descriptor, Ordering::Relaxed);
}

fn address<const N: usize>(table: &[AtomicU64; N]) -> u64 {
    table.as_ptr().addr() as u64
}

/// Makes the tables and switches translation on.
pub fn switch_on() {
    set(&LOWER_ROOT.0, 0, BLOCK | DEVICE);
    set(&LOWER_ROOT.0, 1, MEMORY as u64 | BLOCK | NORMAL);
    set(&UPPER_ROOT.0, 0, address(&UPPER_PAGES.0) | PAGE_OR_TABLE);
    for page in 0..PAGES {
        set(&UPPER_PAGES.0, page, (MEMORY as u64 + page as u64 * PAGE) | COMMON | NORMAL | PAGE_OR_TABLE);
    }
    // SAFETY: everything that the program uses stays where it is.
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
            tcr = in(reg) TCR,
            lower = in(reg) address(&LOWER_ROOT.0),
            upper = in(reg) address(&UPPER_ROOT.0),
            on = in(reg) SCTLR,
            sctlr = out(reg) _,
        );
    }
}
