//! The report for programs, as JSON. The fields' comments are its description; [`VERSION`] tells its age.

use super::{Report, Slot, kind_name, rights};
use crate::model::{self, Party, Schedule, SetVarValue, stack};
use crate::plan::{Run, RunKind};
use serde::Serialize;
use system_spec::{CapData, Trigger};

/// Grows when a field changes its meaning or goes away. New fields may come without that.
pub const VERSION: u32 = 1;

/// The whole report. Numbers are integers of up to 64 bits; addresses and lengths are bytes, times microseconds. An
/// `end` is the first address behind.
#[derive(Serialize)]
struct Document<'a> {
    /// [`VERSION`].
    version: u32,
    /// The board's name.
    board: &'a str,
    /// The configuration's name.
    config: &'static str,
    image: Image,
    memory: Memory,
    /// Kernel objects, in the order of their creation.
    objects: Vec<Object<'a>>,
    regions: Vec<Region<'a>>,
    protection_domains: Vec<ProtectionDomain<'a>>,
    /// Both ends of each channel.
    channels: Vec<[End<'a>; 2]>,
    /// CNodes that hold something.
    cspaces: Vec<CSpace<'a>>,
}

/// Physical addresses of what is loaded.
#[derive(Serialize)]
struct Image {
    /// Where the image is loaded and entered.
    image: Range,
    /// Where the kernel and its own objects are when it runs.
    kernel: Range,
    /// The root task's part of the image: it stays where it is.
    root_task: Range,
    /// Bytes of programs and regions' data in it.
    data: u64,
    /// Bytes of what the initialiser is told to do.
    orders: u64,
}

#[derive(Serialize)]
struct Range {
    start: u64,
    end: u64,
}

impl From<std::ops::Range<u64>> for Range {
    fn from(std::ops::Range { start, end }: std::ops::Range<u64>) -> Self {
        Self { start, end }
    }
}

impl From<kernel_config::Range> for Range {
    fn from(kernel_config::Range { start, end }: kernel_config::Range) -> Self {
        Self { start, end }
    }
}

/// Bytes that are free for kernel objects.
#[derive(Serialize)]
struct Memory {
    free_before: u64,
    free_after: u64,
}

/// Like objects that are created together.
#[derive(Serialize)]
struct Object<'a> {
    /// What they are for.
    name: &'a str,
    /// What they are.
    kind: String,
    count: u32,
    /// Bytes of all; 0 for interrupt handlers.
    bytes: u64,
    /// Physical address of the first, where it is fixed.
    paddr: Option<u64>,
}

#[derive(Serialize)]
struct Region<'a> {
    name: &'a str,
    size: u64,
    page_size: u64,
    /// Where it is fixed: by the description, or because a program is told.
    paddr: Option<u64>,
    /// Length of its data.
    prefill: usize,
}

#[derive(Serialize)]
struct ProtectionDomain<'a> {
    name: &'a str,
    /// None at the top.
    parent: Option<Parent<'a>>,
    priority: u8,
    budget: u64,
    period: u64,
    passive: bool,
    cpu: u8,
    domain: Option<u8>,
    smc: bool,
    fpu: bool,
    /// Virtual address of the first instruction.
    entry: u64,
    stack: Range,
    /// The program's segments.
    segments: Vec<Mapping<'a>>,
    maps: Vec<Mapping<'a>>,
    irqs: Vec<Irq>,
    /// Symbols that the description has set.
    symbols: Vec<Symbol<'a>>,
    virtual_machine: Option<VirtualMachine<'a>>,
}

#[derive(Serialize)]
struct Parent<'a> {
    protection_domain: &'a str,
    /// How the parent calls it.
    id: u64,
    /// Whether the parent can reload it.
    reload: bool,
}

/// A piece of an address space.
#[derive(Serialize)]
struct Mapping<'a> {
    /// The region; none for a program.
    region: Option<&'a str>,
    start: u64,
    end: u64,
    /// `r`, then `w` and `x` or `-`.
    perms: String,
    cached: bool,
}

