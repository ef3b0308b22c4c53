//! Clearing memory, and copying registers.

use super::sysreg::read;
use crate::mem::UserWords;
use crate::object::tcb::Registers;
use core::arch::asm;
use core::mem::offset_of;

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

// What is copied: x0 to x30, stack pointer, program counter, program status.
const _: () = assert!(offset_of!(Registers, spsr) == 264);

/// Copies a thread's registers, up to its program status, to user level.
#[inline(always)]
pub fn copy_registers(from: &Registers, to: UserWords) {
    // SAFETY: there are 34 words in C's layout at `from` (checked above), and room for them at `to`; that user level may
    // look on does not matter to the copy.
    unsafe {
        asm!(
            ".set offset, 0",
            ".rept 17",
            "ldp {a}, {b}, [{from}, #offset]",
            "stp {a}, {b}, [{to}, #offset]",
            ".set offset, offset + 16",
            ".endr",
            a = out(reg) _, b = out(reg) _, from = in(reg) core::ptr::from_ref(from), to = in(reg) to.as_ptr(),
            options(nostack, preserves_flags)
        );
    }
}
