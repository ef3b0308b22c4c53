//! Devices of the machine that the description gives the guest, and their interrupts, which this protection domain has.

use alloc::{string::String, vec::Vec};
use sel4_abi::quoll::guest_device::{
    ADDRESS, CHANNEL, COMPATIBLE, COMPATIBLE_BYTES, DMA, EDGE, FLAGS, INTERRUPT, MAX, SIZE, WORDS,
};
use sel4_microkit::{Channel, debug_println, var};
use vmm::{machine::Region, passed::PassedDevice, vgic::HardwareLine};

use super::kernel::name;

/// What the tool has written.
fn entries() -> impl Iterator<Item = &'static [u64; WORDS]> {
    var!(guest_devices: [[u64; WORDS]; MAX] = [[0; WORDS]; MAX]).iter().take_while(|entry| entry[SIZE] != 0)
}

/// The devices.
pub fn passed() -> Vec<PassedDevice> {
    entries().map(device).collect()
}

fn device(entry: &[u64; WORDS]) -> PassedDevice {
    let bytes: Vec<u8> = entry[COMPATIBLE..].iter().flat_map(|word| word.to_le_bytes()).collect();
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(COMPATIBLE_BYTES);
    PassedDevice {
        compatible: String::from_utf8_lossy(&bytes[..length]).into_owned(),
        region: Region { base: entry[ADDRESS], size: entry[SIZE] },
        line: (entry[INTERRUPT] != 0)
            .then(|| HardwareLine { intid: entry[INTERRUPT] as u32, edge: entry[FLAGS] & EDGE != 0 }),
        dma: entry[FLAGS] & DMA != 0,
    }
}

/// Their interrupts, each with the channel that it notifies this protection domain by.
pub fn lines() -> impl Iterator<Item = (u32, usize)> {
    let with_interrupt = entries().filter(|entry| entry[INTERRUPT] != 0);
    with_interrupt.map(|entry| (entry[INTERRUPT] as u32, entry[CHANNEL] as usize))
}

/// Lets an interrupt come again that has ended.
pub fn unmask(intid: u32) {
    for (_, channel) in lines().filter(|(line, _)| *line == intid) {
        if let Err(error) = Channel::new(channel).irq_ack() {
            debug_println!("{}: interrupt {intid} is lost: {error}", name());
        }
    }
}