#[derive(Serialize)]
struct Irq {
    irq: u32,
    id: u64,
    /// `level` or `edge`.
    trigger: &'static str,
}

#[derive(Serialize)]
struct Symbol<'a> {
    name: &'a str,
    value: u64,
}

#[derive(Serialize)]
struct VirtualMachine<'a> {
    name: &'a str,
    priority: u8,
    budget: u64,
    period: u64,
    virtual_time: bool,
    vcpus: Vec<Vcpu>,
    /// At guest-physical addresses.
    maps: Vec<Mapping<'a>>,
    /// Devices of the machine.
    devices: Vec<Device<'a>>,
}

#[derive(Serialize)]
struct Device<'a> {
    compatible: &'a str,
    start: u64,
    end: u64,
    /// One of its manager's.
    irq: Option<u32>,
    dma: bool,
}

#[derive(Serialize)]
struct Vcpu {
    id: u64,
    cpu: u8,
}

#[derive(Serialize)]
struct End<'a> {
    /// Whose it is: a protection domain's, or
    protection_domain: Option<&'a str>,
    /// a guest's.
    virtual_machine: Option<&'a str>,
    id: u64,
    /// May call the other end.
    pp: bool,
    /// May notify the other end.
    notify: bool,
    /// Its broadcasts go to the other end, too.
    broadcast: bool,
    /// Does not learn whether its messages were taken.
    blind: bool,
}

/// A CNode and what it holds.
#[derive(Serialize)]
struct CSpace<'a> {
    name: &'a str,
    slots: Vec<Capability>,
}

#[derive(Serialize)]
struct Capability {
    slot: u32,
    /// What it points to.
    object: String,
    /// Four letters or `-`: read, write, grant, grant reply.
    rights: String,
    /// Of an endpoint or a notification.
    badge: Option<u64>,
    /// Of a CNode.
    guard_bits: Option<u8>,
}

