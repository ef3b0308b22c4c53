//! Symbols, beside those of [`virtio::pd`]: `client_N_vaddr`, `client_N_size` (`setvar_vaddr`, `setvar_size`), the ring of the user on
//! channel N, 0 to 15.

extern crate alloc;

use alloc::vec::Vec;

use driver_pd::Pd;
use ivc::Producer;
use sel4_microkit::{Handler, debug_println, pd_name, protection_domain};
use virtio::{Entropy, hardware::VirtioEntropy, pd, tell_dry};
use virtio_drivers::transport::DeviceType;

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> impl Handler {
    let user = |channel| Some((channel, Producer::attach(clients::pd::client(channel)?).ok()?));
    let mut users: Vec<_> = (0..clients::MOST).filter_map(user).collect();
    let source = pd::device(DeviceType::EntropySource).and_then(VirtioEntropy::new).inspect_err(|error| {
        debug_println!("{}: there are no random bytes: {error}", pd_name().unwrap_or("virtio_rng"));
        clients::pd::notify(tell_dry(&mut users));
    });
    // Without a device there is nothing to do.
    let mut driver = source.ok().map(|source| Entropy::new(source, users));
    Pd::start(pd::interrupt(), move || {
        if let Some(driver) = &mut driver {
            driver.device_mut().acknowledge();
            clients::pd::notify(driver.run());
        }
    })
}
