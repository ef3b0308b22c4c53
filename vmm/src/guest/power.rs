//! Switching on and off: the machine, and single vCPUs by PSCI.

use alloc::vec::Vec;

use super::{Guest, Next, Power};
use crate::{
    boot::{BootError, FDT_MAX, Placement, fdt, image::Image},
    hypervisor::{Entry, Hypervisor, SystemRegister},
    inject::EL1H_MASKED,
    machine::{EDU, Region, VIRTUAL_TIMER},
    memory::Memory,
    passed::PassedDevice,
    report::Mistake,
    smccc::{Call, NOT_SUPPORTED, Psci, decode},
    vgic::{affinity_of_vcpu, vcpu_of_affinity},
    virtio::entropy::Entropy,
};

/// System registers as they are when a vCPU starts. MMU and caches are off; the set bits of SCTLR_EL1 are those that
/// are one in ARMv8.0.
const RESET: [(SystemRegister, u64); 21] = {
    use SystemRegister::*;
    [
        (SctlrEl1, 0x30d0_0800),
        (CpacrEl1, 0),
        (Ttbr0El1, 0),
        (Ttbr1El1, 0),
        (TcrEl1, 0),
        (MairEl1, 0),
        (AmairEl1, 0),
        (ContextidrEl1, 0),
        (Afsr0El1, 0),
        (Afsr1El1, 0),
        (EsrEl1, 0),
        (FarEl1, 0),
        (ParEl1, 0),
        (VbarEl1, 0),
        (TpidrEl1, 0),
        (SpEl1, 0),
        (ElrEl1, 0),
        (SpsrEl1, 0),
        (CntvCtlEl0, 0),
        (CntvCvalEl0, 0),
        (CntkctlEl1, 0),
    ]
};

/// `MPIDR_EL1` bit 31 is always one.
const MPIDR_RES1: u64 = 1 << 31;
/// `AFFINITY_INFO`: the CPU is on, or off.
const AFFINITY_ON: u64 = 0;
const AFFINITY_OFF: u64 = 1;
/// `CNTV_CTL_EL0.ENABLE` and `IMASK`.
const TIMER_CONTROL: u64 = 0b11;
const TIMER_ENABLED: u64 = 0b01;

