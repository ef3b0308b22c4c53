//! The interrupt of messages, which the hypervisor itself makes pending: it keeps a list register of its own for as long as
//! the guest has it enabled, so that a message arrives without the monitor.

use super::{ListRegisters, Vgic, bits, split};

impl Vgic {
    /// The interrupt of messages among interrupts `mask` of a bank.
    pub(super) fn messages(&self, number: usize, mask: u32) -> u32 {
        match self.config.messages.map(split) {
            Some((bank, bit)) if bank == number => bit & mask,
            _ => 0,
        }
    }

    /// A bit for each list register that any interrupt may have.
    pub(super) fn assignable(&self, hw: &dyn ListRegisters) -> u16 {
        let for_messages = usize::from(self.config.messages.is_some());
        let count = self.told_register(hw).unwrap_or_else(|| hw.count() - for_messages);
        ((1u32 << count) - 1) as u16
    }

    /// Before the state of the interrupt of messages counts: what has come meanwhile. With `stop`, nothing more comes.
    pub(super) fn look_for_messages(
        &mut self,
        cpu: usize,
        number: usize,
        mask: u32,
        stop: bool,
        hw: &mut dyn ListRegisters,
    ) {
        let mask = self.messages(number, mask);
        if mask == 0 {
            return;
        }
        let told = &mut self.cpus[cpu].messages_told;
        if *told && stop {
            *told = false;
            hw.tell_messages(cpu, None);
        }
        if !self.cpus[cpu].messages_told && hw.take_message(cpu) {
            self.cpus[cpu].bank.latch |= mask;
        }
    }

    /// Gives the interrupt of messages its list register, and the hypervisor the order to use it.
    pub(super) fn keep_messages(&mut self, cpu: usize, hw: &mut dyn ListRegisters) {
        let mask = self.messages(0, u32::MAX);
        let Some(bit) = bits(mask).next() else { return };
        let [group0, group1] = self.group_enabled;
        let bank = &self.cpus[cpu].bank;
        let enabled = bank.enabled & bank.groups(group0, group1) & mask != 0;
        let index = hw.count() - 1;
        if bank.placed & mask == 0 && (enabled || bank.active & mask != 0) {
            let lr = self.compose(cpu, 0, bit);
            self.place(cpu, index, lr, hw);
        }
        if enabled && !self.cpus[cpu].messages_told {
            self.cpus[cpu].messages_told = true;
            let interrupt = self.compose(cpu, 0, bit).with_pending(false).with_active(false);
            hw.tell_messages(cpu, Some((index, interrupt)));
        }
    }
}
