//! What the tool writes into programs before they are laid out.

use super::reload;
use crate::model::{Device, End, Map, Party, Pd, Place, SetVarValue, System, stack};
use crate::program::Program;
use kernel_config::Range;
use sel4_abi::microkit::limit::NAME_LENGTH;
use sel4_abi::microkit::{monitor::MAX_ENTRIES, symbol};
use sel4_abi::quoll;
use sel4_abi::quoll::guest_device::{ADDRESS, CHANNEL, COMPATIBLE, DMA, EDGE, FLAGS, INTERRUPT, SIZE, WORDS};
use system_spec::Trigger;

/// Symbols of the monitor.
pub struct MonitorSymbols;

impl MonitorSymbols {
    /// Names of protection domains, [`NAME_LENGTH`] bytes each.
    const PD_NAMES: &str = "pd_names";
    const PD_NAMES_LEN: &str = "pd_names_len";
    /// Names of virtual machines, one for each vCPU.
    const VM_NAMES: &str = "vm_names";
    const VM_NAMES_LEN: &str = "vm_names_len";
    /// Lowest addresses of protection domains' stacks.
    const STACK_BOTTOMS: &str = "pd_stack_bottom_addrs";

    /// Writes them; the error is the symbol that the monitor lacks.
    pub fn write(monitor: &mut Program, system: &System) -> Result<(), &'static str> {
        let pds: Vec<_> = system.pds.iter().map(|pd| pd.name.as_str()).collect();
        let vms = system.pds.iter().filter_map(|pd| pd.vm.as_ref());
        let vms: Vec<_> = vms.flat_map(|vm| vm.vcpus.iter().map(|_| vm.name.as_str())).collect();
        let stacks: Vec<u8> = system.pds.iter().flat_map(|pd| stack(pd.stack_size).start.to_le_bytes()).collect();
        write(monitor, Self::PD_NAMES, &names(&pds))?;
        write(monitor, Self::PD_NAMES_LEN, &(pds.len() as u64).to_le_bytes())?;
        write(monitor, Self::VM_NAMES, &names(&vms))?;
        write(monitor, Self::VM_NAMES_LEN, &(vms.len() as u64).to_le_bytes())?;
        write(monitor, Self::STACK_BOTTOMS, &stacks)
    }
}

fn names(names: &[&str]) -> Vec<u8> {
    debug_assert!(names.len() <= MAX_ENTRIES);
    names.iter().flat_map(|name| padded::<NAME_LENGTH>(name)).collect()
}

/// A name with zeros behind it, or as much of it as there is room for.
pub fn padded<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let fits = |length: &usize| name.is_char_boundary(*length);
    let length = (0..=LENGTH.min(name.len())).rev().find(fits).unwrap_or(0);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    bytes
}

