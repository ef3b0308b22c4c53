//! Virtual CPUs.

use super::{call, methods};
use crate::abi::label::InvocationLabel;
use crate::{
    InvocationContext, Result, Word,
    cap::{Tcb, VCpu},
    vcpu_reg::VCpuField,
};

methods! { VCpu<C> {
    /// `seL4_ARM_VCPU_SetTCB`: the thread that is to run the guest.
    vcpu_set_tcb(tcb: Tcb) = ARMVCPUSetTCB, caps [tcb.bits()], words [];

    /// `seL4_ARM_VCPU_AckVPPI`: lets a private interrupt be told again.
    vcpu_ack_vppi(irq: Word) = ARMVCPUAckVPPI, caps [], words [irq];

    /// `seL4_ARM_VCPU_InjectIRQ`: puts a virtual interrupt into list register `index`.
    vcpu_inject_irq(virq: u16, priority: u8, group: u8, index: u8)
        = ARMVCPUInjectIRQ,
        caps [],
        words [
            Word::from(virq) | Word::from(priority) << 16 | Word::from(group) << 24 | Word::from(index) << 32
        ];
} }

impl<C: InvocationContext> VCpu<C> {
    /// `seL4_ARM_VCPU_ReadRegs`: a register of the guest.
    #[inline]
    pub fn vcpu_read_regs(self, field: impl VCpuField) -> Result<Word> {
        let words = [field.into_sys()];
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::ARMVCPUReadReg, [], words))
            .map(|[value, ..]| value)
    }

    /// `seL4_ARM_VCPU_WriteRegs`: sets a register of the guest.
    #[inline]
    pub fn vcpu_write_regs(self, field: impl VCpuField, value: Word) -> Result<()> {
        let words = [field.into_sys(), value];
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::ARMVCPUWriteReg, [], words))?;
        Ok(())
    }
}
