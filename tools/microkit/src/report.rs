//! The report: what became of a description, for people.

use crate::image::Image;
use crate::model::{Map, Pd, Place, Region, System, stack};
use crate::plan::{Plan, RunKind};
use crate::target::Target;
use kernel_config::Range;
use std::collections::BTreeMap;
use std::fmt::{Error, Write};
use system_spec::{Cap, CapData, Kind, ObjectId, Record, Rights};

/// What the report is about.
pub struct Report<'a> {
    /// The system.
    pub system: &'a System,
    /// The plan.
    pub plan: &'a Plan<'a>,
    /// The image.
    pub image: &'a Image,
    /// Where the kernel is.
    pub kernel: Range,
    /// What it is for.
    pub target: &'a Target,
    /// Free bytes before and after the objects are created.
    pub free: (u64, u64),
}

impl Report<'_> {
    /// The report's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes everything");
        text
    }

    fn write(&self, out: &mut String) -> Result<(), Error> {
        self.image(out)?;
        self.objects(out)?;
        self.regions(out)?;
        for (index, pd) in self.system.pds.iter().enumerate() {
            self.pd(out, index, pd)?;
        }
        self.channels(out)?;
        self.capabilities(out)
    }

    fn image(&self, out: &mut String) -> Result<(), Error> {
        let Self { image, kernel, .. } = self;
        let end = image.base + image.bytes.len() as u64;
        writeln!(out, "# Image for {}\n", self.target.board.name)?;
        writeln!(out, "image       {}  loaded and entered at its start", range(image.base, end))?;
        writeln!(out, "kernel      {}", range(kernel.start, kernel.end))?;
        writeln!(out, "root task   {}  stays in place", range(image.root_task.start, image.root_task.end))?;
        writeln!(out, "  data      {}", size(self.plan.data.bytes().len() as u64))?;
        writeln!(out, "  orders    {}", size(image.spec_bytes as u64))
    }

    fn objects(&self, out: &mut String) -> Result<(), Error> {
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for run in self.plan.runs.iter() {
            let bytes = run.size_bits(self.target.config.debug).map_or(0, |bits| u64::from(run.count) << bits);
            let kind = match run.kind {
                RunKind::Objects(kind) => kind_name(kind),
                RunKind::Irq { .. } => "interrupt handler".to_owned(),
            };
            let entry = counts.entry(kind).or_default();
            *entry = (entry.0 + u64::from(run.count), entry.1 + bytes);
        }
        writeln!(out, "\n# Objects\n")?;
        for (kind, (count, bytes)) in counts {
            writeln!(out, "{count:6}  {:>10}  {kind}", size(bytes))?;
        }
        let (before, after) = self.free;
        writeln!(out, "\nfree memory: {} before, {} after", size(before), size(after))
    }

    fn regions(&self, out: &mut String) -> Result<(), Error> {
        writeln!(out, "\n# Memory regions\n")?;
        for region in &self.system.regions {
            let place = match region.place {
                Place::At(paddr) => format!("at {}", range(paddr, paddr + region.size)),
                Place::Anywhere | Place::Picked => "anywhere".to_owned(),
            };
            let page = size(region.page.bytes());
            write!(out, "{:24} {:>10} in pages of {page}, {place}", region.name, size(region.size))?;
            match region.data.len() {
                0 => writeln!(out)?,
                length => writeln!(out, ", filled with {length} bytes")?,
            }
        }
        Ok(())
    }

    fn pd(&self, out: &mut String, index: usize, pd: &Pd) -> Result<(), Error> {
        writeln!(out, "\n# Protection domain {} (number {index})\n", pd.name)?;
        let schedule = pd.schedule;
        let passive = if pd.passive { ", passive" } else { "" };
        writeln!(
            out,
            "priority {}, {} us of {} us, core {}{passive}",
            schedule.priority, schedule.budget_us, schedule.period_us, pd.cpu
        )?;
        if let Some((parent, id)) = pd.parent {
            writeln!(out, "child {id} of {}", self.system.pds[parent].name)?;
        }
        writeln!(out, "entry {:#x}", pd.program.entry)?;
        for segment in &pd.program.segments {
            let rights = rights(segment.write, segment.execute);
            writeln!(out, "  {} {rights}  program", range(segment.range().start, segment.range().end))?;
        }
        let stack = stack(pd.stack_size);
        writeln!(out, "  {} rw-  stack", range(stack.start, stack.end))?;
        self.maps(out, &pd.maps)?;
        for irq in &pd.irqs {
            writeln!(out, "interrupt {} ({:?}) as {}", irq.irq, irq.trigger, irq.id)?;
        }
        let Some(vm) = &pd.vm else { return Ok(()) };
        let ids: Vec<_> = vm.vcpus.iter().map(|vcpu| vcpu.id.to_string()).collect();
        writeln!(out, "virtual machine {}, priority {}, vCPUs {}", vm.name, vm.schedule.priority, ids.join(", "))?;
        self.maps(out, &vm.maps)
    }

    fn maps(&self, out: &mut String, maps: &[Map]) -> Result<(), Error> {
        for map in maps {
            let region: &Region = &self.system.regions[map.region];
            let cached = if map.cached { "" } else { ", not cached" };
            let rights = rights(map.write, map.execute);
            writeln!(out, "  {} {rights}  {}{cached}", range(map.vaddr, map.vaddr + region.size), region.name)?;
        }
        Ok(())
    }

    fn channels(&self, out: &mut String) -> Result<(), Error> {
        writeln!(out, "\n# Channels\n")?;
        for ends in &self.system.channels {
            let [a, b] = ends.map(|end| {
                let may = match (end.pp, end.notify) {
                    (true, true) => "calls, notifies",
                    (true, false) => "calls",
                    (false, true) => "notifies",
                    (false, false) => "listens",
                };
                format!("{} as {} ({may})", self.system.pds[end.pd].name, end.id)
            });
            writeln!(out, "{a} - {b}")?;
        }
        Ok(())
    }
}

