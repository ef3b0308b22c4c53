//! What a GIC does, said as simply as possible, and random lives of a guest on it and on the vGIC.

use super::*;
use proptest::prelude::*;
use std::{vec, vec::Vec};

const CPUS: usize = 2;
/// Two SGIs, two PPIs and four SPIs.
const INTERRUPTS: [u32; 8] = [0, 7, MESSAGES, 30, 33, 40, 64, 95];
/// The index of the interrupt of messages.
const MESSAGE: usize = 2;

#[derive(Clone, Default)]
struct Interrupt {
    group1: bool,
    enabled: bool,
    line: bool,
    latch: bool,
    /// Senders of an SGI of a GICv2, in place of the latch.
    sources: u8,
    edge: bool,
    active: bool,
    priority: u8,
    cpu: Option<usize>,
}

impl Interrupt {
    fn pending(&self) -> bool {
        self.latch || self.sources != 0 || self.line && !self.edge
    }
}

/// Interrupts by CPU for private ones (`INTERRUPTS[..4]`), all under CPU 0 for shared ones.
struct Model {
    version: Version,
    groups: [bool; 2],
    interrupts: Vec<Vec<Interrupt>>,
}

impl Model {
    fn new(version: Version) -> Self {
        let of_cpu = |cpu: usize| {
            let new = |intid: u32| Interrupt {
                edge: intid < 16 || intid == MESSAGES,
                cpu: if intid < FIRST_SPI { Some(cpu) } else { (version == Version::V3).then_some(0) },
                ..Interrupt::default()
            };
            INTERRUPTS.map(new).to_vec()
        };
        Self { version, groups: [false; 2], interrupts: vec![of_cpu(0), of_cpu(1)] }
    }

    fn at(&mut self, cpu: usize, n: usize) -> &mut Interrupt {
        let cpu = if INTERRUPTS[n] < FIRST_SPI { cpu } else { 0 };
        &mut self.interrupts[cpu][n]
    }

    fn is_v2_sgi(&self, n: usize) -> bool {
        self.version == Version::V2 && INTERRUPTS[n] < 16
    }

    /// Whether `cpu` may take the interrupt if its priority suffices.
    fn deliverable(&mut self, cpu: usize, n: usize) -> bool {
        let groups = self.groups;
        let interrupt = self.at(cpu, n);
        interrupt.cpu == Some(cpu)
            && interrupt.enabled
            && interrupt.pending()
            && !interrupt.active
            && groups[usize::from(interrupt.group1)]
    }

    fn best(&mut self, cpu: usize, running: u16) -> Option<u8> {
        let candidates = (0..INTERRUPTS.len()).filter(|&n| self.deliverable(cpu, n)).collect::<Vec<_>>();
        let priorities = candidates.into_iter().map(|n| self.at(cpu, n).priority);
        priorities.min().filter(|&priority| u16::from(priority) < running)
    }
}

/// What may happen. Interrupts are indices of `INTERRUPTS`.
#[derive(Clone, Debug)]
enum Step {
    Line { cpu: usize, n: usize, high: bool },
    Enable { cpu: usize, n: usize, on: bool },
    Pend { cpu: usize, n: usize, on: bool },
    Activate { cpu: usize, n: usize, on: bool },
    Priority { cpu: usize, n: usize, priority: u8 },
    Group { cpu: usize, n: usize, group1: bool },
    Edge { cpu: usize, n: usize, edge: bool },
    Target { n: usize, cpu: usize },
    Groups { enabled: [bool; 2] },
    Sgi { sender: usize, target: usize, n: usize },
    Message { cpu: usize },
    Acknowledge { cpu: usize },
    End { cpu: usize },
}

fn step(activations: bool) -> impl Strategy<Value = Step> {
    let cpu = 0..CPUS;
    let n = 0..INTERRUPTS.len();
    let bit = (cpu.clone(), n.clone(), any::<bool>());
    prop_oneof![
        8 => bit.clone().prop_map(|(cpu, n, high)| Step::Line { cpu, n, high }),
        4 => bit.clone().prop_map(|(cpu, n, on)| Step::Enable { cpu, n, on }),
        4 => bit.clone().prop_map(|(cpu, n, on)| Step::Pend { cpu, n, on }),
        2 => bit.clone().prop_map(move |(cpu, n, on)| match activations {
            true => Step::Activate { cpu, n, on },
            false => Step::Pend { cpu, n, on },
        }),
        2 => (cpu.clone(), n.clone(), 0u8..8)
            .prop_map(|(cpu, n, priority)| Step::Priority { cpu, n, priority: priority << 5 }),
        1 => bit.clone().prop_map(|(cpu, n, group1)| Step::Group { cpu, n, group1 }),
        1 => bit.prop_map(|(cpu, n, edge)| Step::Edge { cpu, n, edge }),
        1 => (n, cpu.clone()).prop_map(|(n, cpu)| Step::Target { n, cpu }),
        1 => any::<[bool; 2]>().prop_map(|enabled| Step::Groups { enabled }),
        4 => (cpu.clone(), cpu.clone(), 0..2usize).prop_map(|(sender, target, n)| Step::Sgi { sender, target, n }),
        6 => cpu.clone().prop_map(|cpu| Step::Message { cpu }),
        8 => cpu.clone().prop_map(|cpu| Step::Acknowledge { cpu }),
        8 => cpu.prop_map(|cpu| Step::End { cpu }),
    ]
}

