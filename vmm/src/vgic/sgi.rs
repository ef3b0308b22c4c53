//! Software-generated interrupts. A GICv2 keeps one pending state for each sender, which the receiver sees in turn;
//! a GICv3 keeps one for all.

use super::{Cpu, ListRegister, ListRegisters, SGIS, Version, Vgic, affinity_of_vcpu};

/// Which of the registers that send SGIs a guest wrote (Arm IHI 0069, 12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SgiGroup {
    /// `ICC_SGI0R_EL1` and `ICC_ASGI1R_EL1` reach SGIs that are in group 0 only.
    Group0Only,
    /// `ICC_SGI1R_EL1` reaches those of both groups, there being one security state.
    Any,
}

impl Cpu {
    /// The guest has taken the SGI in `lr` (GICv2).
    pub(super) fn take_sgi(&mut self, lr: ListRegister) {
        let intid = lr.intid() as usize;
        if intid < SGIS {
            self.sgi_sources[intid] &= !(1 << lr.source());
            self.sgi_active_source[intid] = lr.source();
        }
    }

    /// Whether another CPU's SGI of this number is pending (GICv2).
    pub(super) fn sgi_still_pending(&self, intid: u32) -> bool {
        self.sgi_sources.get(intid as usize).is_some_and(|&sources| sources != 0)
    }

    /// The list register for SGI number `sgi` (GICv2): one sender at a time, the next one when the guest has ended it.
    pub(super) fn compose_sgi(&self, lr: ListRegister, sgi: usize, pending: bool) -> ListRegister {
        let sources = self.sgi_sources[sgi];
        if lr.is_active() {
            lr.with_source(self.sgi_active_source[sgi]).with_eoi(pending)
        } else {
            let source = sources.trailing_zeros() as u8;
            lr.with_source(source).with_pending(pending).with_eoi(sources.count_ones() > 1)
        }
    }
}

impl Vgic {
    /// Makes SGI `sgi` pending on `target` as sent by `sources`, a bit for each CPU.
    pub(super) fn raise_sgi(&mut self, target: usize, sgi: usize, sources: u8, hw: &mut dyn ListRegisters) {
        if target >= self.config.vcpus || sources == 0 {
            return;
        }
        self.change(target, 0, 1 << sgi, hw, |bank| bank.latch |= 1 << sgi);
        if self.config.version == Version::V2 {
            self.cpus[target].sgi_sources[sgi] |= sources;
        }
    }

    /// Takes the pending SGI `sgi` of `sources` from `target` (GICv2).
    pub(super) fn clear_sgi(&mut self, target: usize, sgi: usize, sources: u8, hw: &mut dyn ListRegisters) {
        self.withdraw(target, 0, 1 << sgi, hw);
        let left = &mut self.cpus[target].sgi_sources[sgi];
        *left &= !sources;
        let pending = *left != 0;
        self.change(target, 0, 1 << sgi, hw, |bank| bank.latch = bank.latch & !(1 << sgi) | u32::from(pending) << sgi);
    }

    /// `GICD_SGIR` written by `sender`.
    pub(super) fn write_sgir(&mut self, sender: usize, value: u32, hw: &mut dyn ListRegisters) {
        let sgi = (value & 0xf) as usize;
        let targets = match value >> 24 & 3 {
            0 => value >> 16 & 0xff,
            1 => self.all_cpus() & !(1 << sender),
            2 => 1 << sender,
            _ => 0,
        };
        super::bits(targets).for_each(|target| self.raise_sgi(target, sgi, 1 << (sender % 8), hw));
        self.settle(hw);
    }

    /// `ICC_SGI1R_EL1` and its like written by `sender` (GICv3).
    pub(crate) fn send_sgi(&mut self, sender: usize, value: u64, group: SgiGroup, hw: &mut dyn ListRegisters) {
        let sgi = (value >> 24 & 0xf) as usize;
        let to_all_others = value >> 40 & 1 != 0;
        for target in 0..self.config.vcpus {
            let named = if to_all_others { target != sender } else { sgi_names(value, target) };
            let allowed = group == SgiGroup::Any || self.cpus[target].bank.group1 & 1 << sgi == 0;
            if named && allowed {
                self.raise_sgi(target, sgi, 1, hw);
            }
        }
        self.settle(hw);
    }
}

/// Whether the affinities and the target list of an `ICC_SGI1R_EL1` value name `vcpu`.
fn sgi_names(value: u64, vcpu: usize) -> bool {
    let affinity = affinity_of_vcpu(vcpu);
    let field = |shift: u32| value >> shift & 0xff;
    let first = (value >> 44 & 0xf) * 16;
    let aff0 = affinity & 0xff;
    let cluster =
        field(16) == affinity >> 8 & 0xff && field(32) == affinity >> 16 & 0xff && field(48) == affinity >> 32;
    cluster && aff0.checked_sub(first).is_some_and(|bit| bit < 16 && value & 1 << bit != 0)
}
