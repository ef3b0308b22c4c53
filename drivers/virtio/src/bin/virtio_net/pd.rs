//! Symbols, beside those of [`virtio::pd`]:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `switch_vaddr`, `switch_size` | `setvar_vaddr`, `setvar_size` | region shared with the switch |
//! | `switch_channel` | `setvar_id` of the `end` | channel to the switch |

use ivc::net::Port;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain, var};
use virtio::{Uplink, hardware::VirtioNic, pd};
use virtio_drivers::transport::DeviceType;

struct Pd {
    driver: Uplink<'static, VirtioNic>,
    irq: Channel,
    switch: Channel,
}

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
    let nic = pd::device(DeviceType::Network).and_then(VirtioNic::new).unwrap_or_else(|error| panic!("{error}"));
    let region = clients::pd::region(*var!(switch_vaddr: usize = 0), *var!(switch_size: usize = 0));
    let port = region.and_then(|region| Port::station(region).ok()).expect("a region shared with the switch");
    let switch = Channel::new(*var!(switch_channel: usize = 0));
    let mut pd = Pd { driver: Uplink::new(nic, port), irq: pd::interrupt(), switch };
    pd.run();
    pd
}

impl Pd {
    fn run(&mut self) {
        if self.driver.run() {
            self.switch.notify();
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
