//! Symbols, beside those of [`virtio::pd`]:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `user_vaddr`, `user_size` | `setvar_vaddr`, `setvar_size` | region shared with the user: a block server or a VMM |
//! | `user_paddr` | `setvar` with `region_paddr` | its physical address |
//! | `user_channel` | `setvar_id` of the `end` | channel to the user |

use core::ptr::NonNull;

use ivc::block::{DATA, Server};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain, var};
use virtio::{Disk, dma::Dma, hardware::VirtioDisk, pd};
use virtio_drivers::transport::DeviceType;

struct Pd {
    driver: Disk<'static, VirtioDisk>,
    irq: Channel,
    user: Channel,
}

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
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
    let mut pd = Pd { driver: Disk::new(disk, server), irq: pd::interrupt(), user };
    pd.run();
    pd
}

impl Pd {
    fn run(&mut self) {
        if self.driver.run() {
            self.user.notify();
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.driver.device_mut().acknowledge();
        self.run();
        if channels.contains(self.irq) {
            // Fails only if the description gives this channel to something else than the interrupt.
            self.irq.irq_ack().expect("an interrupt's channel");
        }
        Ok(())
    }
}
