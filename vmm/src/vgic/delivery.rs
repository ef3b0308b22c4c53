//! Between the banks and the list registers: taking interrupts out, putting them in, and hearing of their end.

use core::iter;

use super::{
    BANK_SIZE, Cpu, ListRegister, ListRegisters, MAX_LIST_REGISTERS, Maintenance, SGIS, Version, Vgic, bits, split,
};

/// What the vGIC knows of the list registers of one vCPU.
#[derive(Default)]
pub(super) struct Interface {
    /// Each register as last written or read.
    shadow: [ListRegister; MAX_LIST_REGISTERS],
    /// Registers that hold an interrupt, as far as is known: the guest may have ended it since.
    used: u16,
    /// Registers that hold nothing any more but must be written before the vCPU runs.
    stale: u16,
    maintenance: Maintenance,
}

impl Interface {
    /// The hypervisor has put an interrupt into list register `index`.
    pub(super) fn adopt(&mut self, index: usize, interrupt: ListRegister) {
        self.shadow[index] = interrupt;
        self.used |= 1 << index;
        self.stale &= !(1 << index);
    }

    /// The interrupt in a list register, as far as is known.
    pub(super) fn held(&self, index: usize) -> Option<ListRegister> {
        (self.used & 1 << index != 0).then(|| self.shadow[index])
    }

    pub(super) fn find(&self, intid: u32) -> Option<usize> {
        bits(self.used.into()).find(|&index| self.shadow[index].intid() == intid)
    }

    /// The interrupt in one of these list registers that deserves its place least.
    fn least_deserving(&self, among: u16) -> Option<usize> {
        bits((self.used & among).into()).max_by_key(|&index| self.shadow[index].rank())
    }

    fn has_pending(&self, among: u16) -> bool {
        bits((self.used & among).into()).any(|index| self.shadow[index].is_pending())
    }
}

impl Vgic {
    /// Handles a maintenance interrupt of `cpu`. `ended` is the list register whose interrupt the guest has ended, if
    /// that is the reason; the hypervisor has emptied it.
    pub fn maintenance(&mut self, cpu: usize, ended: Option<usize>, hw: &mut dyn ListRegisters) {
        let Some(Cpu { interface, .. }) = self.cpus.get(cpu) else { return };
        match ended {
            // Only one list register has to be looked at, and what it says is known, unless the exit of another vCPU came
            // in between, which may have filled it again.
            Some(index) if self.config.vcpus == 1 && interface.maintenance.is_empty() && index < hw.count() => {
                if interface.used & 1 << index != 0 {
                    self.absorb(cpu, index, empty(interface.shadow[index]));
                    self.release(cpu, index);
                }
                // The hypervisor has emptied it already.
                self.cpus[cpu].interface.stale &= !(1 << index);
            }
            _ => {
                self.reclaim(cpu, hw);
                self.deactivate_ended(cpu, hw);
            }
        }
        self.dirty |= 1 << cpu;
        self.settle(hw);
    }

    /// Whether an interrupt waits for `cpu`, so that a WFI has to end.
    pub fn has_pending(&mut self, cpu: usize, hw: &mut dyn ListRegisters) -> bool {
        let Some(Cpu { interface, .. }) = self.cpus.get(cpu) else { return false };
        let used = interface.used;
        bits(used.into()).any(|index| hw.read(cpu, index).is_pending()) || self.most_deserving(cpu).is_some()
    }

    /// Makes the bank show the true state of the interrupts in `mask`.
    pub(super) fn fold(&mut self, cpu: usize, number: usize, mask: u32, hw: &mut dyn ListRegisters) {
        self.look_for_messages(cpu, number, mask, false, hw);
        self.look_for_lines(number, mask, false, hw);
        for bit in bits(self.placed(cpu, number, mask)) {
            let Some((home, index)) = self.place_of(cpu, number, bit) else { continue };
            let state = hw.read(home, index);
            self.absorb(home, index, state);
            if state.is_empty() && self.messages(number, 1 << bit) == 0 {
                self.release(home, index);
            }
        }
    }