impl<M: Memory> Guest<'_, M> {
    /// Fills the memory and starts the first vCPU. The memory is zero, and no vCPU runs.
    pub fn boot(&mut self, hv: &mut impl Hypervisor) -> Result<(), BootError> {
        let files = self.files;
        let image = Image::parse(files.kernel)?;
        let memory = self.memory.region();
        let placement = Placement::new(memory, &image, files.kernel.len() as u64, files.initrd.len() as u64)?;
        let slots: Vec<usize> = self.bus.virtio_slots().collect();
        let seed = self.entropy.as_ref().and_then(seed);
        let mut passed = self.passed.clone();
        if self.bus.find(EDU.base).is_some() {
            passed.push(PassedDevice { compatible: "qemu,edu".into(), region: EDU, line: None, dma: true });
        }
        let tree = fdt::write(&fdt::Description {
            memory,
            vcpus: self.power.len(),
            gic: self.gic.version(),
            conduit: hv.conduit(),
            messages: hv.gic().messages,
            command_line: files.command_line,
            initrd: placement.initrd,
            virtio: &slots,
            shared: &self.shared,
            passed: &passed,
            dual_timer: self.bus.timer().is_some(),
            seed: seed.as_ref(),
        })?;
        if tree.len() as u64 > FDT_MAX {
            return Err(BootError::DeviceTreeTooLarge(tree.len()));
        }
        self.load(hv, placement.kernel, files.kernel);
        self.load(hv, placement.fdt, &tree);
        if let Some(initrd) = placement.initrd {
            self.load(hv, initrd.base, files.initrd);
        }
        self.start(hv, 0, placement.kernel, placement.fdt);
        Ok(())
    }

    fn load(&mut self, hv: &mut impl Hypervisor, address: u64, bytes: &[u8]) {
        self.memory.write(address, bytes);
        hv.publish(Region { base: address, size: bytes.len() as u64 });
    }

    fn start(&mut self, hv: &mut impl Hypervisor, vcpu: usize, pc: u64, argument: u64) {
        RESET.into_iter().for_each(|(register, value)| hv.set_system_register(vcpu, register, value));
        hv.set_system_register(vcpu, SystemRegister::VmpidrEl2, MPIDR_RES1 | affinity_of_vcpu(vcpu));
        hv.unmask_private(vcpu, VIRTUAL_TIMER);
        self.power[vcpu] = Power::On;
        hv.start(vcpu, Entry { pc, argument, pstate: EL1H_MASKED });
    }

    fn switch_off(&mut self, hv: &mut impl Hypervisor) {
        for vcpu in 0..self.power.len() {
            self.power[vcpu] = Power::Off;
            hv.stop(vcpu);
        }
    }

    /// Switches the machine off and clears it: nothing of its former life, perhaps under a former life of this monitor, is left in memory,
    /// vCPUs or devices.
    pub fn clear(&mut self, hv: &mut impl Hypervisor) {
        self.switch_off(hv);
        self.memory.clear();
        self.gic.reset(hv.lists());
        self.bus.reset();
        hv.poll_at(None);
        self.timed = false;
        self.reports.clear();
    }

    /// Starts the machine anew.
    fn reset(&mut self, hv: &mut impl Hypervisor) {
        self.clear(hv);
        if let Err(error) = self.boot(hv) {
            hv.report(format_args!("{error}"));
        }
    }

    /// An HVC or an SMC, at which the vCPU stands.
    pub(super) fn firmware_call(&mut self, hv: &mut impl Hypervisor, vcpu: usize) -> Next {
        const INSTRUCTION: u64 = 4;
        self.statistics.calls.add(1);
        let args = [0, 1, 2, 3].map(|n| hv.gpr(vcpu, n));
        let pc = hv.pc(vcpu);
        hv.set_pc(vcpu, pc.wrapping_add(INSTRUCTION));
        let result = match decode(args) {
            Call::Return(value) => value,
            Call::CpuOn { target, entry, context } => self.cpu_on(hv, target, entry, context).value(),
            Call::AffinityInfo { target, level } => self.affinity_info(target, level),
            Call::Unknown(number) => {
                self.mistake(hv, Mistake::Function(number));
                NOT_SUPPORTED
            }
            Call::CpuOff => return self.cpu_off(hv, vcpu),
            Call::SystemOff => {
                hv.report(format_args!("powered off"));
                self.switch_off(hv);
                return Next::Leave;
            }
            Call::SystemReset => {
                hv.report(format_args!("reboots"));
                self.reset(hv);
                return Next::Leave;
            }
        };
        hv.set_gpr(vcpu, 0, result);
        Next::Resume
    }

    fn named(&self, target: u64) -> Option<usize> {
        vcpu_of_affinity(target).filter(|&vcpu| vcpu < self.power.len())
    }

    fn cpu_on(&mut self, hv: &mut impl Hypervisor, target: u64, entry: u64, context: u64) -> Psci {
        let Some(vcpu) = self.named(target) else { return Psci::InvalidParameters };
        if self.power[vcpu] != Power::Off {
            return Psci::AlreadyOn;
        }
        if self.memory.region().offset_of(entry).is_none() {
            return Psci::InvalidAddress;
        }
        self.start(hv, vcpu, entry, context);
        Psci::Success
    }

    fn cpu_off(&mut self, hv: &mut impl Hypervisor, vcpu: usize) -> Next {
        self.power[vcpu] = Power::Off;
        hv.stop(vcpu);
        if self.is_off() {
            hv.report(format_args!("its last CPU has switched itself off"));
        }
        Next::Leave
    }

    fn affinity_info(&self, target: u64, level: u64) -> u64 {
        match self.named(target) {
            Some(vcpu) if level == 0 && self.power[vcpu] == Power::Off => AFFINITY_OFF,
            Some(_) if level == 0 => AFFINITY_ON,
            _ => Psci::InvalidParameters.value(),
        }
    }
}

/// Whether a vCPU's virtual timer may fire.
pub(super) fn timer_is_armed(hv: &mut impl Hypervisor, vcpu: usize) -> bool {
    hv.system_register(vcpu, SystemRegister::CntvCtlEl0) & TIMER_CONTROL == TIMER_ENABLED
}

/// A guest's own random bytes; none while the source has none.
fn seed(entropy: &Entropy<'_>) -> Option<fdt::Seed> {
    let mut seed = fdt::Seed::default();
    (entropy.fill(&mut seed.generator) && entropy.fill(&mut seed.layout)).then_some(seed)
}
