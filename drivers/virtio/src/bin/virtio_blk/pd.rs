//! Symbols, beside those of [`virtio::pd`]:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `user_vaddr`, `user_size` | `setvar_vaddr`, `setvar_size` | region shared with the user: a block server or a VMM |
//! | `user_paddr` | `setvar` with `region_paddr` | its physical address |
//! | `user_channel` | `setvar_id` of the `end` | channel to the user |

use core::ptr::NonNull;

use driver_pd::Pd;
use ivc::block::{DATA, Server};
use sel4_microkit::{Channel, Handler, memory_region_symbol, protection_domain, var};
use virtio::{Disk, hardware::VirtioDisk, pd};
use virtio_dma::Dma;
use virtio_drivers::transport::DeviceType;

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> impl Handler {
    let base: NonNull<u8> = memory_region_symbol!(user_vaddr: *mut u8);
    let size = *var!(user_size: usize = 0);
    // SAFETY: the system description maps the region there, and tells where it is.
    unsafe { Dma::set_shared(base, size, *var!(user_paddr: usize = 0) as u64) };
    let region = clients::pd::region(base.as_ptr().addr(), size).expect("an aligned region");
    let server = Server::attach(region).expect("a region with room for data");
    // SAFETY: the region is larger than what precedes the data.
    let data = unsafe { base.add(DATA) };
    let disk = pd::device(DeviceType::Block).and_then(|transport| VirtioDisk::new(transport, data));
    let disk = disk.unwrap_or_else(|error| panic!("{error}"));
    let user = Channel::new(*var!(user_channel: usize = 0));
    let mut driver = Disk::new(disk, server);
    Pd::start(pd::interrupt(), move || {
        driver.device_mut().acknowledge();
        if driver.run() {
            user.notify();
        }
    })
}
