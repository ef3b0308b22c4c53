//! Cache maintenance by address. Addresses are physical and the kernel maps all memory at them.

#[cfg(sel4_benchmark)]
use super::sysreg::write;
use super::sysreg::{barrier, read};
use core::arch::asm;

/// Applies one instruction to each line of a range.
macro_rules! for_each_line {
    ($operation:literal, $line:expr, $start:expr, $length:expr) => {{
        let line: u64 = $line;
        let (start, end): (u64, u64) = ($start, $start + $length);
        let mut address = start & !(line - 1);
        while address < end {
            // SAFETY: maintenance by address of memory that the kernel maps; it changes no value that software reads
            // coherently. That the content of invalidated lines may be lost is what the caller asks for.
            unsafe { asm!(concat!($operation, ", {}"), in(reg) address, options(nostack, preserves_flags)) };
            address += line;
        }
    }};
}

/// Bytes of the smallest data-cache line (`CTR_EL0.DminLine`).
fn data_line() -> u64 {
    4 << (read!("ctr_el0") >> 16 & 0xf)
}

/// Bytes of the smallest instruction-cache line (`CTR_EL0.IminLine`).
fn instruction_line() -> u64 {
    4 << (read!("ctr_el0") & 0xf)
}

/// Writes what the caches hold of a range back to memory (point of coherency).
pub fn clean(start: u64, length: u64) {
    for_each_line!("dc cvac", data_line(), start, length);
    barrier!("dsb sy");
}

/// Drops what the caches hold of a range. Lines that the range shares with its neighbours are written back first.
pub fn invalidate(start: u64, length: u64) {
    let line = data_line();
    if (start | length) & (line - 1) != 0 {
        clean_invalidate(start, length);
        return;
    }
    for_each_line!("dc ivac", line, start, length);
    barrier!("dsb sy");
}

/// Writes a range back to memory and drops it from the caches.
pub fn clean_invalidate(start: u64, length: u64) {
    for_each_line!("dc civac", data_line(), start, length);
    barrier!("dsb sy");
}

/// Makes what was written to a range visible to instruction fetches (point of unification).
pub fn unify(start: u64, length: u64) {
    for_each_line!("dc cvau", data_line(), start, length);
    barrier!("dsb ish");
    for_each_line!("ic ivau", instruction_line(), start, length);
    barrier!("dsb ish", "isb");
}

/// Forgets all instructions: memory was written past the caches, as by a loader.
pub fn forget_instructions() {
    barrier!("ic ialluis", "dsb ish", "isb");
}

/// Writes back and empties all caches of this core, as far as it knows them. For measurements: with other cores awake, lines
/// may come back meanwhile.
#[cfg(sel4_benchmark)]
pub fn flush() {
    let guests = read!("csselr_el1");
    let levels = read!("clidr_el1");
    for level in 0..levels >> 24 & 7 {
        const DATA: u64 = 2;
        if levels >> (3 * level) & 7 >= DATA {
            flush_level(level);
        }
    }
    write!("csselr_el1", guests);
    barrier!("dsb sy");
    forget_instructions();
}

/// Cleans and invalidates each line of a data cache by set and way (ARM ARM, D24.2.26 and DC CISW).
#[cfg(sel4_benchmark)]
fn flush_level(level: u64) {
    write!("csselr_el1", level << 1);
    barrier!("isb");
    let geometry = read!("ccsidr_el1");
    let wide = read!("id_aa64mmfr2_el1") >> 20 & 0xf != 0;
    let (last_way, last_set) = match wide {
        true => (geometry >> 3 & 0x1f_ffff, geometry >> 32 & 0xff_ffff),
        false => (geometry >> 3 & 0x3ff, geometry >> 13 & 0x7fff),
    };
    let set_shift = (geometry & 7) + 4;
    let way_shift = if last_way == 0 { 0 } else { (last_way as u32).leading_zeros() };
    for way in 0..=last_way {
        for set in 0..=last_set {
            let line = way << way_shift | set << set_shift | level << 1;
            // SAFETY: lines are written back before they are dropped.
            unsafe { asm!("dc cisw, {}", in(reg) line, options(nostack, preserves_flags)) };
        }
    }
}