    /// Folds the interrupts in `mask` and takes them out of their list registers.
    pub(super) fn withdraw(&mut self, cpu: usize, number: usize, mask: u32, hw: &mut dyn ListRegisters) {
        self.look_for_messages(cpu, number, mask, true, hw);
        self.look_for_lines(number, mask, true, hw);
        for bit in bits(self.placed(cpu, number, mask)) {
            let Some((home, index)) = self.place_of(cpu, number, bit) else { continue };
            let state = hw.read(home, index);
            self.absorb(home, index, state);
            self.release(home, index);
        }
    }

    fn placed(&self, cpu: usize, number: usize, mask: u32) -> u32 {
        self.bank(cpu, number).map_or(0, |bank| bank.placed & mask)
    }

    /// The vCPU and the index of the list register that holds interrupt `bit` of a bank.
    fn place_of(&self, cpu: usize, number: usize, bit: usize) -> Option<(usize, usize)> {
        let home = self.home(cpu, number, bit)?;
        let index = self.cpus[home].interface.find((number * BANK_SIZE + bit) as u32)?;
        Some((home, index))
    }

    /// Updates the bank with what list register `index` of `cpu` has become.
    pub(super) fn absorb(&mut self, cpu: usize, index: usize, state: ListRegister) {
        let was = core::mem::replace(&mut self.cpus[cpu].interface.shadow[index], state);
        let (number, mask) = split(was.intid());
        let taken = was.is_pending() && !state.is_pending();
        if taken && number == 0 && self.config.version == Version::V2 {
            self.cpus[cpu].take_sgi(was);
        }
        let messages = self.messages(number, mask);
        let still_latched = number == 0 && self.cpus[cpu].sgi_still_pending(was.intid());
        let Some(bank) = self.bank_mut(cpu, number) else { return };
        if taken && !still_latched {
            bank.latch &= !mask;
        }
        if state.is_pending() {
            bank.latch |= messages;
        }
        bank.active = bank.active & !mask | if state.is_active() { mask } else { 0 };
        let hardware = self.hardware(number, mask);
        if state.is_empty() && hardware != 0 {
            self.hardware_ended(cpu, number, hardware, self.config.linked);
        }
    }

    /// A linked interrupt fires again: the guest must have ended it, there is no need to look.
    pub(super) fn forget_ended(&mut self, cpu: usize, intid: u32) {
        let Some(interface) = self.cpus.get(cpu).map(|cpu| &cpu.interface) else { return };
        if let Some(index) = interface.find(intid).filter(|_| self.config.linked) {
            self.absorb(cpu, index, empty(interface.shadow[index]));
            self.release(cpu, index);
        }
    }

    /// Gives list register `index` of `cpu`, which is used, up; what is left in it is overwritten at the next settling.
    pub(super) fn release(&mut self, cpu: usize, index: usize) {
        let interface = &mut self.cpus[cpu].interface;
        let lr = interface.shadow[index];
        interface.used &= !(1 << index);
        // An empty one that asked for the end to be reported goes on reporting it until it is written.
        if !lr.is_empty() || lr.wants_eoi() {
            interface.stale |= 1 << index;
        }
        let (number, mask) = split(lr.intid());
        if let Some(bank) = self.bank_mut(cpu, number) {
            bank.placed &= !mask;
        }
        self.dirty |= 1 << cpu;
    }

    /// Finds the list registers whose interrupts the guest has ended.
    fn reclaim(&mut self, cpu: usize, hw: &mut dyn ListRegisters) {
        let used = self.cpus[cpu].interface.used & self.assignable(hw);
        let ended = if used == 0 { 0 } else { hw.empty(cpu) & used };
        for index in bits(ended.into()) {
            let state = empty(self.cpus[cpu].interface.shadow[index]);
            self.absorb(cpu, index, state);
            self.release(cpu, index);
        }
    }

