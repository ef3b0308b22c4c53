//! Clearing memory.

use super::sysreg::read;
use core::arch::asm;

/// Blocks that are zeroed in one turn of the loop.
const UNROLLED: u64 = 16;

/// Clears `length` bytes at a physical address of normal memory that belongs to no object. Whole cache blocks are zeroed
/// at once (`DC ZVA`); a range that is not made of them is written byte by byte.
pub fn zero(start: u64, length: u64) {
    let dczid = read!("dczid_el0");
    let prohibited = dczid & 1 << 4 != 0;
    let block = 4 << (dczid & 0xf);
    if prohibited || (start | length) & (block - 1) != 0 {
        // SAFETY: the caller gives the memory away.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(start as usize).write_bytes(0, length as usize) };
        return;
    }
    let end = start + length;
    let mut address = start;
    while end - address >= UNROLLED * block {
        address = zero_blocks(address, block);
    }
    while address < end {
        // SAFETY: the caller gives the memory away; the kernel maps it as normal memory.
        unsafe { asm!("dc zva, {}", in(reg) address, options(nostack, preserves_flags)) };
        address += block;
    }
}

/// Zeroes [`UNROLLED`] blocks; comes back with the address behind them.
#[inline(always)]
fn zero_blocks(mut address: u64, block: u64) -> u64 {
    // SAFETY: as in `zero`, which has seen that there are so many.
    unsafe {
        asm!(
            ".rept {count}", "dc zva, {address}", "add {address}, {address}, {block}", ".endr",
            count = const UNROLLED, address = inout(reg) address, block = in(reg) block,
            options(nostack, preserves_flags)
        );
    }
    address
}