impl Report<'_> {
    /// Who holds what: the slots of all CNodes.
    fn capabilities(&self, out: &mut String) -> Result<(), Error> {
        let runs = self.plan.runs.iter().flat_map(|run| std::iter::repeat_n(run.name.as_str(), run.count as usize));
        let names: Vec<_> = runs.collect();
        let name = |object: ObjectId| names.get(object.0 as usize).copied().unwrap_or_default();
        let mut nodes: BTreeMap<ObjectId, BTreeMap<u32, String>> = BTreeMap::new();
        for step in &self.plan.steps {
            let Record::Slot { cnode, index, cap, rights, data, .. } = step else { continue };
            let target = match cap {
                Cap::Object(object) => name(*object).to_owned(),
                Cap::ImagePage(page) => format!("page {page} of the image"),
                Cap::Smc => "firmware calls".to_owned(),
            };
            let data = match data {
                CapData::None => String::new(),
                CapData::Badge(badge) => format!(", badge {badge:#x}"),
                CapData::GuardBits(bits) => format!(", {bits} guard bits"),
            };
            nodes.entry(*cnode).or_default().insert(*index, format!("{} {target}{data}", cap_rights(rights)));
        }
        writeln!(out, "\n# Capabilities (rights: read, write, grant, grant reply)")?;
        for (node, slots) in nodes {
            writeln!(out, "\n{}", name(node))?;
            for (index, slot) in slots {
                writeln!(out, "  {index:3}  {slot}")?;
            }
        }
        Ok(())
    }
}

fn cap_rights(rights: &Rights) -> String {
    let letters = [(rights.read, 'r'), (rights.write, 'w'), (rights.grant, 'g'), (rights.grant_reply, 'p')];
    letters.map(|(right, letter)| if right { letter } else { '-' }).iter().collect()
}

/// What an object is, for people.
fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Untyped { bits } => format!("untyped memory of {}", size(1 << bits)),
        Kind::CNode { bits } => format!("CNode of {} slots", 1u64 << bits),
        Kind::SchedContext { .. } => "scheduling context".to_owned(),
        Kind::Tcb => "TCB".to_owned(),
        Kind::Endpoint => "endpoint".to_owned(),
        Kind::Notification => "notification".to_owned(),
        Kind::Reply => "reply object".to_owned(),
        Kind::VSpace => "address space".to_owned(),
        Kind::PageTable => "page table".to_owned(),
        Kind::SmallFrame => "frame of 4 KiB".to_owned(),
        Kind::LargeFrame => "frame of 2 MiB".to_owned(),
        Kind::HugeFrame => "frame of 1 GiB".to_owned(),
        Kind::VCpu => "virtual CPU".to_owned(),
    }
}

fn range(start: u64, end: u64) -> String {
    format!("[{start:#012x}..{end:#012x})")
}

fn rights(write: bool, execute: bool) -> String {
    format!("r{}{}", if write { 'w' } else { '-' }, if execute { 'x' } else { '-' })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes.div_ceil(0x400)),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}
