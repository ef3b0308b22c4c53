//! Clearing memory.

use super::sysreg::read;
use core::arch::asm;

/// Clears `length` bytes at a physical address of normal memory that belongs to no object. Whole cache blocks are zeroed
/// at once (`DC ZVA`); a range that is not made of them is written word by word.
pub fn zero(start: u64, length: u64) {
    let dczid = read!("dczid_el0");
    let prohibited = dczid & 1 << 4 != 0;
    let block = 4 << (dczid & 0xf);
    let end = start + length;
    let mut address = start;
    if !prohibited && (start | length) & (block - 1) == 0 {
        while address < end {
            // SAFETY: the caller gives the memory away; the kernel maps it as normal memory.
            unsafe { asm!("dc zva, {}", in(reg) address, options(nostack, preserves_flags)) };
            address += block;
        }
    } else {
        // SAFETY: the caller gives the memory away.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(start as usize).write_bytes(0, length as usize) };
    }
}
