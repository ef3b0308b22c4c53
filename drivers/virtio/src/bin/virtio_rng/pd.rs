//! Symbols, beside those of [`virtio::pd`]: `client_N_vaddr`, `client_N_size` (`setvar_vaddr`, `setvar_size`), the ring of the user on
//! channel N, 0 to 15.

extern crate alloc;

use alloc::vec::Vec;

use ivc::Producer;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, debug_println, pd_name, protection_domain};
use virtio::{Entropy, hardware::VirtioEntropy, pd, tell_dry};
use virtio_drivers::transport::DeviceType;

/// Without a device there is nothing to do.
struct Pd(Option<(Entropy<'static, VirtioEntropy>, Channel)>);

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
    let user = |channel| Some((channel, Producer::attach(clients::pd::client(channel)?).ok()?));
    let mut users: Vec<_> = (0..clients::MOST).filter_map(user).collect();
    match pd::device(DeviceType::EntropySource).and_then(VirtioEntropy::new) {
        Ok(source) => {
            let mut driver = Entropy::new(source, users);
            clients::pd::notify(driver.run());
            Pd(Some((driver, pd::interrupt())))
        }
        Err(error) => {
            debug_println!("{}: there are no random bytes: {error}", pd_name().unwrap_or("virtio_rng"));
            clients::pd::notify(tell_dry(&mut users));
            Pd(None)
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        let Some((driver, irq)) = &mut self.0 else { return Ok(()) };
        driver.device_mut().acknowledge();
        clients::pd::notify(driver.run());
        if channels.contains(*irq) {
            // Fails only if the description gives this channel to something else than the interrupt.
            irq.irq_ack().expect("an interrupt's channel");
        }
        Ok(())
    }
}