/// A guest on both.
struct Run {
    machine: Machine,
    model: Model,
    taken: Vec<Vec<(usize, Acknowledged)>>,
}

impl Run {
    /// All on, all targets CPU 0, so that something happens soon.
    fn new(version: Version, list_registers: usize) -> Self {
        let mut run = Self {
            machine: Machine::new(version, CPUS, list_registers),
            model: Model::new(version),
            taken: vec![vec![]; CPUS],
        };
        run.step(Step::Groups { enabled: [true; 2] });
        for n in 0..INTERRUPTS.len() {
            run.step(Step::Target { n, cpu: 0 });
            for cpu in 0..CPUS {
                run.step(Step::Enable { cpu, n, on: true });
            }
        }
        run
    }

    fn step(&mut self, step: Step) {
        let machine = &mut self.machine;
        match step {
            Step::Line { cpu, n, high } => {
                // No line leads to the interrupt of messages.
                if INTERRUPTS[n] >= 16 && n != MESSAGE {
                    machine.set_line(cpu, INTERRUPTS[n], high);
                    let interrupt = self.model.at(cpu, n);
                    interrupt.latch |= interrupt.edge && high && !interrupt.line;
                    interrupt.line = high;
                }
            }
            Step::Enable { cpu, n, on } => {
                machine.write_bit(cpu, if on { ENABLE } else { DISABLE }, INTERRUPTS[n]);
                self.model.at(cpu, n).enabled = on;
            }
            Step::Pend { cpu, n, on } => {
                machine.write_bit(cpu, if on { SET_PENDING } else { CLEAR_PENDING }, INTERRUPTS[n]);
                if !self.model.is_v2_sgi(n) {
                    self.model.at(cpu, n).latch = on;
                }
            }
            Step::Activate { cpu, n, on } => {
                machine.write_bit(cpu, if on { SET_ACTIVE } else { CLEAR_ACTIVE }, INTERRUPTS[n]);
                self.model.at(cpu, n).active = on;
            }
            Step::Priority { cpu, n, priority } => {
                machine.set_priority(cpu, INTERRUPTS[n], priority);
                self.model.at(cpu, n).priority = priority;
            }
            Step::Group { cpu, n, group1 } => self.group(cpu, n, group1),
            Step::Edge { cpu, n, edge } => self.edge(cpu, n, edge),
            Step::Target { n, cpu } => self.target(n, cpu),
            Step::Groups { enabled } => {
                let value = u64::from(enabled[0]) | u64::from(enabled[1]) << 1;
                machine.write(machine.distributor(), 0, CTLR, 4, value);
                self.model.groups = enabled;
            }
            Step::Sgi { sender, target, n } => self.sgi(sender, target, n),
            Step::Message { cpu } => {
                machine.message(cpu);
                self.model.at(cpu, MESSAGE).latch = true;
            }
            Step::Acknowledge { cpu } => self.acknowledge(cpu),
            Step::End { cpu } => {
                if let Some((n, taken)) = self.taken[cpu].pop() {
                    machine.end(cpu, taken);
                    self.model.at(cpu, n).active = false;
                }
            }
        }
    }

    fn group(&mut self, cpu: usize, n: usize, group1: bool) {
        let (block, offset) = (self.machine.block(INTERRUPTS[n]), GROUP + u64::from(INTERRUPTS[n] / 32) * 4);
        let bit = 1 << (INTERRUPTS[n] % 32);
        let old = self.machine.read(block, cpu, offset, 4);
        self.machine.write(block, cpu, offset, 4, if group1 { old | bit } else { old & !bit });
        self.model.at(cpu, n).group1 = group1;
    }

