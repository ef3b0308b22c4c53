//! Shared interrupts that are devices' of the machine. The hypervisor puts one into a list register as it comes, and the guest's
//! end of it ends the physical one, so that the monitor is not woken for either. What of it is in no list register is in the
//! physical controller, where the guest's accesses to the distributor reach it: an interrupt is masked there unless the guest has it
//! enabled, and made pending or active there.
//!
//! All lines of a vCPU are told one list register. Where that is taken, the monitor hears of the interrupt and finds another.

use super::{BANK_SIZE, Bank, LineState, ListRegisters, Told, Vgic, delivery, split};

/// A shared interrupt of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardwareLine {
    /// Its number, in the machine as for the guest.
    pub intid: u32,
    /// Edge-triggered rather than level-sensitive.
    pub edge: bool,
}

/// What is known of one.
pub(super) struct Line {
    is: HardwareLine,
    /// What the hypervisor was told last.
    told: Option<Told>,
    /// The vCPU that the hypervisor has it linked to.
    linked: Option<usize>,
    /// It is to be unmasked.
    resample: bool,
}

impl Line {
    pub(super) const fn new(is: HardwareLine) -> Self {
        Self { is, told: None, linked: None, resample: false }
    }

    /// Its bit, if it is among those in `mask` of a bank.
    fn bit(&self, number: usize, mask: u32) -> u32 {
        let (bank, bit) = split(self.is.intid);
        if bank == number { bit & mask } else { 0 }
    }
}

impl Vgic {
    /// Shared interrupts of bank `number` after a reset.
    pub(super) fn bank_of_lines(&self, number: usize) -> Bank {
        let mask = |wanted: fn(&Line) -> bool| {
            self.lines.iter().filter(|line| wanted(line)).fold(0, |mask, line| mask | line.bit(number, u32::MAX))
        };
        Bank::new(mask(|line| line.is.edge), mask(|_| true))
    }

    /// The list register that the hypervisor puts them into, if it does.
    pub(super) fn told_register(&self, hw: &dyn ListRegisters) -> Option<usize> {
        let told = self.config.linked && !self.lines.is_empty();
        told.then(|| hw.count() - 1 - usize::from(self.config.messages.is_some()))
    }

    /// The hardware lines that have to be unmasked: the guest has ended them since the last call in a way that does not do it.
    pub fn take_ended_lines(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.lines.iter_mut().filter_map(|line| core::mem::take(&mut line.resample).then_some(line.is.intid))
    }

    pub(super) fn resample_lines(&mut self, number: usize, mask: u32) {
        self.lines.iter_mut().for_each(|line| line.resample |= line.bit(number, mask) != 0);
    }

    /// Before the state of interrupts counts: what the hypervisor has put into list registers meanwhile. With `stop`, those in
    /// `mask` stay in the physical controller from now on.
    pub(super) fn look_for_lines(&mut self, number: usize, mask: u32, stop: bool, hw: &mut dyn ListRegisters) {
        let mask = if number == 0 { 0 } else { self.hardware(number, mask) };
        let Some(index) = self.told_register(hw).filter(|_| mask != 0) else { return };
        self.lines_change |= stop;
        for n in 0..self.lines.len() {
            let line = &mut self.lines[n];
            let Some(told) = line.told.filter(|_| line.bit(number, mask) != 0) else { continue };
            if stop {
                line.told = None;
                hw.tell_line(line.is.intid, None);
            }
            self.adopt(told.vcpu, index, hw);
        }
    }

    /// Takes note of what the hypervisor has put into list register `index` of `cpu`.
    fn adopt(&mut self, cpu: usize, index: usize, hw: &mut dyn ListRegisters) {
        let state = hw.read(cpu, index);
        let interface = &self.cpus[cpu].interface;
        let held = interface.held(index);
        if state.is_empty() || held.is_some_and(|held| held.intid() == state.intid()) {
            return;
        }
        // What was there has ended; so has what is here now, wherever it was before.
        let before = [held.map(|_| index), interface.find(state.intid())];
        for index in before.into_iter().flatten() {
            if let Some(ended) = self.cpus[cpu].interface.held(index) {
                self.absorb(cpu, index, delivery::empty(ended));
                self.release(cpu, index);
            }
        }
        self.cpus[cpu].interface.adopt(index, state.with_pending(true).with_active(false));
        let (number, mask) = split(state.intid());
        if let Some(bank) = self.bank_mut(cpu, number) {
            bank.line |= mask;
            bank.placed |= mask;
        }
    }

    /// Whether a line has come that no list register has yet. Without a hypervisor that says so: yes.
    pub(super) fn has_come(&mut self, number: usize, mask: u32, intid: u32, hw: &mut dyn ListRegisters) -> bool {
        self.fold(0, number, mask, hw);
        let placed = self.bank(0, number).is_some_and(|bank| bank.placed & mask != 0);
        hw.line_state(intid).is_none_or(|state| state.active && !placed)
    }

