//! The guest's virtio devices, each for the region that it shares with its server; one that has none does not exist.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use ivc::{Consumer, block, net, statistics::Table};
use vmm::{
    devices::{Bus, pl011::Line},
    virtio::{
        blk::Blk,
        console::{Console, PortConfig},
        entropy::Entropy,
        mmio::Mmio,
        net::Net,
    },
};

use super::{
    console::ConsoleLine,
    region::{SharedRegion, shared_region},
};
use crate::ram::GuestRam;

/// Where the devices are: a guest finds the same one at the same place, whatever else there is.
mod slot {
    pub const CONSOLE: usize = 0;
    pub const DISK: usize = 1;
    pub const NETWORK: usize = 2;
    pub const ENTROPY: usize = 3;
}

/// Connects the devices that the description has regions for. The last port of the console is that for messages.
pub fn attach(
    bus: &mut Bus<'static>,
    ram: GuestRam,
    entropy: Option<&Entropy<'static>>,
    messages: Option<Box<dyn Line>>,
    table: &mut Table<'static>,
) {
    let mut ports = ports();
    ports.extend(messages.map(|line| PortConfig { line, name: ivc::text::PORT.into() }));
    if !ports.is_empty() {
        bus.attach_virtio(
            slot::CONSOLE,
            Box::new(Mmio::new(Console::new(ports), ram).counted(table.counter("console requests"))),
        );
    }
    let disk = shared_region!(disk_vaddr, disk_size, disk_channel);
    let attach_disk = |region| Blk::new(block::Client::attach(region)?, disk.bell());
    if let Some(device) = disk.open("disk", attach_disk) {
        bus.attach_virtio(slot::DISK, Box::new(Mmio::new(device, ram).counted(table.counter("disk requests"))));
    }
    let network = shared_region!(net_vaddr, net_size, net_channel);
    if let Some(port) = network.open("network", net::Port::station) {
        let device = Mmio::new(Net::new(port, network.bell()), ram).counted(table.counter("frames"));
        bus.attach_virtio(slot::NETWORK, Box::new(device));
    }
    if let Some(entropy) = entropy {
        bus.attach_virtio(slot::ENTROPY, Box::new(Mmio::new(entropy.clone(), ram)));
    }
}

/// The source of random bytes, if there is one.
pub fn entropy() -> Option<Entropy<'static>> {
    let region = shared_region!(entropy_vaddr, entropy_size, entropy_channel);
    let ring = region.open("source of entropy", Consumer::attach)?;
    Some(Entropy::new(ring, region.bell()))
}

/// The ports of the console, up to the first that the description has no region for.
fn ports() -> Vec<PortConfig<'static>> {
    let regions = [
        shared_region!(port_0_vaddr, port_0_size, port_0_channel),
        shared_region!(port_1_vaddr, port_1_size, port_1_channel),
        shared_region!(port_2_vaddr, port_2_size, port_2_channel),
        shared_region!(port_3_vaddr, port_3_size, port_3_channel),
    ];
    let present = regions.into_iter().take_while(|region| region.vaddr != 0);
    let port = |(number, region): (usize, SharedRegion)| PortConfig {
        line: Box::new(ConsoleLine::new(region)) as _,
        name: if number == 0 { String::new() } else { format!("quoll.{number}") },
    };
    present.enumerate().map(port).collect()
}
