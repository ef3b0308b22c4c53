//! Accesses that are emulated: to device memory and to system registers.

use super::{Guest, Next, advance, operand, set_operand};
use crate::{
    devices::DeviceId,
    hypervisor::Hypervisor,
    inject,
    machine::{GICD, GICR_BASE, GICR_SGI_FRAME, GICR_STRIDE, Region},
    memory::Memory,
    report::Mistake,
    syndrome::{Syndrome, SystemAccess, Transfer, class},
    vgic::{Block, SgiGroup, Version},
};

/// What is at a guest-physical address.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// A register of the interrupt controller, of vCPU `cpu` where each has its own.
    Gic {
        block: Block,
        cpu: usize,
        offset: u64,
    },
    Device {
        id: DeviceId,
        offset: u64,
    },
}

/// `OSLSR_EL1`: the OS lock is implemented and open.
const OS_LOCK_OPEN: u64 = 1 << 3;

impl<M: Memory> Guest<'_, M> {
    pub(super) fn memory_access(
        &mut self,
        hv: &mut impl Hypervisor,
        vcpu: usize,
        address: u64,
        syndrome: Syndrome,
    ) -> Next {
        let fetch = syndrome.class() == class::INSTRUCTION_ABORT_LOWER;
        match (self.target(vcpu, address), syndrome.transfer()) {
            (Some(target), Some(transfer)) if !fetch => {
                self.statistics.access(target);
                self.transfer(hv, vcpu, target, transfer);
                advance(hv, vcpu, syndrome);
            }
            (Some(target), _) if !fetch => {
                self.statistics.access(target);
                self.statistics.decoded.add(1);
                self.undescribed(hv, vcpu, address, syndrome);
            }
            _ => {
                self.statistics.aborts.add(1);
                self.mistake(hv, Mistake::NothingThere { address, fetch });
                inject::external_abort(hv, vcpu, syndrome);
            }
        }
        Next::Resume
    }

    pub(super) fn target(&self, vcpu: usize, address: u64) -> Option<Target> {
        let version = self.gic.version();
        if let Some(offset) = GICD.offset_of(address) {
            let block = if version == Version::V2 { Block::GICD_V2 } else { Block::GICD_V3 };
            return Some(Target::Gic { block, cpu: vcpu, offset });
        }
        if version == Version::V3 {
            let redistributors = Region { base: GICR_BASE, size: GICR_STRIDE * self.power.len() as u64 };
            if let Some(offset) = redistributors.offset_of(address) {
                let (cpu, offset) = ((offset / GICR_STRIDE) as usize, offset % GICR_STRIDE);
                return Some(match offset.checked_sub(GICR_SGI_FRAME) {
                    Some(offset) => Target::Gic { block: Block::GICR_SGI, cpu, offset },
                    None => Target::Gic { block: Block::GICR, cpu, offset },
                });
            }
        }
        self.bus.find(address).map(|(id, offset)| Target::Device { id, offset })
    }

    pub(super) fn transfer(&mut self, hv: &mut impl Hypervisor, vcpu: usize, target: Target, transfer: Transfer) {
        if transfer.write {
            let value = transfer.stored(operand(hv, vcpu, transfer.register));
            self.write(hv, target, transfer.width, value);
        } else {
            let value = self.read(hv, target, transfer.width);
            set_operand(hv, vcpu, transfer.register, transfer.loaded(value));
        }
    }

    fn read(&mut self, hv: &mut impl Hypervisor, target: Target, width: usize) -> u64 {
        match target {
            Target::Gic { block, cpu, offset } => self.gic.read(block, cpu, offset, width, hv.lists()),
            Target::Device { id, offset } => {
                let value = self.bus.read(id, offset, width);
                self.update_line(hv, id);
                value
            }
        }
    }

    fn write(&mut self, hv: &mut impl Hypervisor, target: Target, width: usize, value: u64) {
        match target {
            Target::Gic { block, cpu, offset } => self.gic.write(block, cpu, offset, width, value, hv.lists()),
            Target::Device { id, offset } => {
                self.bus.write(id, offset, width, value);
                self.timed = self.bus.is_timed();
                if self.bus.timer() == Some(id) {
                    hv.poll_at(self.bus.deadline());
                }
                self.update_line(hv, id);
                if let Some(pointer) = self.bus.take_bad_pointer(id) {
                    self.mistake(hv, Mistake::Pointer(pointer));
                }
            }
        }
    }

    pub(super) fn system_register(&mut self, hv: &mut impl Hypervisor, vcpu: usize, syndrome: Syndrome) -> Next {
        let access = syndrome.system_access();
        self.statistics.registers.add(1);
        if self.emulate_register(hv, vcpu, access) {
            advance(hv, vcpu, syndrome);
        } else {
            self.mistake(hv, Mistake::SystemRegister(access.name));
            inject::undefined(hv, vcpu);
        }
        Next::Resume
    }

    /// Emulates an access to a system register; `false` if there is no such register.
    fn emulate_register(&mut self, hv: &mut impl Hypervisor, vcpu: usize, access: SystemAccess) -> bool {
        match (access.name, access.read) {
            // ICC_SGI1R_EL1, ICC_ASGI1R_EL1, ICC_SGI0R_EL1
            ([3, 0, 12, 11, which @ 5..=7], false) if self.gic.version() == Version::V3 => {
                let value = operand(hv, vcpu, access.register);
                self.statistics.sgis.add(1);
                let group = if which == 5 { SgiGroup::Any } else { SgiGroup::Group0Only };
                self.gic.send_sgi(vcpu, value, group, hv.lists());
            }
            // Debug is architecturally there, but has no effect: its registers hold nothing.
            ([2, 0, 1, 1, 4], true) => set_operand(hv, vcpu, access.register, OS_LOCK_OPEN),
            ([2, 0, ..] | [2, 3, ..], true) => set_operand(hv, vcpu, access.register, 0),
            ([2, 0, ..] | [2, 3, ..], false) => {}
            // ACTLR_EL1: no implementation-defined controls.
            ([3, 0, 1, 0, 1], true) => set_operand(hv, vcpu, access.register, 0),
            ([3, 0, 1, 0, 1], false) => {}
            _ => return false,
        }
        true
    }
}
