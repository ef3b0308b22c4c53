//! The report as text.

use super::{Report, kind_name, rights, size};
use crate::model::{Map, Party, Pd, Place, Region, stack};
use crate::plan::RunKind;
use std::collections::BTreeMap;
use std::fmt::{Error, Write};
use system_spec::CapData;

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
        self.write_capabilities(out)
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
            let reload = if pd.reload { ", which can reload it" } else { "" };
            writeln!(out, "child {id} of {}{reload}", self.system.pds[parent].name)?;
        }
        writeln!(out, "entry {:#x}", pd.program.entry)?;
        for segment in &pd.program.segments {
            let rights = rights(segment.write, segment.execute);
            writeln!(out, "  {} {rights}  program", range(segment.range().start, segment.range().end))?;
        }
        let stack = stack(pd.stack_size);
        writeln!(out, "  {} rw-  stack", range(stack.start, stack.end))?;
        self.write_maps(out, &pd.maps)?;
        for irq in &pd.irqs {
            writeln!(out, "interrupt {} ({:?}) as {}", irq.irq, irq.trigger, irq.id)?;
        }
        let Some(vm) = &pd.vm else { return Ok(()) };
        let ids: Vec<_> = vm.vcpus.iter().map(|vcpu| vcpu.id.to_string()).collect();
        writeln!(out, "virtual machine {}, priority {}, vCPUs {}", vm.name, vm.schedule.priority, ids.join(", "))?;
        self.write_maps(out, &vm.maps)?;
        for device in &vm.devices {
            let irq = device.irq.map_or(String::new(), |irq| format!(", interrupt {irq}"));
            let dma = if device.dma { ", reads and writes memory" } else { "" };
            writeln!(out, "  {} {}{irq}{dma}", range(device.vaddr, device.vaddr + device.size), device.compatible)?;
        }
        Ok(())
    }

    fn write_maps(&self, out: &mut String, maps: &[Map]) -> Result<(), Error> {
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
                let guest = if matches!(end.party, Party::Guest { .. }) { "guest " } else { "" };
                let how = match (end.broadcast, end.blind) {
                    (true, true) => ", broadcasts, blind",
                    (true, false) => ", broadcasts",
                    (false, true) => ", blind",
                    (false, false) => "",
                };
                format!("{guest}{} as {} ({may}{how})", self.system.party_name(end.party), end.id)
            });
            writeln!(out, "{a} - {b}")?;
        }
        Ok(())
    }

    fn write_capabilities(&self, out: &mut String) -> Result<(), Error> {
        writeln!(out, "\n# Capabilities (rights: read, write, grant, grant reply)")?;
        for (node, slots) in self.capabilities() {
            writeln!(out, "\n{node}")?;
            for slot in slots {
                let data = match slot.data {
                    CapData::None => String::new(),
                    CapData::Badge(badge) => format!(", badge {badge:#x}"),
                    CapData::GuardBits(bits) => format!(", {bits} guard bits"),
                };
                writeln!(out, "  {:3}  {} {}{data}", slot.index, slot.rights, slot.object)?;
            }
        }
        Ok(())
    }
}

fn range(start: u64, end: u64) -> String {
    format!("[{start:#012x}..{end:#012x})")
}
