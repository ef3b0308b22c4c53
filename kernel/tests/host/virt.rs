//! The fake machine's side of virtualization: no guest's state is ever in registers, so a vCPU's object holds all of it;
//! translations are never cached.

use crate::mem::Ref;
use crate::object::tcb::Tcb;
use sel4_abi::vcpu::VCpuReg;

/// One thread stops, another goes on: what changes of a guest then.
pub(super) fn exchange(before: Option<Ref<Tcb>>, next: Ref<Tcb>) {
    if let Some(vcpu) = before.and_then(|tcb| tcb.vcpu.get()) {
        vcpu.stops();
    }
    if let Some(vcpu) = next.vcpu.get()
        && let Some(ticks) = vcpu.goes_on()
    {
        vcpu.registers.set(VCpuReg::CntvOff, vcpu.registers.get(VCpuReg::CntvOff) + ticks);
    }
}

/// Guests.
pub mod guest {
    use crate::mem::Ref;
    use crate::object::tcb::Tcb;
    use crate::object::vcpu::VCpu;
    use sel4_abi::vcpu::VCpuReg;

    /// No guest runs here.
    pub fn is_running(_vcpu: Ref<VCpu>) -> bool {
        false
    }

    /// No state is in registers.
    pub fn is_loaded(_vcpu: Ref<VCpu>) -> bool {
        false
    }

    /// No state is in registers, so it may be done here.
    pub fn where_loaded<R>(_vcpu: Ref<VCpu>, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// Nothing to take out of registers.
    pub fn flush(_vcpu: Ref<VCpu>) {}

    /// Nobody to stop.
    pub fn stop() -> Option<Ref<Tcb>> {
        None
    }

    /// No register is loaded.
    pub fn write_loaded(_register: VCpuReg, _value: u64) -> bool {
        false
    }

    /// No register is loaded.
    pub fn read_loaded(_register: VCpuReg) -> Option<u64> {
        None
    }
}

/// The interrupt controller's side for guests: a GICv3's size.
pub mod vgic {
    use quoll_kernel_core::gic::{Capabilities, ListRegister};

    /// Version 3.
    pub const fn version() -> u64 {
        3
    }

    /// As QEMU's.
    pub const fn capabilities() -> Capabilities {
        Capabilities { list_registers: 4, priority_bits: 5, preemption_bits: 5 }
    }

    /// Nothing has ended.
    pub fn ended() -> u64 {
        0
    }

    /// No guest is loaded.
    pub fn controls() -> u64 {
        0
    }

    /// No guest is loaded.
    pub fn set_controls(_value: u64) {}

    /// No guest is loaded.
    pub fn list_register(_index: usize) -> ListRegister {
        ListRegister::default()
    }

    /// No guest is loaded.
    pub fn set_list_register(_index: usize, _value: ListRegister) {}
}

/// Translations.
pub mod tlb {
    /// Nothing is cached.
    pub fn publish() {}

    /// Nothing is cached.
    pub fn invalidate_vmid(_vmid: u8) {}

    /// Nothing is cached.
    pub fn invalidate_page(_vmid: u8, _ipa: u64) {}

    /// Nothing is loaded.
    pub fn is_loaded_elsewhere(_vmid: u8) -> bool {
        false
    }

    /// Nothing is loaded.
    pub fn unload(_root: u64) {}
}
