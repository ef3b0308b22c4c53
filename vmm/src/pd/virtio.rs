//! The guest's virtio devices, each for the region that it shares with its server; one that has none does not exist.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::{fmt, ptr::NonNull};

use ivc::{Consumer, Region, RegionError, block, clock::Clock, net, statistics::Table};
use sel4_microkit::{Channel, debug_println, var};
use vmm::{
    devices::{Bus, pl011::Line},
    virtio::{
        Bell,
        blk::Blk,
        console::{Console, PortConfig},
        entropy::Entropy,
        mmio::Mmio,
        net::Net,
    },
};

use super::{clock::HostClock, console::ConsoleLine, kernel};
use crate::ram::GuestRam;

/// Where the devices are: a guest finds the same one at the same place, whatever else there is.
mod slot {
    pub const CONSOLE: usize = 0;
    pub const DISK: usize = 1;
    pub const NETWORK: usize = 2;
    pub const ENTROPY: usize = 3;
}

/// What the description gives for one device.
#[derive(Clone, Copy)]
pub struct Shared {
    vaddr: usize,
    size: usize,
    channel: usize,
}

/// The symbols of one device.
macro_rules! shared {
    ($vaddr:ident, $size:ident, $channel:ident) => {
        Shared { vaddr: *var!($vaddr: usize = 0), size: *var!($size: usize = 0), channel: *var!($channel: usize = 0) }
    };
}

impl Shared {
    /// Attaches to the region. `None` if there is none, or it does not fit, which is told.
    fn open<T>(self, what: &str, attach: impl FnOnce(Region<'static>) -> Result<T, RegionError>) -> Option<T> {
        let base = NonNull::new(self.vaddr as *mut u8)?;
        // SAFETY: the system description maps the region there, and only this device uses it.
        let region = unsafe { Region::from_raw(base, self.size) };
        region.and_then(attach).inspect_err(|error| complain(what, error)).ok()
    }

    fn bell(self) -> Bell<'static> {
        let channel = Channel::new(self.channel);
        Box::new(move || channel.notify())
    }
}

fn complain(what: &str, error: &dyn fmt::Display) {
    debug_println!("{}: the guest has no {what}: {error}", kernel::name());
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
    let disk = shared!(disk_vaddr, disk_size, disk_channel);
    let attach_disk = |region| Blk::new(block::Client::attach(region)?, disk.bell());
    if let Some(device) = disk.open("disk", attach_disk) {
        bus.attach_virtio(slot::DISK, Box::new(Mmio::new(device, ram).counted(table.counter("disk requests"))));
    }
    let network = shared!(net_vaddr, net_size, net_channel);
    if let Some(port) = network.open("network", net::Port::station) {
        let device = Mmio::new(Net::new(port, network.bell()), ram).counted(table.counter("frames"));
        bus.attach_virtio(slot::NETWORK, Box::new(device));
    }
    if let Some(entropy) = entropy {
        bus.attach_virtio(slot::ENTROPY, Box::new(Mmio::new(entropy.clone(), ram)));
    }
}

/// The table in which exits and requests are counted, if there is one.
pub fn statistics() -> Table<'static> {
    let shared =
        Shared { vaddr: *var!(statistics_vaddr: usize = 0), size: *var!(statistics_size: usize = 0), channel: 0 };
    shared.open("statistics", |region| Ok(Table::over(region))).unwrap_or_default()
}

/// The source of random bytes, if there is one.
pub fn entropy() -> Option<Entropy<'static>> {
    let shared = shared!(entropy_vaddr, entropy_size, entropy_channel);
    let ring = shared.open("source of entropy", Consumer::attach)?;
    Some(Entropy::new(ring, shared.bell()))
}

/// The clock, if it has a driver that shares it.
pub fn clock() -> Option<HostClock> {
    let shared = shared!(clock_vaddr, clock_size, clock_channel);
    Some(HostClock::Kept(shared.open("clock", Clock::attach)?, Channel::new(shared.channel)))
}

/// The ports of the console, up to the first that the description has no region for.
fn ports() -> Vec<PortConfig<'static>> {
    let regions = [
        shared!(port_0_vaddr, port_0_size, port_0_channel),
        shared!(port_1_vaddr, port_1_size, port_1_channel),
        shared!(port_2_vaddr, port_2_size, port_2_channel),
        shared!(port_3_vaddr, port_3_size, port_3_channel),
    ];
    let present = regions.into_iter().take_while(|shared| shared.vaddr != 0);
    let port = |(number, Shared { vaddr, size, channel })| PortConfig {
        line: Box::new(ConsoleLine::new(vaddr, size, channel)) as _,
        name: if number == 0 { String::new() } else { format!("quoll.{number}") },
    };
    present.enumerate().map(port).collect()
}
