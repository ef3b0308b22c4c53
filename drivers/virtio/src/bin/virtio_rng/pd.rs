//! Symbols, beside those of [`virtio::pd`]: `client_N_vaddr`, `client_N_size` (`setvar_vaddr`, `setvar_size`), the ring of the user on
//! channel N, 0 to 15.

use ivc::Producer;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};
use virtio::{Entropy, hardware::VirtioEntropy, pd};
use virtio_drivers::transport::DeviceType;

struct Pd {
    driver: Entropy<'static, VirtioEntropy>,
    irq: Channel,
}

#[protection_domain(heap_size = 0x4000)]
fn init() -> Pd {
    let source = VirtioEntropy::new(pd::device(DeviceType::EntropySource)).unwrap_or_else(|error| panic!("{error}"));
    let user = |channel| Some((channel, Producer::attach(clients::pd::client(channel)?).ok()?));
    let users = (0..clients::MOST).filter_map(user).collect();
    let mut pd = Pd { driver: Entropy::new(source, users), irq: pd::interrupt() };
    clients::pd::notify(pd.driver.run());
    pd
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.driver.device_mut().acknowledge();
        clients::pd::notify(self.driver.run());
        if channels.contains(self.irq) {
            // Fails only if the description gives this channel to something else than the interrupt.
            self.irq.irq_ack().expect("an interrupt's channel");
        }
        Ok(())
    }
}
