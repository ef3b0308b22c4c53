//! The guest's own translation: beside the lower half, in which all is where it is physically, the beginning of the memory a second
//! time at [`UPPER`], by pages of 64 KiB.

use core::sync::atomic::{AtomicU64, Ordering};

use bare_guest::memory::{PAGE, TABLE, switch_on_with_upper_half};

/// Where the memory begins, physically and in the lower half.
pub const MEMORY: usize = 0x4000_0000;
/// Where it begins in the upper half, which has 30 bits.
pub const UPPER: usize = usize::MAX << 30;
/// Pages that are mapped there, and their bytes.
const PAGES: usize = 4;
const PAGE_SIZE: u64 = 0x1_0000;

#[repr(C, align(4096))]
struct Root([AtomicU64; 512]);

#[repr(C, align(65536))]
struct Pages([AtomicU64; 8192]);

static ROOT_TABLE: Root = Root([const { AtomicU64::new(0) }; 512]);
static PAGE_TABLE: Pages = Pages([const { AtomicU64::new(0) }; 8192]);

/// `TCR_EL1`, of the upper half: 30 bits, 64 KiB granule; tables, which are written without a cache, are read without one.
const CONTROL: u64 = 34 << 16 | 3 << 30;

fn set<const N: usize>(table: &[AtomicU64; N], index: usize, descriptor: u64) {
    table[index].store(descriptor, Ordering::Relaxed);
}

fn address<const N: usize>(table: &[AtomicU64; N]) -> u64 {
    table.as_ptr().addr() as u64
}

/// Makes the tables and switches translation on.
pub fn switch_on() {
    set(&ROOT_TABLE.0, 0, address(&PAGE_TABLE.0) | TABLE);
    for page in 0..PAGES {
        set(&PAGE_TABLE.0, page, (MEMORY as u64 + page as u64 * PAGE_SIZE) | PAGE);
    }
    // SAFETY: only code is reached through the upper half.
    unsafe { switch_on_with_upper_half(CONTROL, address(&ROOT_TABLE.0)) };
}
