//! What quoll's VMM emulates in its guest's address space.

use crate::sdf::RawPd;
use kernel_config::Range;
use vmm::machine::{
    DUAL_TIMER, EDU, GICD, GICR_BASE, GICR_STRIDE, MAX_VCPUS, RTC, Region, UART, VIRTIO_BASE, VIRTIO_SIZE,
};

/// The virtio devices by their slots, each with the symbol that the description must set for it to be there.
const VIRTIO: [&str; 4] = ["port_0_vaddr", "disk_vaddr", "net_vaddr", "entropy_vaddr"];

fn is_given(manager: &RawPd, name: &str) -> bool {
    manager.setvars.iter().any(|setvar| setvar.symbol.value == name)
}

/// Slots of the guest's virtio devices.
pub fn virtio_slots(manager: &RawPd) -> impl Iterator<Item = u64> {
    (0..).zip(VIRTIO).filter(move |(_, name)| is_given(manager, name)).map(|(slot, _)| slot)
}

/// What is emulated there for the guest of this monitor.
pub fn at(manager: &RawPd, range: Range) -> Option<&'static str> {
    let virtio = |slot| Region { base: VIRTIO_BASE + slot * VIRTIO_SIZE, size: VIRTIO_SIZE };
    let fixed = [
        ("UART", UART),
        ("clock", RTC),
        ("dual timer", DUAL_TIMER),
        ("distributor", GICD),
        ("redistributor", Region { base: GICR_BASE, size: GICR_STRIDE * MAX_VCPUS as u64 }),
    ];
    let edu = is_given(manager, "edu_vaddr").then_some(("edu device", EDU));
    let slots = virtio_slots(manager).map(|slot| ("virtio device", virtio(slot)));
    let mut all = fixed.into_iter().chain(edu).chain(slots);
    all.find(|(_, region)| Range::new(region.base, region.end()).overlaps(range)).map(|(what, _)| what)
}
