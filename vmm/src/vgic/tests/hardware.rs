//! A model of the hardware's virtual CPU interface and its list registers (Arm IHI 0069, 12.4; EOImode 0).

use super::super::{LineState, ListRegister, ListRegisters, Maintenance, Told};
use std::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

/// What the guest reads when it acknowledges an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub intid: u32,
    pub source: u8,
}

#[derive(Clone)]
struct Interface {
    registers: Vec<ListRegister>,
    /// Priorities of what has been acknowledged and not ended.
    running: Vec<u8>,
    maintenance: Maintenance,
    eoi_count: u32,
    ended_physical: Option<u32>,
    /// The list register that is told for messages, and its interrupt.
    told: Option<(usize, ListRegister)>,
    /// A message waits for that.
    message: bool,
}

/// A device's interrupt in the physical controller.
#[derive(Clone, Copy, Default)]
struct Physical {
    edge: bool,
    high: bool,
    latched: bool,
    active: bool,
    linked: Option<usize>,
    told: Option<Told>,
}

pub(crate) struct Hardware {
    interfaces: Vec<Interface>,
    lines: BTreeMap<u32, Physical>,
    /// Lines that the monitor was told of.
    pub signalled: Vec<u32>,
    /// Maintenance interrupts so far.
    pub maintenance_count: usize,
}

impl Hardware {
    pub fn new(cpus: usize, list_registers: usize) -> Self {
        let interface = Interface {
            registers: vec![ListRegister::EMPTY; list_registers],
            running: Vec::new(),
            maintenance: Maintenance::empty(),
            eoi_count: 0,
            ended_physical: None,
            told: None,
            message: false,
        };
        let interfaces = vec![interface; cpus];
        Self { interfaces, lines: BTreeMap::new(), signalled: Vec::new(), maintenance_count: 0 }
    }

    /// A device has this interrupt.
    pub fn add_line(&mut self, intid: u32, edge: bool) {
        self.lines.insert(intid, Physical { edge, ..Physical::default() });
    }

    /// The device raises or lowers its line.
    pub fn set_line(&mut self, intid: u32, high: bool) {
        let line = self.lines.get_mut(&intid).expect("a line");
        line.latched |= high && !line.high && line.edge;
        line.high = high;
        self.deliver();
    }

    /// What the kernel does with interrupts that come.
    fn deliver(&mut self) {
        for (&intid, line) in &mut self.lines {
            let pending = line.latched || line.high && !line.edge;
            let Some(told) = line.told.filter(|_| pending && !line.active) else { continue };
            (line.active, line.latched) = (true, false);
            let lr = &mut self.interfaces[told.vcpu].registers[told.index];
            if lr.is_empty() {
                *lr = told.interrupt.with_pending(true);
            } else {
                self.signalled.push(intid);
            }
        }
    }

    /// The monitor lets a line come again.
    pub fn unmask_line(&mut self, intid: u32) {
        self.lines.get_mut(&intid).expect("a line").active = false;
        self.deliver();
    }

    pub fn cpus(&self) -> usize {
        self.interfaces.len()
    }

    /// The priority that an interrupt has to be above (numerically below) to be taken.
    pub fn running_priority(&self, cpu: usize) -> u16 {
        self.interfaces[cpu].running.last().map_or(0x100, |&priority| priority.into())
    }

    pub fn acknowledge(&mut self, cpu: usize) -> Option<Acknowledged> {
        let running = self.running_priority(cpu);
        let interface = &mut self.interfaces[cpu];
        let pending = interface.registers.iter_mut().filter(|lr| lr.is_pending() && !lr.is_active());
        let taken = pending.min_by_key(|lr| lr.priority()).filter(|lr| u16::from(lr.priority()) < running)?;
        *taken = taken.with_pending(false).with_active(true);
        interface.running.push(taken.priority());
        Some(Acknowledged { intid: taken.intid(), source: taken.source() })
    }

    pub fn end(&mut self, cpu: usize, taken: Acknowledged) {
        let interface = &mut self.interfaces[cpu];
        interface.running.pop();
        let same = |lr: &&mut ListRegister| lr.is_active() && lr.intid() == taken.intid;
        match interface.registers.iter_mut().find(same) {
            Some(lr) => {
                *lr = lr.with_active(false);
                interface.ended_physical = lr.physical();
                if let Some(line) = lr.physical().and_then(|intid| self.lines.get_mut(&intid)) {
                    line.active = false;
                }
                self.deliver();
            }
            None => interface.eoi_count += 1,
        }
    }

