//! Devices: a page of registers has one owner, and what a guest is given, it can use.

use super::{Context, emulated, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::model::{Device, Map, Place, Region, Vm};
use crate::program::Program;
use crate::sdf::{RawDevice, RawMap, RawPd, RawVm};
use kernel_config::Range;
use sel4_abi::quoll::{guest_device, symbol};
use std::collections::HashMap;
use vmm::machine::{self, DUAL_TIMER_SPI, RTC_SPI, UART_SPI, VIRTIO_SPI};
use vmm::passed::VIRTIO;
use vmm::vgic::FIRST_SPI;

/// Whether a region has registers of a device that can have an owner: guests share the interrupt controller's interface, of which each
/// processor has its own.
fn is_owned(context: &Context, region: &Region) -> bool {
    let Place::At(paddr) = region.place else { return false };
    let range = Range::new(paddr, paddr + region.size);
    let board = context.target.board;
    !board.ram.overlaps(range) && !board.gic.virtual_cpu_interface.overlaps(range)
}

/// Who may write a page.
struct Owner {
    pd: usize,
    guest: bool,
    span: Span,
}

/// Reports devices that several may write. A monitor and its own guest are one.
pub fn check_owners(context: &Context, regions: &[Option<Region>], diagnostics: &mut Diagnostics) {
    for (index, region) in regions.iter().enumerate() {
        let Some(region) = region.as_ref().filter(|region| is_owned(context, region)) else { continue };
        let owners: Vec<Owner> = context
            .raw
            .pds
            .iter()
            .enumerate()
            .flat_map(|(pd, raw)| {
                let own = raw.maps.iter().map(move |map| (map, false));
                let guests = raw.vm.iter().flat_map(|vm| &vm.maps).map(move |map| (map, true));
                let writes = move |map: &RawMap| {
                    context.names.region_if_any(&map.region) == Some(index)
                        && value(&map.perms).is_some_and(|perms| perms.write)
                };
                let owner = move |(map, guest): (&RawMap, bool)| Owner { pd, guest, span: place_of(map) };
                own.chain(guests).filter(move |(map, _)| writes(map)).map(owner)
            })
            .collect();
        let Some(first) = owners.first() else { continue };
        let Some(second) = owners.iter().find(|owner| owner.pd != first.pd) else { continue };
        let guest = owners.iter().any(|owner| owner.guest);
        let code = if guest { Code::GuestDeviceShared } else { Code::DeviceShared };
        let message = format!("two may write the device registers `{}`", region.name);
        let finding = Diagnostic::new(code, second.span.clone(), message);
        diagnostics.push(
            finding.also(first.span.clone(), "the other is here").help("a page has one owner; others may read it"),
        );
    }
}

fn place_of(map: &RawMap) -> Span {
    map.region.as_ref().map_or(map.span.clone(), |name| name.span.clone())
}

/// Checks the devices of a virtual machine.
pub fn check(
    context: &Context,
    manager: &RawPd,
    raw: &RawVm,
    maps: Option<&[Map]>,
    regions: &[Option<Region>],
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Device>> {
    let guest = Guest { context, manager, maps: maps?, regions };
    let mut used = HashMap::new();
    let mut devices = Vec::new();
    for raw in &raw.devices {
        devices.push(guest.device(raw, &mut used, diagnostics));
    }
    if let Some(extra) = raw.devices.get(guest_device::MAX) {
        let message = format!("a guest has at most {} devices of the machine", guest_device::MAX);
        diagnostics.push(Diagnostic::new(Code::GuestDevice, extra.span.clone(), message));
    }
    devices.into_iter().collect()
}

/// Whether the program that manages a guest with devices knows of them.
pub fn check_manager(raw: &RawPd, program: &Program, vm: Option<&Vm>, diagnostics: &mut Diagnostics) {
    let Some(first) = raw.vm.as_ref().and_then(|vm| vm.devices.first()) else { return };
    if vm.is_some() && program.symbol(symbol::GUEST_DEVICES).is_none() {
        let message =
            format!("the program that manages this guest knows of no devices: it has no `{}`", symbol::GUEST_DEVICES);
        let error = Diagnostic::new(Code::GuestDevice, first.span.clone(), message);
        diagnostics.push(error.help("map the registers, and let the program inject the interrupt"));
    }
}

struct Guest<'a> {
    context: &'a Context<'a>,
    manager: &'a RawPd,
    maps: &'a [Map],
    regions: &'a [Option<Region>],
}

impl Guest<'_> {
    fn device(&self, raw: &RawDevice, used: &mut HashMap<u64, Span>, diagnostics: &mut Diagnostics) -> Option<Device> {
        let (compatible, vaddr) = (raw.compatible.as_ref()?, raw.vaddr.as_ref()?);
        let most = guest_device::COMPATIBLE_BYTES - 1;
        if !(1..=most).contains(&compatible.value.len()) || compatible.value.contains('\0') {
            let message = format!("what a device is takes 1 to {most} bytes");
            diagnostics.push(Diagnostic::new(Code::GuestDevice, compatible.span.clone(), message));
            return None;
        }
        let size = self.registers(raw, vaddr, diagnostics)?;
        self.check_emulated(vaddr, size, diagnostics)?;
        let dma = raw.dma.unwrap_or(compatible.value == VIRTIO);
        if dma {
            self.check_dma(raw, diagnostics)?;
        }
        let irq = match &raw.irq {
            Some(irq) => Some(self.interrupt(irq, used, diagnostics)?),
            None => None,
        };
        Some(Device { compatible: compatible.value.clone(), vaddr: vaddr.value, size, irq, dma })
    }

    /// The size of a device's registers, which must be mapped.
    fn registers(&self, raw: &RawDevice, vaddr: &Spanned<u64>, diagnostics: &mut Diagnostics) -> Option<u64> {
        let here = self.maps.iter().find_map(|map| {
            let region = self.regions[map.region].as_ref()?;
            let offset = vaddr.value.checked_sub(map.vaddr).filter(|offset| *offset < region.size)?;
            Some((region, region.size - offset))
        });
        let Some((_, room)) = here.filter(|(region, _)| is_owned(self.context, region)) else {
            let message = format!("the guest has no registers of a device at {:#x}", vaddr.value);
            let error = Diagnostic::new(Code::GuestDevice, vaddr.span.clone(), message);
            diagnostics.push(error.help("map a region with a `phys_addr` there"));
            return None;
        };
        match &raw.size {
            Some(size) if size.value == 0 || size.value > room => {
                let message = format!("the device takes {:#x} bytes, {room:#x} are mapped there", size.value);
                diagnostics.push(Diagnostic::new(Code::GuestDevice, size.span.clone(), message));
                None
            }
            Some(size) => Some(size.value),
            None => Some(room),
        }
    }

    /// Whether the VMM has something of its own at a device's place.
    fn check_emulated(&self, vaddr: &Spanned<u64>, size: u64, diagnostics: &mut Diagnostics) -> Option<()> {
        let range = Range::new(vaddr.value, vaddr.value + size);
        let Some(what) = emulated::at(self.manager, range) else { return Some(()) };
        let message = format!("the guest has an emulated {what} there");
        diagnostics.push(Diagnostic::new(Code::GuestDevice, vaddr.span.clone(), message));
        None
    }

    /// A device that reads and writes memory names physical addresses; the guest knows its own only.
    fn check_dma(&self, raw: &RawDevice, diagnostics: &mut Diagnostics) -> Option<()> {
        let ram = self.context.target.board.ram;
        let elsewhere = self.maps.iter().find(|map| {
            let region = self.regions[map.region].as_ref();
            let is_memory = region.is_some_and(|region| region.place.address().is_none_or(|paddr| ram.contains(paddr)));
            is_memory && region.and_then(|region| region.place.address()) != Some(map.vaddr)
        });
        let Some(elsewhere) = elsewhere else { return Some(()) };
        let name = self.regions[elsewhere.region].as_ref().map_or("", |region| &region.name);
        let message = "the device reads and writes physical memory, and the guest's lies elsewhere than it thinks";
        let error = Diagnostic::new(Code::GuestDeviceDma, raw.span.clone(), message);
        diagnostics.push(error.help(format!("give `{name}` a `phys_addr`, and map it there")));
        None
    }

    /// The number of a device's interrupt, which must be the manager's and one that the guest's controller has for it.
    fn interrupt(
        &self,
        irq: &Spanned<u64>,
        used: &mut HashMap<u64, Span>,
        diagnostics: &mut Diagnostics,
    ) -> Option<u32> {
        let first = u64::from(FIRST_SPI);
        let end = first + machine::SPIS as u64;
        let emulated = [UART_SPI, RTC_SPI, DUAL_TIMER_SPI].map(|spi| u64::from(FIRST_SPI + spi));
        let of_virtio = emulated::virtio_slots(self.manager).map(|slot| first + u64::from(VIRTIO_SPI) + slot);
        let message = if !(first..end).contains(&irq.value) {
            format!("a guest's interrupt controller has the interrupts {first} to {}", end - 1)
        } else if emulated.into_iter().chain(of_virtio).any(|other| other == irq.value) {
            format!("interrupt {} is that of an emulated device of the guest's", irq.value)
        } else if !self.manager.irqs.iter().any(|given| value(&given.irq) == Some(irq.value)) {
            let name = self.manager.name.as_ref().map_or("", |name| &name.value);
            format!("`{name}`, which manages the guest, has no `irq` {}", irq.value)
        } else if let Some(first) = used.insert(irq.value, irq.span.clone()) {
            let error = Diagnostic::new(Code::GuestDeviceInterrupt, irq.span.clone(), "two devices have one interrupt");
            diagnostics.push(error.also(first, "the other is here"));
            return None;
        } else {
            return Some(irq.value as u32);
        };
        diagnostics.push(Diagnostic::new(Code::GuestDeviceInterrupt, irq.span.clone(), message));
        None
    }
}
