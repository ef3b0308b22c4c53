//! The vGIC over a kernel that only injects: nothing is lost, whatever the guest does.

use super::*;
use crate::vgic::{Inject, Injected, ListRegisters};
use proptest::prelude::*;
use std::vec::Vec;

/// seL4's invocation on the model of the hardware.
struct Kernel(Hardware);

impl Inject for Kernel {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn inject(&mut self, vcpu: usize, index: usize, interrupt: ListRegister) -> bool {
        let free = self.0.read(vcpu, index).is_empty();
        if free {
            let register =
                ListRegister::new(interrupt.intid(), interrupt.priority()).with_group1(interrupt.is_group1());
            self.0.write(vcpu, index, register.with_pending(true).with_eoi(true));
        }
        free
    }
}

/// One SGI, one PPI with a line, two SPIs: one that is pended by software, one with a line.
const INTERRUPTS: [u32; 4] = [3, 20, 40, 41];
const LINES: [bool; 4] = [false, true, false, true];

#[derive(Clone, Debug)]
enum Step {
    Raise(usize),
    Lower(usize),
    Enable(usize),
    Disable(usize),
    Priority(usize, u8),
    Acknowledge,
    End,
}

struct Run {
    gic: Vgic,
    lists: Injected<Kernel>,
    /// Raised since it was last acknowledged.
    due: [bool; 4],
    active: Vec<Acknowledged>,
}

impl Run {
    fn new(list_registers: usize) -> Self {
        let config = Config {
            version: Version::V2,
            vcpus: 1,
            spis: 32,
            priority_bits: 5,
            hardware_lines: 0,
            linked: false,
            messages: None,
        };
        let lists = Injected::new(Kernel(Hardware::new(1, list_registers)), 1);
        let mut run = Self { gic: Vgic::new(config), lists, due: [false; 4], active: Vec::new() };
        run.write(CTLR, 4, 3);
        (0..4).for_each(|n| run.step(&Step::Enable(n)));
        run
    }

    fn write(&mut self, offset: u64, width: usize, value: u64) {
        self.gic.write(Block::GICD_V2, 0, offset, width, value, &mut self.lists);
        self.maintain();
    }

    fn write_bit(&mut self, base: u64, n: usize) {
        self.write(base + u64::from(INTERRUPTS[n] / 32) * 4, 4, 1 << (INTERRUPTS[n] % 32));
    }

    fn set_line(&mut self, n: usize, high: bool) {
        self.gic.set_line(0, INTERRUPTS[n], high, &mut self.lists);
        self.maintain();
    }

    fn maintain(&mut self) {
        while let Some(ended) = self.lists.kernel_mut().0.maintenance(0) {
            let ended = ended.and_then(|index| self.lists.ended(0, index));
            self.gic.maintenance(0, ended, &mut self.lists);
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Raise(n) => {
                self.due[n] = true;
                match INTERRUPTS[n] {
                    sgi @ 0..16 => self.write(SGIR, 4, 1 << 16 | u64::from(sgi)),
                    _ if LINES[n] => self.set_line(n, true),
                    _ => self.write_bit(SET_PENDING, n),
                }
            }
            Step::Lower(n) if LINES[n] => {
                self.due[n] = false;
                self.set_line(n, false);
            }
            Step::Lower(_) => {}
            Step::Enable(n) => self.write_bit(ENABLE, n),
            Step::Disable(n) => self.write_bit(DISABLE, n),
            Step::Priority(n, priority) => self.write(PRIORITY + u64::from(INTERRUPTS[n]), 1, priority.into()),
            Step::Acknowledge => self.acknowledge(),
            Step::End => {
                if let Some(taken) = self.active.pop() {
                    self.lists.kernel_mut().0.end(0, taken);
                    self.maintain();
                }
            }
        }
    }

    /// The guest's handler makes the device lower its line.
    fn acknowledge(&mut self) {
        let Some(taken) = self.lists.kernel_mut().0.acknowledge(0) else { return };
        let n = INTERRUPTS.iter().position(|&intid| intid == taken.intid).expect("one that was raised");
        self.due[n] = false;
        self.active.push(taken);
        if LINES[n] {
            self.set_line(n, false);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..INTERRUPTS.len();
    prop_oneof![
        6 => n.clone().prop_map(Step::Raise),
        1 => n.clone().prop_map(Step::Lower),
        1 => n.clone().prop_map(Step::Enable),
        1 => n.clone().prop_map(Step::Disable),
        1 => (n, 0u8..8).prop_map(|(n, priority)| Step::Priority(n, priority << 5)),
        6 => Just(Step::Acknowledge),
        6 => Just(Step::End),
    ]
}

proptest! {
    #[test]
    fn no_interrupt_is_lost(list_registers in 2..=4usize, steps in prop::collection::vec(step(), 0..100)) {
        let mut run = Run::new(list_registers);
        steps.iter().for_each(|step| run.step(step));
        (0..4).for_each(|n| run.step(&Step::Enable(n)));
        // What nests ends, and then the guest handles one after the other: twice each at most.
        while !run.active.is_empty() {
            run.step(&Step::End);
        }
        for _ in 0..2 * INTERRUPTS.len() {
            run.step(&Step::Acknowledge);
            run.step(&Step::End);
        }
        prop_assert_eq!(run.due, [false; 4]);
        prop_assert!(run.lists.kernel_mut().0.acknowledge(0).is_none(), "interrupts for ever");
    }
}

#[test]
fn what_comes_again_while_it_is_handled_is_injected_at_its_end() {
    let mut run = Run::new(2);
    run.step(&Step::Raise(0));
    run.step(&Step::Acknowledge);
    run.step(&Step::Raise(0));
    assert!(run.lists.kernel_mut().0.acknowledge(0).is_none());
    run.step(&Step::End);
    run.step(&Step::Acknowledge);
    assert_eq!(run.active.len(), 1);
}