    /// Deactivates what the guest ended while it was in no list register: the most urgent active ones, since interrupts
    /// end in the reverse order of their preemption.
    fn deactivate_ended(&mut self, cpu: usize, hw: &mut dyn ListRegisters) {
        if !self.cpus[cpu].interface.maintenance.contains(Maintenance::NOT_PRESENT) {
            return;
        }
        for _ in 0..hw.take_eoi_count(cpu) {
            let mut ended: Option<ListRegister> = None;
            self.for_each_unplaced(cpu, |lr| {
                if lr.is_active() && ended.is_none_or(|ended| lr.rank() < ended.rank()) {
                    ended = Some(lr);
                }
            });
            let Some(ended) = ended else { return };
            let (number, mask) = split(ended.intid());
            let Some(bank) = self.bank_mut(cpu, number) else { return };
            bank.active &= !mask;
            self.hardware_ended(cpu, number, self.hardware(number, mask), false);
        }
    }

    /// Puts into list registers what is due on every vCPU that something has changed for.
    pub(super) fn settle(&mut self, hw: &mut dyn ListRegisters) {
        self.keep_lines(hw);
        for cpu in bits(core::mem::take(&mut self.dirty)) {
            self.keep_messages(cpu, hw);
            let all_placed = loop {
                let Some((next, is_last)) = self.most_deserving(cpu) else { break true };
                let Some(index) = self.allocate(cpu, next, hw) else { break false };
                self.place(cpu, index, next, hw);
                // Unless room was made for it.
                if is_last && self.dirty & 1 << cpu == 0 {
                    break true;
                }
            };
            self.clear_stale(cpu, hw);
            let wanted = if all_placed { Maintenance::empty() } else { self.useful_maintenance(cpu, hw) };
            let interface = &mut self.cpus[cpu].interface;
            if interface.maintenance != wanted {
                interface.maintenance = wanted;
                hw.set_maintenance(cpu, wanted);
            }
        }
        // Making room may have marked a vCPU that has just been seen to.
        self.dirty = 0;
    }

    /// Hands what should be in a list register of `cpu` and is not to `each`.
    #[inline]
    fn for_each_unplaced(&self, cpu: usize, mut each: impl FnMut(ListRegister)) {
        let [group0, group1] = self.group_enabled;
        let shared = self.shared.iter().map(|shared| &shared.bank);
        for (number, bank) in iter::once(&self.cpus[cpu].bank).chain(shared).enumerate() {
            let mask = bank.unplaced(bank.groups(group0, group1));
            if mask == 0 {
                continue;
            }
            for bit in bits(mask & !self.messages(number, mask)) {
                if self.home(cpu, number, bit) == Some(cpu) {
                    each(self.compose(cpu, number, bit));
                }
            }
        }
    }

    /// What deserves a list register of `cpu` most, and whether nothing else is to be in one.
    fn most_deserving(&self, cpu: usize) -> Option<(ListRegister, bool)> {
        let mut best: Option<(ListRegister, bool)> = None;
        self.for_each_unplaced(cpu, |lr| {
            best = Some(match best {
                None => (lr, true),
                Some((best, _)) => (if lr.rank() < best.rank() { lr } else { best }, false),
            });
        });
        best
    }

    /// The list register that represents interrupt `bit` of bank `number`.
    pub(super) fn compose(&self, cpu: usize, number: usize, bit: usize) -> ListRegister {
        let Some(bank) = self.bank(cpu, number) else { return ListRegister::EMPTY };
        let on = |word: u32| word & 1 << bit != 0;
        let [group0, group1] = self.group_enabled;
        let pending = on(bank.pending() & bank.enabled & bank.groups(group0, group1));
        let active = on(bank.active);
        let lr = ListRegister::new((number * BANK_SIZE + bit) as u32, bank.priority[bit])
            .with_group1(on(bank.group1))
            .with_active(active);
        if number == 0 && bit < SGIS && self.config.version == Version::V2 {
            return self.cpus[cpu].compose_sgi(lr, bit, pending);
        }
        if self.config.linked && self.hardware(number, 1 << bit) != 0 {
            return lr.with_pending(pending && !active).linked();
        }
        // A level that is high is looked at again when the guest ends the interrupt; an edge can wait in the register
        // itself, and what was pending by software is not any more once it is taken.
        let level = !on(bank.edge);
        let again = level && pending && (active || on(bank.line));
        lr.with_pending(pending && !(level && active)).with_eoi(again)
    }

