//! A child: tells its parent when it starts, and faults or answers when it is told to.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, protection_domain, set_mr, with_msg_regs_mut,
};
use test_pds::{CHILD_FAULT_ADDRESS, label};

const PARENT: Channel = Channel::new(0);
const FAULT: Channel = Channel::new(1);

/// A restart sets the program counter and nothing else, so this survives.
static STARTS: AtomicU64 = AtomicU64::new(0);

struct Child;

#[cfg(target_os = "none")]
fn entry_point() -> u64 {
    unsafe extern "C" {
        fn _start() -> !;
    }
    _start as *const () as u64
}

/// A host's entry point is not what a parent on quoll could use.
#[cfg(not(target_os = "none"))]
fn entry_point() -> u64 {
    0
}

#[protection_domain]
fn init() -> impl Handler {
    let starts = STARTS.fetch_add(1, Ordering::Relaxed) + 1;
    set_mr(0, starts);
    set_mr(1, entry_point());
    PARENT.pp_call(MessageInfo::new(label::STARTED, 2));
    Child
}

impl Handler for Child {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        if channels.contains(FAULT) {
            let address = ptr::without_provenance_mut::<u32>(CHILD_FAULT_ADDRESS as usize);
            // In the midst of a borrow of the message registers, which the restart has to get over.
            with_msg_regs_mut(|_| {
                // SAFETY: nothing is mapped there: the thread stops.
                unsafe { ptr::write_volatile(black_box(address), 1) };
            });
        }
        if channels.contains(PARENT) {
            PARENT.notify();
        }
        Ok(())
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("native_child is a protection domain: it runs on quoll only");
}
