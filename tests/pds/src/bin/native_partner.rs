//! Answers each notification by one, after adding one to a word of shared memory.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::{AtomicU64, Ordering};

use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, IrqAckError, memory_region_symbol,
    protection_domain,
};

const PEER: Channel = Channel::new(0);

struct Partner {
    counter: &'static AtomicU64,
    deferred: DeferredActionSlot,
}

#[protection_domain(stack_size = 0x2000)]
fn init() -> impl Handler {
    // SAFETY: the region is mapped for good, and both domains use its first word as an atomic only.
    let counter = unsafe { memory_region_symbol!(shared_vaddr: *mut AtomicU64).as_ref() };
    Partner { counter, deferred: DeferredActionSlot::new() }
}

impl Handler for Partner {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        if channels.contains(PEER) {
            self.counter.fetch_add(1, Ordering::AcqRel);
            self.deferred.defer_notify(PEER)?;
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("native_partner is a protection domain: it runs on quoll only");
}