    /// A message comes.
    pub fn message(&mut self, cpu: usize) {
        let interface = &mut self.interfaces[cpu];
        match interface.told {
            Some((index, interrupt)) => {
                let lr = &mut interface.registers[index];
                *lr = if lr.is_empty() { interrupt } else { *lr }.with_pending(true);
            }
            None => interface.message = true,
        }
    }

    pub fn take_ended_physical(&mut self, cpu: usize) -> Option<u32> {
        self.interfaces[cpu].ended_physical.take()
    }

    /// The maintenance interrupt that is asserted, with the list register that has ended, if any.
    pub fn maintenance(&mut self, cpu: usize) -> Option<Option<usize>> {
        let interface = &self.interfaces[cpu];
        let registers = &interface.registers;
        let used = registers.iter().filter(|lr| !lr.is_empty());
        let unique = used.map(|lr| lr.intid()).collect::<BTreeSet<_>>().len();
        let used = registers.iter().filter(|lr| !lr.is_empty()).count();
        assert_eq!(unique, used, "an interrupt is in two list registers");
        let ended = registers.iter().position(|lr| lr.is_empty() && lr.wants_eoi() && lr.physical().is_none());
        let other = interface.maintenance.contains(Maintenance::UNDERFLOW) && used <= 1
            || interface.maintenance.contains(Maintenance::NO_PENDING) && !registers.iter().any(|lr| lr.is_pending())
            || interface.maintenance.contains(Maintenance::NOT_PRESENT) && interface.eoi_count != 0;
        let asserted = ended.map(Some).or(other.then_some(None));
        self.maintenance_count += usize::from(asserted.is_some());
        if let Some(index) = ended {
            self.interfaces[cpu].registers[index] = ListRegister::EMPTY;
        }
        asserted
    }
}

impl ListRegisters for Hardware {
    fn count(&self) -> usize {
        self.interfaces[0].registers.len()
    }

    fn read(&mut self, vcpu: usize, index: usize) -> ListRegister {
        self.interfaces[vcpu].registers[index]
    }

    fn write(&mut self, vcpu: usize, index: usize, value: ListRegister) {
        if let Some(line) = value.physical().and_then(|intid| self.lines.get(&intid)) {
            assert_eq!(line.linked, Some(vcpu), "a list register ends what is not linked to its vCPU");
            assert!(line.active, "what is in a list register has come");
        }
        self.interfaces[vcpu].registers[index] = value;
    }

    fn empty(&mut self, vcpu: usize) -> u16 {
        let registers = self.interfaces[vcpu].registers.iter().enumerate();
        registers.fold(0, |mask, (n, lr)| mask | u16::from(lr.is_empty()) << n)
    }

    fn set_maintenance(&mut self, vcpu: usize, enabled: Maintenance) {
        self.interfaces[vcpu].maintenance = enabled;
        self.interfaces[vcpu].eoi_count = 0;
    }

    fn take_eoi_count(&mut self, vcpu: usize) -> u32 {
        core::mem::take(&mut self.interfaces[vcpu].eoi_count)
    }

    fn tell_messages(&mut self, vcpu: usize, told: Option<(usize, ListRegister)>) {
        self.interfaces[vcpu].told = told;
        if told.is_some() && core::mem::take(&mut self.interfaces[vcpu].message) {
            self.message(vcpu);
        }
    }

    fn take_message(&mut self, vcpu: usize) -> bool {
        core::mem::take(&mut self.interfaces[vcpu].message)
    }

    fn tell_line(&mut self, intid: u32, told: Option<Told>) {
        let line = self.lines.get_mut(&intid).expect("a line");
        if let Some(told) = told.filter(|told| line.linked != Some(told.vcpu)) {
            line.active = false;
            if let Some(before) = line.linked.replace(told.vcpu) {
                let registers = &mut self.interfaces[before].registers;
                registers.iter_mut().filter(|lr| lr.physical() == Some(intid)).for_each(|lr| *lr = ListRegister::EMPTY);
            }
        }
        line.told = told.map(|told| Told { interrupt: told.interrupt.linked(), ..told });
        self.deliver();
    }

    fn line_state(&mut self, intid: u32) -> Option<LineState> {
        let line = self.lines.get(&intid)?;
        Some(LineState { pending: line.latched || line.high && !line.edge, active: line.active })
    }

    fn set_line_state(&mut self, intid: u32, state: LineState) -> bool {
        let Some(line) = self.lines.get_mut(&intid) else { return false };
        (line.latched, line.active) = (state.pending, state.active);
        self.deliver();
        true
    }

    fn forget_messages(&mut self, vcpu: usize) {
        self.interfaces[vcpu].told = None;
        self.interfaces[vcpu].message = false;
    }
}
