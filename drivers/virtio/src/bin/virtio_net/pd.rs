//! Symbols, beside those of [`virtio::pd`]:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `switch_vaddr`, `switch_size` | `setvar_vaddr`, `setvar_size` | region shared with the switch |
//! | `switch_channel` | `setvar_id` of the `end` | channel to the switch |

use driver_pd::Pd;
use ivc::net::Port;
use sel4_microkit::{Channel, Handler, protection_domain, var};
use virtio::{Uplink, hardware::VirtioNic, pd};
use virtio_drivers::transport::DeviceType;

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> impl Handler {
    let nic = pd::device(DeviceType::Network).and_then(VirtioNic::new).unwrap_or_else(|error| panic!("{error}"));
    let region = clients::pd::region(*var!(switch_vaddr: usize = 0), *var!(switch_size: usize = 0));
    let port = region.and_then(|region| Port::station(region).ok()).expect("a region shared with the switch");
    let switch = Channel::new(*var!(switch_channel: usize = 0));
    let mut driver = Uplink::new(nic, port);
    Pd::start(pd::interrupt(), move || {
        driver.device_mut().acknowledge();
        if driver.run() {
            switch.notify();
        }
    })
}
