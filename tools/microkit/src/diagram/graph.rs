//! What is drawn of a system: boxes and lines, and the words on them.

use crate::model::{End, Irq, Map, Party, Pd, Place, Region, Schedule, System, Vm};
use crate::report::size;
use crate::sdf::CapOf;
use std::collections::BTreeMap;
use system_spec::Trigger;

/// Boxes and the lines between them.
#[derive(Debug, Default)]
pub struct Graph {
    /// The boxes.
    pub nodes: Vec<Node>,
    /// The lines; at most one between two boxes in one direction of [`Line::ends`].
    pub lines: Vec<Line>,
}

/// A box.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What is said in it.
    pub rows: Vec<Row>,
    /// Its height in the picture: the boxes of one rank stand side by side, the highest rank on top.
    pub rank: Rank,
}

/// Order from top to bottom: by priority, and what is shared below the first who shares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// 255 less the priority.
    pub below: u8,
    /// Not a protection domain, but something that more than two of them share.
    pub shared: bool,
}

impl Rank {
    /// What stands beside the boxes of this rank.
    pub fn label(self) -> String {
        if self.shared { String::new() } else { format!("priority {}", u8::MAX - self.below) }
    }
}

/// A row of words in a box.
#[derive(Debug)]
pub struct Row {
    /// What it is about.
    pub kind: Kind,
    /// The words.
    pub text: String,
}

/// What a row is about; in a box they stand in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Time, core and other properties.
    Property,
    /// A capability to another protection domain.
    Capability,
    /// A device's registers, or an interrupt.
    Device,
    /// Memory.
    Memory,
    /// A virtual machine, beginning with its name, and what it has alone.
    Guest,
}

/// A line between two boxes.
#[derive(Debug)]
pub struct Line {
    /// Indices of the boxes.
    pub ends: [usize; 2],
    /// Whether an arrow leads to each end: the other one may notify it.
    pub arrows: [bool; 2],
    /// Whether each end may be called by the other one.
    pub called: [bool; 2],
    /// One of them is the parent of the other, and there is nothing else.
    pub family: bool,
    /// The words.
    pub labels: Vec<String>,
}

impl Graph {
    /// The graph of a system.
    pub fn of(system: &System) -> Self {
        let mut graph = Self { nodes: system.pds.iter().map(|pd| node(pd, system)).collect(), lines: Vec::new() };
        for (index, region) in system.regions.iter().enumerate() {
            graph.region(system, index, region);
        }
        for ends in &system.channels {
            graph.channel(system, ends);
        }
        for (child, pd) in system.pds.iter().enumerate() {
            if let Some((parent, id)) = pd.parent {
                graph.line(parent, child).labels.push(format!("child {id}"));
            }
        }
        // A guest's part is the last one.
        graph.nodes.iter_mut().for_each(|node| node.rows.sort_by_key(|row| row.kind));
        for line in &mut graph.lines {
            line.family = line.labels.iter().all(|label| label.starts_with("child "));
        }
        graph
    }

    /// The line between two boxes.
    fn line(&mut self, one: usize, other: usize) -> &mut Line {
        let ends = [one.min(other), one.max(other)];
        let index = self.lines.iter().position(|line| line.ends == ends).unwrap_or_else(|| {
            self.lines.push(Line { ends, arrows: [false; 2], called: [false; 2], family: false, labels: Vec::new() });
            self.lines.len() - 1
        });
        &mut self.lines[index]
    }

    fn channel(&mut self, system: &System, ends: &[End; 2]) {
        let nodes = ends.map(|end| node_of(end.party));
        let name = |end: &End| match end.party {
            Party::Pd(_) => end.id.to_string(),
            Party::Guest { .. } => format!("{} {}", system.party_name(end.party), end.id),
        };
        let [one, other] = ends;
        let label = format!("channel {} \u{2013} {}", name(one), name(other));
        let line = self.line(nodes[0], nodes[1]);
        let in_order = line.ends == nodes;
        for (end, to) in [(one, 1), (other, 0)] {
            let to = if in_order { to } else { 1 - to };
            line.arrows[to] |= end.notify;
            line.called[to] |= end.pp;
        }
        line.labels.push(label);
    }

