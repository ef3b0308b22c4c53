//! What a PD is parent of: other PDs, and the virtual CPUs of its virtual machine.

#[cfg(not(sel4_plain))]
use sel4::VCpuField;
use sel4::Word;
use sel4_abi::microkit::slot;

/// A child PD or a virtual CPU; the number is the `id` of the system description.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Child {
    index: usize,
}

/// Registers that a restart sets: the program counter only.
const PC_ONLY: Word = 1;

impl Child {
    /// The child with this number.
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    /// The child's number.
    pub const fn index(&self) -> usize {
        self.index
    }

    const fn cap<T: sel4::CapType>(&self, base: sel4::CPtrBits) -> sel4::Cap<T> {
        sel4::Cap::from_bits(base + self.index as sel4::CPtrBits)
    }

    /// The thread of a child PD.
    pub const fn tcb(&self) -> sel4::cap::Tcb {
        self.cap(slot::BASE_TCB)
    }

    /// The thread of a virtual CPU.
    #[cfg(not(sel4_plain))]
    pub const fn vm_tcb(&self) -> sel4::cap::Tcb {
        self.cap(slot::BASE_VM_TCB)
    }

    /// The virtual CPU.
    #[cfg(not(sel4_plain))]
    pub const fn vcpu(&self) -> sel4::cap::VCpu {
        self.cap(slot::BASE_VCPU)
    }

    /// Lets a child PD run from `entry_point`, with the registers that it has.
    #[cfg(not(sel4_plain))]
    pub fn pd_restart(&self, entry_point: Word) -> sel4::Result<()> {
        restart(self.tcb(), entry_point)
    }

    /// Stops a child PD.
    #[cfg(not(sel4_plain))]
    pub fn pd_stop(&self) -> sel4::Result<()> {
        self.tcb().tcb_suspend()
    }

    /// Lets a child PD go on.
    #[cfg(not(sel4_plain))]
    pub fn pd_resume(&self) -> sel4::Result<()> {
        self.tcb().tcb_resume()
    }

    /// Lets a virtual CPU run from `entry_point`, with the registers that it has.
    #[cfg(not(sel4_plain))]
    pub fn vcpu_restart(&self, entry_point: Word) -> sel4::Result<()> {
        restart(self.vm_tcb(), entry_point)
    }

    /// Stops a virtual CPU.
    #[cfg(not(sel4_plain))]
    pub fn vcpu_stop(&self) -> sel4::Result<()> {
        self.vm_tcb().tcb_suspend()
    }

    /// Puts a virtual interrupt into list register `index` of a virtual CPU.
    #[cfg(not(sel4_plain))]
    pub fn vcpu_inject_irq(&self, irq: u16, priority: u8, group: u8, index: u8) -> sel4::Result<()> {
        self.vcpu().vcpu_inject_irq(irq, priority, group, index)
    }

    /// Lets a private interrupt of a virtual CPU be told again.
    #[cfg(not(sel4_plain))]
    pub fn vcpu_ack_vppi(&self, irq: Word) -> sel4::Result<()> {
        self.vcpu().vcpu_ack_vppi(irq)
    }

    /// Reads a register of a virtual CPU.
    #[cfg(not(sel4_plain))]
    #[inline]
    pub fn vcpu_read_reg(&self, reg: impl VCpuField) -> sel4::Result<Word> {
        self.vcpu().vcpu_read_regs(reg)
    }

    /// Writes a register of a virtual CPU.
    #[cfg(not(sel4_plain))]
    #[inline]
    pub fn vcpu_write_reg(&self, reg: impl VCpuField, value: Word) -> sel4::Result<()> {
        self.vcpu().vcpu_write_regs(reg, value)
    }
}

fn restart(tcb: sel4::cap::Tcb, entry_point: Word) -> sel4::Result<()> {
    let mut context = sel4::UserContext::default();
    *context.pc_mut() = entry_point;
    tcb.tcb_write_registers(true, PC_ONLY, &mut context)
}