fn write(program: &mut Program, name: &'static str, bytes: &[u8]) -> Result<(), &'static str> {
    if program.write(name, bytes) { Ok(()) } else { Err(name) }
}

/// Writes the symbols of all protection domains. They have been found to exist.
pub fn patch(system: &mut System, ram: Range) {
    for index in 0..system.pds.len() {
        let words = words(system, ram, index);
        let guest = guest_words(system, index);
        let maps = guest_maps(system, index);
        let pd = &mut system.pds[index];
        let name = padded::<NAME_LENGTH>(&pd.name);
        let mut written = pd.program.write(symbol::NAME, &name);
        written &= pd.program.write(symbol::PASSIVE, &[pd.passive.into()]);
        for (symbol, word) in &words {
            written &= pd.program.write(symbol, &word.to_le_bytes());
        }
        if let Some(bytes) = guest_devices(pd) {
            written &= pd.program.write(quoll::symbol::GUEST_DEVICES, &bytes);
        }
        // Only programs that manage guests have these.
        for (symbol, word) in guest {
            let _ = pd.program.write(symbol, &word.to_le_bytes());
        }
        let _ = pd.program.write(quoll::symbol::GUEST_MAPS, &maps);
        assert!(written, "symbols were checked before");
    }
}

/// The symbols that say what channels the guest of a protection domain has.
fn guest_words(system: &System, index: usize) -> [(&'static str, u64); 5] {
    let among = |wanted: &dyn Fn(End, Party) -> bool| {
        set(system.guest_ends_of(index).filter(|(end, other)| wanted(*end, other.party)).map(|(end, _)| end.id))
    };
    let is_port = |end: End, other: Party| end.notify && matches!(other, Party::Guest { .. });
    [
        (quoll::symbol::GUEST_CHANNELS, among(&|_, _| true)),
        (quoll::symbol::GUEST_PORTS, among(&is_port)),
        (quoll::symbol::GUEST_BROADCASTS, among(&|end, other| is_port(end, other) && end.broadcast)),
        (quoll::symbol::GUEST_SIGNALS, among(&|end, _| end.notify)),
        (quoll::symbol::GUEST_VIRTUAL_TIME, u64::from(system.pds[index].vm.as_ref().is_some_and(|vm| vm.virtual_time))),
    ]
}

/// The cached mappings of the guest that a protection domain manages, as [`quoll::guest_map`] has them.
fn guest_maps(system: &System, index: usize) -> Vec<u8> {
    let maps =
        system.pds[index].vm.iter().flat_map(|vm| &vm.maps).filter(|map| map.cached).take(quoll::guest_map::COUNT);
    let entry = |map: &Map| {
        let region = &system.regions[map.region];
        let rights = if map.write { quoll::guest_map::WRITE } else { 0 };
        let words = [map.vaddr, region.size, rights];
        words.map(u64::to_le_bytes).into_iter().flatten().chain(padded::<{ quoll::guest_map::NAME }>(&region.name))
    };
    maps.flat_map(entry).collect()
}

/// The devices of the machine that the guest of a protection domain has.
fn guest_devices(pd: &Pd) -> Option<Vec<u8>> {
    let devices = pd.vm.as_ref().map(|vm| &vm.devices).filter(|devices| !devices.is_empty())?;
    Some(devices.iter().flat_map(|device| guest_device(pd, device)).collect())
}

fn guest_device(pd: &Pd, device: &Device) -> Vec<u8> {
    let irq = device.irq.and_then(|number| pd.irqs.iter().find(|irq| irq.irq == number));
    let flag = |set: bool, flag: u64| if set { flag } else { 0 };
    let mut words = [0u64; WORDS];
    words[ADDRESS] = device.vaddr;
    words[SIZE] = device.size;
    words[INTERRUPT] = irq.map_or(0, |irq| irq.irq.into());
    words[CHANNEL] = irq.map_or(0, |irq| irq.id);
    words[FLAGS] = flag(irq.is_some_and(|irq| irq.trigger == Trigger::Edge), EDGE) | flag(device.dma, DMA);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let text = 8 * COMPATIBLE;
    bytes[text..text + device.compatible.len()].copy_from_slice(device.compatible.as_bytes());
    bytes
}

/// A bit for each id.
fn set(ids: impl Iterator<Item = u64>) -> u64 {
    ids.fold(0, |set, id| set | 1 << id)
}

/// The symbols of a protection domain that hold a word.
fn words(system: &System, ram: Range, index: usize) -> Vec<(String, u64)> {
    let pd = &system.pds[index];
    let irqs = set(pd.irqs.iter().map(|irq| irq.id));
    let notifications = set(system.ends_of(index).filter(|(end, _)| end.notify).map(|(end, _)| end.id));
    let pps = set(system.ends_of(index).filter(|(end, _)| end.pp).map(|(end, _)| end.id));
    let mut reload = Vec::new();
    if system.reloaded_by(index).next().is_some() {
        reload.push((quoll::symbol::RELOAD_TABLE.to_owned(), quoll::reload::WINDOW.start));
        reload.push((quoll::symbol::RELOAD_SIZE.to_owned(), reload::table_bytes(system, ram, index)));
    }
    let runtime =
        [(symbol::IRQS, irqs), (symbol::NOTIFICATIONS, notifications), (symbol::PPS, pps), (symbol::IOPORTS, 0)];
    let setvars = pd.setvars.iter().map(|setvar| {
        let value = match setvar.value {
            SetVarValue::Number(number) => number,
            SetVarValue::Paddr(region) => match system.regions[region].place {
                Place::At(paddr) => paddr,
                Place::Anywhere | Place::Picked => unreachable!("a region whose address is told has one"),
            },
        };
        (setvar.symbol.clone(), value)
    });
    runtime.into_iter().map(|(name, word)| (name.to_owned(), word)).chain(setvars).chain(reload).collect()
}
