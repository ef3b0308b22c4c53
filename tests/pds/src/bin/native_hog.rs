//! Never waits: only its budget keeps it from taking the whole processor. Counts in shared memory.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::{AtomicU64, Ordering};

use sel4_microkit::{Never, memory_region_symbol, protection_domain};

#[protection_domain]
fn init() -> Never {
    // SAFETY: the region is mapped for good, and both domains use its first word as an atomic only.
    let counter = unsafe { memory_region_symbol!(shared_vaddr: *mut AtomicU64).as_ref() };
    loop {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("native_hog is a protection domain: it runs on quoll only");
}