    /// A list register for `next`: a free one, one that the guest is through with, or that of something less urgent.
    fn allocate(&mut self, cpu: usize, next: ListRegister, hw: &mut dyn ListRegisters) -> Option<usize> {
        let all = self.assignable(hw);
        if self.cpus[cpu].interface.used & all == all {
            self.reclaim(cpu, hw);
        }
        let interface = &self.cpus[cpu].interface;
        let free = all & !interface.used;
        if free == 0 {
            return self.evict(cpu, next, hw);
        }
        let stale = interface.stale & free;
        let preferred = if stale != 0 { stale } else { free };
        Some(preferred.trailing_zeros() as usize)
    }

    fn evict(&mut self, cpu: usize, next: ListRegister, hw: &mut dyn ListRegisters) -> Option<usize> {
        let all = self.assignable(hw);
        for index in bits((self.cpus[cpu].interface.used & all).into()) {
            let state = hw.read(cpu, index);
            self.absorb(cpu, index, state);
        }
        let interface = &self.cpus[cpu].interface;
        let victim = interface.least_deserving(all).filter(|&index| interface.shadow[index].rank() > next.rank())?;
        self.release(cpu, victim);
        Some(victim)
    }

    pub(super) fn place(&mut self, cpu: usize, index: usize, lr: ListRegister, hw: &mut dyn ListRegisters) {
        hw.write(cpu, index, lr);
        let interface = &mut self.cpus[cpu].interface;
        interface.shadow[index] = lr;
        interface.used |= 1 << index;
        interface.stale &= !(1 << index);
        let (number, mask) = split(lr.intid());
        if let Some(bank) = self.bank_mut(cpu, number) {
            bank.placed |= mask;
        }
    }

    fn clear_stale(&mut self, cpu: usize, hw: &mut dyn ListRegisters) {
        let interface = &mut self.cpus[cpu].interface;
        for index in bits(core::mem::take(&mut interface.stale).into()) {
            hw.write(cpu, index, ListRegister::EMPTY);
            interface.shadow[index] = ListRegister::EMPTY;
        }
    }

    /// The maintenance interrupts that come at the moment when what did not fit may fit.
    fn useful_maintenance(&self, cpu: usize, hw: &dyn ListRegisters) -> Maintenance {
        // What the hypervisor has put into a list register by itself may be over without our having seen it.
        let told = self.told_register(hw).map_or(0, |index| 1 << index);
        let pending = self.cpus[cpu].interface.has_pending(!told);
        let mut wanted = Maintenance::empty();
        self.for_each_unplaced(cpu, |lr| {
            wanted |= match lr.is_active() {
                true => Maintenance::NOT_PRESENT,
                // What waits is less urgent than all that is placed: nothing to do before that has been taken or,
                // if it has been, is over.
                // What the hypervisor puts there may be pending all the while, less urgent than what waits.
                false if pending && (self.config.messages.is_some() || told != 0) => {
                    Maintenance::NO_PENDING | Maintenance::UNDERFLOW
                }
                false if pending => Maintenance::NO_PENDING,
                false => Maintenance::UNDERFLOW,
            };
        });
        wanted
    }
}

/// What becomes of a list register when the guest is through with its interrupt.
pub(super) fn empty(lr: ListRegister) -> ListRegister {
    lr.with_pending(false).with_active(false)
}
