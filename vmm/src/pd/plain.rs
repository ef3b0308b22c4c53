//! A kernel that offers what seL4 16 does and no more: interrupts are injected, and a timer of the monitor's own wakes guests
//! that wait. For a GICv2, which is what upstream's SDK is configured for on this board.

use sel4::{UserContext, Word, cap::Tcb};
use sel4_abi::{
    context::{LENGTH, ORDER, Register},
    vcpu::VCpuReg,
};
use vmm::{
    hypervisor::{Conduit, HostGic},
    vgic::{Inject, Injected, ListRegister, Version},
    window::RegisterFile,
};

use super::{
    below::{Kind, tcb, vcpu_object},
    kernel::{done, read_register},
    timer::Timer,
};

/// What every GICv2 that this can run on has; seL4 doesn't tell.
const LIST_REGISTERS: usize = 4;
/// Bits of a priority that `VCPU_InjectIRQ` takes, and that a GICv2 has for guests.
const PRIORITY_BITS: u32 = 5;

/// `VCPU_InjectIRQ`.
pub struct Invocation;

impl Inject for Invocation {
    fn count(&self) -> usize {
        LIST_REGISTERS
    }

    fn inject(&mut self, vcpu: usize, index: usize, interrupt: ListRegister) -> bool {
        let priority = interrupt.priority() >> (u8::BITS - PRIORITY_BITS);
        let group = interrupt.is_group1().into();
        let injected = vcpu_object(vcpu).vcpu_inject_irq(interrupt.intid() as u16, priority, group, index as u8);
        done("inject an interrupt", injected).is_some()
    }
}

/// Plain seL4.
pub struct Below {
    lists: Injected<Invocation>,
}

impl Kind for Below {
    type Lists = Injected<Invocation>;

    fn lists(&mut self) -> &mut Self::Lists {
        &mut self.lists
    }

    /// An `HVC` is a system call of the vCPU's thread if x7 happens to look like one.
    const CONDUIT: Conduit = Conduit::Smc;

    fn new(vcpus: usize) -> Self {
        Self { lists: Injected::new(Invocation, vcpus) }
    }

    fn gic(&self) -> HostGic {
        HostGic { version: Version::V2, priority_bits: PRIORITY_BITS, linked_timer: false, messages: false }
    }

    fn ended(&mut self, vcpu: usize, index: usize) -> Option<usize> {
        self.lists.ended(vcpu, index)
    }

    /// There is no way to.
    fn reset_interface(&mut self, _: usize) {}

    /// The kernel masks the virtual timers of vCPUs that do not run.
    fn watch_timer(&mut self, vcpu: usize, timer: &mut Timer) -> bool {
        let register = |name| done("read a vCPU's timer", read_register(vcpu, name)).unwrap_or_default();
        let deadline = || register(VCpuReg::CntvCval).wrapping_add(register(VCpuReg::CntvOff));
        timer.exists() && timer.watch(vcpu, deadline())
    }
}

/// A vCPU's registers, which its thread has, in the order of the interface.
pub struct ThreadRegisters {
    tcb: Tcb,
    words: [Word; LENGTH],
}

/// The place of a register in the crate's structure, if it lets one at it.
fn register(context: &mut UserContext, register: Register) -> Option<&mut Word> {
    match register {
        Register::Pc => Some(context.pc_mut()),
        Register::Sp => Some(context.sp_mut()),
        Register::Spsr => Some(context.spsr_mut()),
        Register::X(number) => Some(context.gpr_mut(usize::from(number))),
        Register::TpidrEl0 | Register::TpidrroEl0 => None,
    }
}

impl ThreadRegisters {
    /// Those of vCPU 0, of which nothing is known.
    pub fn new() -> Self {
        Self { tcb: tcb(0), words: [0; LENGTH] }
    }

    /// The words are another vCPU's from now on.
    pub fn set_vcpu(&mut self, vcpu: usize) {
        self.tcb = tcb(vcpu);
    }
}

impl RegisterFile for ThreadRegisters {
    type Error = sel4::Error;

    fn words(&mut self) -> &mut [u64] {
        &mut self.words
    }

    fn fetch(&mut self, count: usize) -> sel4::Result<()> {
        let mut context = self.tcb.tcb_read_registers(false, count as Word)?;
        for (word, &name) in self.words.iter_mut().zip(&ORDER).take(count) {
            *word = register(&mut context, name).map_or(0, |value| *value);
        }
        Ok(())
    }

    fn store(&mut self, count: usize) -> sel4::Result<()> {
        let mut context = UserContext::default();
        for (word, &name) in self.words.iter().zip(&ORDER).take(count) {
            if let Some(value) = register(&mut context, name) {
                *value = *word;
            }
        }
        self.tcb.tcb_write_registers(false, count as Word, &mut context)
    }
}