impl Report<'_> {
    /// The report as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.document()).expect("a string takes everything")
    }

    fn document(&self) -> Document<'_> {
        let (free_before, free_after) = self.free;
        Document {
            version: VERSION,
            board: self.target.board.name,
            config: self.target.config.name(),
            image: Image {
                image: (self.image.base..self.image.base + self.image.bytes.len() as u64).into(),
                kernel: self.kernel.into(),
                root_task: self.image.root_task.into(),
                data: self.plan.data.bytes().len() as u64,
                orders: self.image.spec_bytes as u64,
            },
            memory: Memory { free_before, free_after },
            objects: self.plan.runs.iter().map(|run| object(run, self.target.config.debug)).collect(),
            regions: self.system.regions.iter().map(region).collect(),
            protection_domains: self.system.pds.iter().map(|pd| self.protection_domain(pd)).collect(),
            channels: self.system.channels.iter().map(|ends| ends.map(|end| self.end(end))).collect(),
            cspaces: self.capabilities().into_iter().map(|(name, slots)| cspace(name, slots)).collect(),
        }
    }

    fn protection_domain<'a>(&'a self, pd: &'a model::Pd) -> ProtectionDomain<'a> {
        let Schedule { priority, budget_us, period_us } = pd.schedule;
        let parent = |(parent, id): (usize, u64)| Parent {
            protection_domain: &self.system.pds[parent].name,
            id,
            reload: pd.reload,
        };
        let segment = |segment: &crate::program::Segment| Mapping {
            region: None,
            start: segment.range().start,
            end: segment.range().end,
            perms: rights(segment.write, segment.execute),
            cached: true,
        };
        ProtectionDomain {
            name: &pd.name,
            parent: pd.parent.map(parent),
            priority,
            budget: budget_us,
            period: period_us,
            passive: pd.passive,
            cpu: pd.cpu,
            domain: pd.domain,
            smc: pd.smc,
            fpu: pd.fpu,
            entry: pd.program.entry,
            stack: stack(pd.stack_size).into(),
            segments: pd.program.segments.iter().map(segment).collect(),
            maps: self.maps(&pd.maps),
            irqs: pd.irqs.iter().map(irq).collect(),
            symbols: pd.setvars.iter().filter_map(|setvar| self.symbol(setvar)).collect(),
            virtual_machine: pd.vm.as_ref().map(|vm| self.virtual_machine(vm)),
        }
    }

    fn maps<'a>(&'a self, maps: &[model::Map]) -> Vec<Mapping<'a>> {
        let mapping = |map: &model::Map| {
            let region = &self.system.regions[map.region];
            Mapping {
                region: Some(&region.name),
                start: map.vaddr,
                end: map.vaddr + region.size,
                perms: rights(map.write, map.execute),
                cached: map.cached,
            }
        };
        maps.iter().map(mapping).collect()
    }

    fn symbol<'a>(&self, setvar: &'a model::SetVar) -> Option<Symbol<'a>> {
        let value = match setvar.value {
            SetVarValue::Number(number) => number,
            SetVarValue::Paddr(region) => self.system.regions[region].place.address()?,
        };
        Some(Symbol { name: &setvar.symbol, value })
    }

    fn virtual_machine<'a>(&'a self, vm: &'a model::Vm) -> VirtualMachine<'a> {
        let Schedule { priority, budget_us, period_us } = vm.schedule;
        let vcpus = vm.vcpus.iter().map(|vcpu| Vcpu { id: vcpu.id, cpu: vcpu.cpu }).collect();
        VirtualMachine {
            name: &vm.name,
            priority,
            budget: budget_us,
            period: period_us,
            virtual_time: vm.virtual_time,
            devices: vm.devices.iter().map(device).collect(),
            vcpus,
            maps: self.maps(&vm.maps),
        }
    }

    fn end(&self, end: model::End) -> End<'_> {
        let name = Some(self.system.party_name(end.party));
        let (protection_domain, virtual_machine) = match end.party {
            Party::Pd(_) => (name, None),
            Party::Guest { .. } => (None, name),
        };
        let model::End { id, pp, notify, broadcast, blind, .. } = end;
        End { protection_domain, virtual_machine, id, pp, notify, broadcast, blind }
    }
}

fn object(run: &Run, debug: bool) -> Object<'_> {
    let kind = match run.kind {
        RunKind::Objects(kind) => kind_name(kind),
        RunKind::Irq { .. } => "interrupt handler".to_owned(),
    };
    let bytes = run.size_bits(debug).map_or(0, |bits| u64::from(run.count) << bits);
    Object { name: &run.name, kind, count: run.count, bytes, paddr: run.paddr }
}

fn region(region: &model::Region) -> Region<'_> {
    Region {
        name: &region.name,
        size: region.size,
        page_size: region.page.bytes(),
        paddr: region.place.address(),
        prefill: region.data.len(),
    }
}

fn device(device: &model::Device) -> Device<'_> {
    let model::Device { compatible, vaddr, size, irq, dma } = device;
    Device { compatible, start: *vaddr, end: vaddr + size, irq: *irq, dma: *dma }
}

fn irq(irq: &model::Irq) -> Irq {
    let trigger = match irq.trigger {
        Trigger::Level => "level",
        Trigger::Edge => "edge",
    };
    Irq { irq: irq.irq, id: irq.id, trigger }
}

fn cspace(name: &str, slots: Vec<Slot>) -> CSpace<'_> {
    let capability = |slot: Slot| {
        let (badge, guard_bits) = match slot.data {
            CapData::None => (None, None),
            CapData::Badge(badge) => (Some(badge), None),
            CapData::GuardBits(bits) => (None, Some(bits)),
        };
        Capability { slot: slot.index, object: slot.object, rights: slot.rights, badge, guard_bits }
    };
    CSpace { name, slots: slots.into_iter().map(capability).collect() }
}
