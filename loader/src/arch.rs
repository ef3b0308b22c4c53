//! All of the loader's assembly: entry, wide copies, and the jump to the kernel.

use core::arch::{asm, global_asm};
use quoll_loader::{ImageHeader, SEGMENT_ALIGN, Segment};

global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    msr     daifset, #0xf
    adr     x9, stack_top
    mov     sp, x9
    b       {boot}
    "#,
    boot = sym crate::boot::boot,
);

unsafe extern "C" {
    /// From the linker script: the header stands directly behind the loader.
    #[link_name = "image_header"]
    static IMAGE_HEADER: ImageHeader;
}

/// The header that the tool put behind the loader; it may be anything.
pub fn image_header() -> &'static ImageHeader {
    // SAFETY: the memory behind the loader belongs to the image, and every bit pattern is a header.
    unsafe { &IMAGE_HEADER }
}

/// The exception level that the core is in (CurrentEL).
pub fn exception_level() -> u64 {
    let level: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, CurrentEL", out(reg) level, options(nomem, nostack)) };
    level >> 2
}

/// Where the image really is.
pub fn load_address() -> u64 {
    let address: u64;
    // SAFETY: computes an address.
    unsafe { asm!("adr {}, _start", out(reg) address, options(nomem, nostack)) };
    address
}

/// Copies and zeroes one segment of the kernel.
///
/// # Safety
/// Source and target are memory that nothing else uses, as the segment says, and don't overlap.
pub unsafe fn place(segment: &Segment) {
    let copied_end = segment.target + segment.copied;
    // SAFETY: see above; `SEGMENT_ALIGN` is the step of both loops.
    unsafe {
        copy(segment.source, segment.target, copied_end);
        zero(copied_end, copied_end + segment.zeroed);
        clean(segment.target, copied_end + segment.zeroed);
    }
}

/// Copies to `target..end`, 64 bytes at a time.
unsafe fn copy(source: u64, target: u64, end: u64) {
    // SAFETY: the caller vouches for the memory.
    unsafe {
        asm!(
            "1: cmp {target}, {end}",
            "b.hs 2f",
            "ldp {a}, {b}, [{source}]",
            "ldp {c}, {d}, [{source}, #16]",
            "ldp {e}, {f}, [{source}, #32]",
            "ldp {g}, {h}, [{source}, #48]",
            "add {source}, {source}, #64",
            "stp {a}, {b}, [{target}]",
            "stp {c}, {d}, [{target}, #16]",
            "stp {e}, {f}, [{target}, #32]",
            "stp {g}, {h}, [{target}, #48]",
            "add {target}, {target}, #64",
            "b 1b",
            "2:",
            source = inout(reg) source => _, target = inout(reg) target => _, end = in(reg) end,
            a = out(reg) _, b = out(reg) _, c = out(reg) _, d = out(reg) _,
            e = out(reg) _, f = out(reg) _, g = out(reg) _, h = out(reg) _,
            options(nostack),
        );
    }
}

/// Zeroes `target..end`. Not with `dc zva`: with the MMU off all memory is Device, where it faults.
unsafe fn zero(target: u64, end: u64) {
    // SAFETY: the caller vouches for the memory.
    unsafe {
        asm!(
            "1: cmp {target}, {end}",
            "b.hs 2f",
            "stp xzr, xzr, [{target}]",
            "stp xzr, xzr, [{target}, #16]",
            "stp xzr, xzr, [{target}, #32]",
            "stp xzr, xzr, [{target}, #48]",
            "add {target}, {target}, #64",
            "b 1b",
            "2:",
            target = inout(reg) target => _, end = in(reg) end,
            options(nostack),
        );
    }
}

/// Drops what caches may still hold of `from..to` from before, so that the kernel sees memory once it turns them on.
unsafe fn clean(from: u64, to: u64) {
    for line in (from..to).step_by(SEGMENT_ALIGN as usize) {
        // SAFETY: written with caches off: a line that is invalidated has nothing newer than memory.
        unsafe { asm!("dc ivac, {}", in(reg) line, options(nostack)) };
    }
}

/// Enters the kernel with MMU and caches off and x0 to x5 as given.
///
/// # Safety
/// `entry` is the kernel's entry point and its segments are in place.
pub unsafe fn enter_kernel(entry: u64, arguments: &[u64; 6]) -> ! {
    /// SCTLR_EL2: the bits that are RES1 in ARMv8.0, all else off.
    const SCTLR_EL2_OFF: u64 = 0x30c5_0830;
    let [x0, x1, x2, x3, x4, x5] = *arguments;
    // SAFETY: nothing of the loader is used afterwards.
    unsafe {
        asm!(
            "msr sctlr_el2, {sctlr}",
            "dsb sy",
            "ic iallu",
            "dsb sy",
            "isb",
            "br {entry}",
            sctlr = in(reg) SCTLR_EL2_OFF, entry = in(reg) entry,
            in("x0") x0, in("x1") x1, in("x2") x2, in("x3") x3, in("x4") x4, in("x5") x5,
            options(noreturn),
        );
    }
}

/// Sleeps for good.
pub fn halt() -> ! {
    loop {
        // SAFETY: waits; interrupts are masked.
        unsafe { asm!("wfi", options(nomem, nostack)) };
    }
}