    /// Tells the hypervisor how lines are to be delivered, where that has changed.
    pub(super) fn keep_lines(&mut self, hw: &mut dyn ListRegisters) {
        if !core::mem::take(&mut self.lines_change) {
            return;
        }
        let Some(index) = self.told_register(hw) else { return };
        for n in 0..self.lines.len() {
            let intid = self.lines[n].is.intid;
            let told = self.tellable(intid, index);
            if told == self.lines[n].told {
                continue;
            }
            self.lines[n].told = told;
            let moved = told.filter(|told| self.lines[n].linked != Some(told.vcpu));
            hw.tell_line(intid, told);
            if let Some(Told { vcpu, .. }) = moved {
                self.lines[n].linked = Some(vcpu);
                self.begin_anew(n, hw);
            }
        }
    }

    /// How a line is to be delivered, if the guest has it enabled.
    fn tellable(&self, intid: u32, index: usize) -> Option<Told> {
        let (number, mask) = split(intid);
        let bit = intid as usize % BANK_SIZE;
        let bank = self.bank(0, number)?;
        let [group0, group1] = self.group_enabled;
        let vcpu = self.home(0, number, bit).filter(|_| bank.enabled & bank.groups(group0, group1) & mask != 0)?;
        let interrupt = self.compose(vcpu, number, bit).with_pending(false).with_active(false);
        Some(Told { vcpu, index, interrupt })
    }

    /// A line goes to another vCPU, by which the hypervisor has ended it: an edge that waited is made again, a level comes again by
    /// itself.
    fn begin_anew(&mut self, n: usize, hw: &mut dyn ListRegisters) {
        let HardwareLine { intid, edge } = self.lines[n].is;
        let (number, mask) = split(intid);
        let Some(bank) = self.bank_mut(0, number) else { return };
        let (waited, active) = (bank.line & !bank.active & mask != 0, bank.active & mask != 0);
        bank.line &= !mask;
        if waited && edge || active {
            hw.set_line_state(intid, LineState { pending: waited && edge, active });
        }
    }

    /// The guest makes lines pending, or takes that back.
    pub(super) fn set_lines_pending(&mut self, number: usize, mask: u32, pending: bool, hw: &mut dyn ListRegisters) {
        for n in 0..self.lines.len() {
            let bit = self.lines[n].bit(number, mask);
            let intid = self.lines[n].is.intid;
            let Some(bank) = self.bank_mut(0, number).filter(|_| bit != 0) else { continue };
            let had_come = bank.line & bit != 0;
            let active = (bank.active | if pending { bank.line } else { 0 }) & bit != 0;
            if !hw.set_line_state(intid, LineState { pending, active }) && pending {
                bank.line |= bit;
            }
            if !pending && had_come {
                bank.line &= !bit;
                self.lines[n].resample |= !active;
                self.ended |= !active;
            }
        }
    }

    /// The guest makes lines active.
    pub(super) fn set_lines_active(&mut self, number: usize, mask: u32, hw: &mut dyn ListRegisters) {
        for line in self.lines.iter().filter(|line| line.bit(number, mask) != 0) {
            let HardwareLine { intid, edge } = line.is;
            if let Some(state) = hw.line_state(intid) {
                hw.set_line_state(intid, LineState { pending: edge && state.pending, active: true });
            }
        }
    }

    /// The pending state of interrupts in bank `number`, of which `pending` is what the bank shows.
    pub(super) fn pending_lines(&self, number: usize, pending: u32, hw: &mut dyn ListRegisters) -> u32 {
        let Some(bank) = self.bank(0, number) else { return pending };
        let here = self.lines.iter().filter(|line| line.bit(number, u32::MAX) != 0);
        here.fold(pending, |pending, line| {
            let bit = line.bit(number, u32::MAX);
            match hw.line_state(line.is.intid) {
                Some(state) if state.pending || bank.line & !bank.active & bit != 0 => pending | bit,
                Some(_) => pending & !bit,
                None => pending,
            }
        })
    }

    /// Nothing comes any more.
    pub(super) fn silence_lines(&mut self, hw: &mut dyn ListRegisters) {
        for line in &mut self.lines {
            if line.told.take().is_some() {
                hw.tell_line(line.is.intid, None);
            }
        }
    }

    /// What has come before a reset is over.
    pub(super) fn forget_lines(&mut self, hw: &mut dyn ListRegisters) {
        for line in &mut self.lines {
            line.resample = true;
            self.ended = true;
            hw.set_line_state(line.is.intid, LineState::default());
        }
    }
}