    fn edge(&mut self, cpu: usize, n: usize, edge: bool) {
        let (block, offset) = (self.machine.block(INTERRUPTS[n]), CONFIGURATION + u64::from(INTERRUPTS[n] / 16) * 4);
        let bit = 2 << (INTERRUPTS[n] % 16 * 2);
        let old = self.machine.read(block, cpu, offset, 4);
        self.machine.write(block, cpu, offset, 4, if edge { old | bit } else { old & !bit });
        if INTERRUPTS[n] >= 16 && n != MESSAGE {
            self.model.at(cpu, n).edge = edge;
        }
    }

    /// Moves a shared interrupt, unless a CPU is handling it, though it be deactivated behind that one's back: the architecture leaves open
    /// what happens then, and which interrupt the CPU ends that had it.
    fn target(&mut self, n: usize, cpu: usize) {
        let intid = u64::from(INTERRUPTS[n]);
        let is_handled = self.taken.iter().flatten().any(|(taken, _)| *taken == n);
        if INTERRUPTS[n] < FIRST_SPI || is_handled || self.model.at(0, n).active {
            return;
        }
        match self.model.version {
            Version::V2 => self.machine.write(Block::GICD_V2, 0, TARGETS + intid, 1, 1 << cpu),
            Version::V3 => self.machine.write(Block::GICD_V3, 0, ROUTE + 8 * intid, 8, cpu as u64),
        }
        self.model.at(0, n).cpu = Some(cpu);
    }

    fn sgi(&mut self, sender: usize, target: usize, n: usize) {
        let machine = &mut self.machine;
        match self.model.version {
            Version::V2 => {
                machine.write(Block::GICD_V2, sender, SGIR, 4, 1 << (16 + target) | u64::from(INTERRUPTS[n]));
                self.model.at(target, n).sources |= 1 << sender;
            }
            Version::V3 => {
                let value = u64::from(INTERRUPTS[n]) << 24 | 1 << target;
                machine.gic.send_sgi(sender, value, SgiGroup::Any, &mut machine.hw);
                self.model.at(target, n).latch = true;
            }
        }
    }

    fn acknowledge(&mut self, cpu: usize) {
        let best = self.model.best(cpu, self.machine.hw.running_priority(cpu));
        let taken = self.machine.acknowledge(cpu);
        let Some(taken) = taken else {
            assert_eq!(best, None, "an interrupt of this priority does not arrive");
            return;
        };
        let n = INTERRUPTS.iter().position(|&intid| intid == taken.intid).expect("an interrupt of the model");
        assert!(self.model.deliverable(cpu, n), "interrupt {} must not arrive", taken.intid);
        let is_v2_sgi = self.model.is_v2_sgi(n);
        let interrupt = self.model.at(cpu, n);
        assert_eq!(Some(interrupt.priority), best, "interrupt {} is not the most urgent", taken.intid);
        interrupt.active = true;
        if is_v2_sgi {
            assert!(interrupt.sources & 1 << taken.source != 0, "CPU {} has not sent this SGI", taken.source);
            interrupt.sources &= !(1 << taken.source);
        } else {
            interrupt.latch = false;
        }
        self.taken[cpu].push((n, taken));
    }

    /// What the guest reads of the state is the model's.
    fn compare(&mut self) {
        for cpu in 0..CPUS {
            for (n, intid) in INTERRUPTS.into_iter().enumerate() {
                let interrupt = self.model.at(cpu, n).clone();
                let seen = [SET_PENDING, SET_ACTIVE, ENABLE].map(|base| self.machine.read_bit(cpu, base, intid));
                let expected = [interrupt.pending(), interrupt.active, interrupt.enabled];
                assert_eq!(seen, expected, "pending, active, enabled of interrupt {intid} on CPU {cpu}");
            }
        }
        self.machine.maintain();
    }
}

fn live(version: Version, list_registers: usize, steps: Vec<Step>, compare: bool) {
    let mut run = Run::new(version, list_registers);
    for step in steps {
        run.step(step);
        if compare {
            run.compare();
        }
    }
    run.compare();
}

proptest! {
    /// With room for all, activation by the guest included.
    #[test]
    fn a_guest_with_enough_list_registers(
        v3: bool, steps in prop::collection::vec(step(true), 1..150), compare: bool,
    ) {
        live(if v3 { Version::V3 } else { Version::V2 }, 8, steps, compare);
    }

    /// With less room than there are interrupts. (Which of the interrupts that are in no list register a guest ends cannot be
    /// told, if it activates some without having taken them.)
    #[test]
    fn a_guest_with_few_list_registers(
        v3: bool, list_registers in 3usize..6, steps in prop::collection::vec(step(false), 1..150), compare: bool,
    ) {
        live(if v3 { Version::V3 } else { Version::V2 }, list_registers, steps, compare);
    }
}
