//! The registers of the vCPU whose exit is being handled, where the kernel tells them with the fault and takes what has
//! changed with the answer.

use sel4::{
    Word,
    quoll::{VCpuContext, VCpuContextRegister as Register},
};
use sel4_microkit::{Child, MessageInfo, vcpu_context};

use super::below::tcb;

/// The registers of an exit.
pub struct Frame {
    context: VCpuContext,
    vcpu: usize,
}

impl Frame {
    /// The frame of no exit yet. There is only one.
    pub fn new() -> Self {
        // SAFETY: this is the domain's only frame.
        Self { context: unsafe { vcpu_context() }, vcpu: 0 }
    }

    /// An exit of a vCPU.
    pub fn begin(&mut self, vcpu: Child) {
        self.vcpu = vcpu.index();
    }

    /// An exit of a vCPU, whose message has the program counter as well.
    pub fn begin_at(&mut self, vcpu: Child, _: Word) {
        self.begin(vcpu);
    }

    /// An exit of a vCPU, whose message has some registers as well.
    pub fn begin_unknown_syscall(&mut self, vcpu: Child, _: &[Word]) {
        self.begin(vcpu);
    }

    /// Forgets what has changed: the vCPU that it was for has been stopped or started anew.
    pub fn forget(&mut self) {
        self.context.take_written().for_each(drop);
    }

    /// General-purpose register 0 to 30.
    pub fn gpr(&mut self, number: u8) -> sel4::Result<Word> {
        Ok(self.context.get(Register::gpr(number)))
    }

    /// Sets general-purpose register 0 to 30.
    pub fn set_gpr(&mut self, number: u8, value: Word) -> sel4::Result<()> {
        self.context.set(Register::gpr(number), value);
        Ok(())
    }

    /// The program counter.
    pub fn pc(&mut self) -> sel4::Result<Word> {
        Ok(self.context.get(Register::PC))
    }

    /// Sets the program counter.
    pub fn set_pc(&mut self, value: Word) -> sel4::Result<()> {
        self.context.set(Register::PC, value);
        Ok(())
    }

    /// `SP_EL0`.
    pub fn sp(&mut self) -> sel4::Result<Word> {
        Ok(self.context.get(Register::SP))
    }

    /// Sets `SP_EL0`.
    pub fn set_sp(&mut self, value: Word) -> sel4::Result<()> {
        self.context.set(Register::SP, value);
        Ok(())
    }

    /// The processor state.
    pub fn pstate(&mut self) -> sel4::Result<Word> {
        Ok(self.context.get(Register::SPSR))
    }

    /// Sets the processor state.
    pub fn set_pstate(&mut self, value: Word) -> sel4::Result<()> {
        self.context.set(Register::SPSR, value);
        Ok(())
    }

    /// Writes back what has changed, without an answer.
    pub fn write_back(&mut self) -> sel4::Result<()> {
        let mut written = self.context.take_written().peekable();
        if written.peek().is_none() {
            return Ok(());
        }
        let tcb = tcb(self.vcpu);
        let mut registers = tcb.tcb_read_all_registers(false)?;
        for (register, value) in written {
            match register {
                Register::PC => *registers.pc_mut() = value,
                Register::SP => *registers.sp_mut() = value,
                Register::SPSR => *registers.spsr_mut() = value,
                other => {
                    if let Some(number) = other.number() {
                        *registers.gpr_mut(number) = value;
                    }
                }
            }
        }
        tcb.tcb_write_all_registers(false, &mut registers)
    }

    /// The message that answers the exit.
    pub fn answer(&mut self) -> sel4::Result<MessageInfo> {
        Ok(MessageInfo::new(0, 0))
    }
}