    /// A region is told of where it belongs: in the box of its only user, on the line between two, or in a box of its own.
    fn region(&mut self, system: &System, index: usize, region: &Region) {
        let mut users: BTreeMap<usize, String> = BTreeMap::new();
        for (pd, domain) in system.pds.iter().enumerate() {
            let own = domain.maps.iter().map(|map| (map, String::new()));
            let guests = domain.vm.iter().flat_map(|vm| vm.maps.iter().map(|map| (map, format!("{} ", vm.name))));
            for (map, who) in own.chain(guests).filter(|(map, _)| map.region == index) {
                let entry = users.entry(pd).or_default();
                let rights = format!("{who}{}", rights(map));
                let comma = if entry.is_empty() { "" } else { ", " };
                entry.push_str(&format!("{comma}{rights}"));
            }
        }
        let kind = if is_device(system, index, region) { Kind::Device } else { Kind::Memory };
        let users: Vec<(usize, String)> = users.into_iter().collect();
        match users.as_slice() {
            [] => {}
            [(pd, rights)] => {
                let guests = !system.pds[*pd].maps.iter().any(|map| map.region == index);
                let kind = if guests { Kind::Guest } else { kind };
                let text = format!("{} {rights}, {}", region.name, extent(region));
                self.nodes[*pd].rows.push(Row { kind, text });
            }
            [(one, rights), (other, others)] => {
                let rights = if rights == others { rights.clone() } else { format!("{rights} / {others}") };
                self.line(*one, *other).labels.push(format!("{} {rights}", region.name));
            }
            several => self.shared(kind, region, several),
        }
    }

    fn shared(&mut self, kind: Kind, region: &Region, users: &[(usize, String)]) {
        let highest = users.iter().map(|(pd, _)| self.nodes[*pd].rank.below).min().unwrap_or_default();
        let rows = vec![Row { kind, text: extent(region) }];
        let rank = Rank { below: highest, shared: true };
        self.nodes.push(Node { name: region.name.clone(), rows, rank });
        let node = self.nodes.len() - 1;
        for (pd, rights) in users {
            self.line(*pd, node).labels.push(rights.clone());
        }
    }
}

fn node_of(party: Party) -> usize {
    match party {
        Party::Pd(pd) | Party::Guest { manager: pd, .. } => pd,
    }
}

fn node(pd: &Pd, system: &System) -> Node {
    let property = |text: String| Row { kind: Kind::Property, text };
    let mut rows = vec![property(time(&pd.schedule))];
    let place = [
        (pd.cpu > 0).then(|| format!("core {}", pd.cpu)),
        pd.domain.map(|domain| format!("domain {domain}")),
        pd.passive.then(|| "passive".to_owned()),
        pd.smc.then(|| "firmware calls".to_owned()),
    ];
    let place: Vec<String> = place.into_iter().flatten().collect();
    if !place.is_empty() {
        rows.push(property(place.join(", ")));
    }
    rows.extend(pd.irqs.iter().map(interrupt));
    for cap in &pd.caps {
        let text = format!("slot {}: {} of {}", cap.slot, of_what(cap.of), system.party_name(cap.of_whom));
        rows.push(Row { kind: Kind::Capability, text });
    }
    rows.extend(pd.vm.iter().flat_map(guest));
    Node { name: pd.name.clone(), rows, rank: Rank { below: u8::MAX - pd.schedule.priority, shared: false } }
}

fn of_what(of: CapOf) -> &'static str {
    match of {
        CapOf::Tcb => "thread",
        CapOf::SchedContext => "scheduling context",
        CapOf::VSpace => "address space",
    }
}

fn guest(vm: &Vm) -> Vec<Row> {
    let count = vm.vcpus.len();
    let cpus = if count == 1 { "1 vCPU".to_owned() } else { format!("{count} vCPUs") };
    let cores: Vec<String> = vm.vcpus.iter().filter(|vcpu| vcpu.cpu > 0).map(|vcpu| vcpu.cpu.to_string()).collect();
    let cores = if cores.is_empty() { String::new() } else { format!(", cores {}", cores.join(" ")) };
    let row = |text: String| Row { kind: Kind::Guest, text };
    vec![
        row(format!("virtual machine {}", vm.name)),
        row(format!("priority {}, {cpus}{cores}", vm.schedule.priority)),
        row(time(&vm.schedule)),
    ]
}

fn time(schedule: &Schedule) -> String {
    if schedule.budget_us == schedule.period_us {
        return format!("turns of {} \u{b5}s", schedule.budget_us);
    }
    format!("{} of {} \u{b5}s", schedule.budget_us, schedule.period_us)
}

fn interrupt(irq: &Irq) -> Row {
    let trigger = match irq.trigger {
        Trigger::Level => "level",
        Trigger::Edge => "edge",
    };
    Row { kind: Kind::Device, text: format!("interrupt {}, {trigger}", irq.irq) }
}

fn rights(map: &Map) -> String {
    let write = if map.write { "w" } else { "" };
    let execute = if map.execute { "x" } else { "" };
    format!("r{write}{execute}")
}

/// Registers are mapped uncached.
fn is_device(system: &System, index: usize, region: &Region) -> bool {
    let maps = system.pds.iter().flat_map(|pd| pd.maps.iter().chain(pd.vm.iter().flat_map(|vm| &vm.maps)));
    region.place.address().is_some() && maps.filter(|map| map.region == index).any(|map| !map.cached)
}

fn extent(region: &Region) -> String {
    match region.place {
        Place::At(paddr) => format!("{} at {paddr:#x}", size(region.size)),
        Place::Anywhere | Place::Picked => size(region.size),
    }
}
