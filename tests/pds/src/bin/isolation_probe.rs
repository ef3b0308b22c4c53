//! Looks into all of its slots and tells which hold something. Only a debug kernel can say.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sel4_microkit::{NullHandler, memory_region_symbol, protection_domain};
use test_pds::isolation::Findings;

#[protection_domain]
fn init() -> NullHandler {
    // SAFETY: the region is mapped for good, and both domains use it as atomics only.
    probe(unsafe { memory_region_symbol!(findings_vaddr: *mut Findings).as_ref() });
    NullHandler::new()
}

#[cfg(sel4_debug)]
fn probe(findings: &Findings) {
    use core::slice;
    use core::sync::atomic::Ordering;

    use sel4::{CPtrBits, Cap, cap_type};
    use sel4_abi::microkit::{CNODE_BITS, ROOT_CNODE_BITS, root_slot_cptr};

    let holds = |cptr: CPtrBits| Cap::<cap_type::Unspecified>::from_bits(cptr).debug_identify() != 0;
    for slot in (0..1 << CNODE_BITS).filter(|slot| holds(*slot)) {
        Findings::mark(&findings.inner, slot);
    }
    // Slot 0 leads to the CNode that was looked through.
    Findings::mark(slice::from_ref(&findings.root), 0);
    for slot in (1..1 << ROOT_CNODE_BITS).filter(|slot| holds(root_slot_cptr(*slot))) {
        Findings::mark(slice::from_ref(&findings.root), slot);
    }
    findings.done.store(1, Ordering::Release);
}

#[cfg(not(sel4_debug))]
fn probe(_: &Findings) {}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("isolation_probe is a protection domain: it runs on quoll only");
}
