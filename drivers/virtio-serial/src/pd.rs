//! The protection domain around the driver. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `slots_vaddr` | `setvar_vaddr` | a page of eight virtio-mmio slots, mapped uncached |
//! | `device_irq` | `setvar_id` of the `irq` | interrupt of the last slot in it, which is the device's |
//! | `shared_vaddr`, `shared_size` | `setvar_vaddr`, `setvar_size` | memory to share with the device: 16 pages |
//! | `shared_paddr` | `setvar` with `region_paddr` | where the device sees that |
//! | `console_vaddr`, `console_size` | `setvar_vaddr`, `setvar_size` | region shared with the line's user |
//! | `console_channel` | `setvar_id` of the `end` | channel to the line's user |
//!
//! On a machine without the device it does nothing.

use core::ptr::NonNull;

use driver_pd::Pd;
use ivc::{Region, console};
use sel4_microkit::{Channel, Handler, debug_println, memory_region_symbol, protection_domain, var};
use virtio_dma::Dma;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_serial::{Driver, Serial};

/// Bytes of a slot's registers, and where the last one of a page lies.
const SLOT: usize = 0x200;
const LAST_SLOT: usize = 7 * SLOT;

type Device = Serial<Dma, MmioTransport<'static>>;

#[protection_domain]
fn init() -> impl Handler {
    let base: NonNull<u8> = memory_region_symbol!(console_vaddr: *mut u8);
    // SAFETY: the system description maps the region there, and only the line uses it.
    let region = unsafe { Region::from_raw(base, *var!(console_size: usize = 0)) };
    let line = region.and_then(console::Port::server).expect("a region for two rings");
    let mut driver = device().map(|device| Driver::new(device, line));
    let user = Channel::new(*var!(console_channel: usize = 0));
    Pd::start(Channel::new(*var!(device_irq: usize = 0)), move || {
        if driver.as_mut().is_some_and(Driver::run) {
            user.notify();
        }
    })
}

/// The device, if the machine has it.
fn device() -> Option<Device> {
    let slots = memory_region_symbol!(slots_vaddr: *mut u8);
    let shared = memory_region_symbol!(shared_vaddr: *mut u8);
    // SAFETY: the system description maps the region there, and only the device and its driver use it.
    unsafe { Dma::set_own(shared, *var!(shared_size: usize = 0), *var!(shared_paddr: u64 = 0)) };
    // SAFETY: the page has eight slots, which are mapped for this domain only.
    let registers = unsafe { slots.add(LAST_SLOT) }.cast::<VirtIOHeader>();
    // SAFETY: as above.
    let transport = unsafe { MmioTransport::new(registers, SLOT) }.ok()?;
    Serial::new(transport).inspect_err(|error| debug_println!("virtio serial device: {error}")).ok()
}
