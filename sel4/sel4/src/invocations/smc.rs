//! Calls of the firmware.

use super::call_prepared;
use crate::abi::label::InvocationLabel;
use crate::{InvocationContext, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Result, Word, cap::Smc};

/// Registers x0 to x7 of a firmware call, in and out (`seL4_ARM_SMCContext`).
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct SmcContext(pub [Word; 8]);

impl<C: InvocationContext> Smc<C> {
    /// `seL4_ARM_SMC_Call`: calls the firmware; x0 names the function.
    pub fn smc_call(self, args: &SmcContext) -> Result<SmcContext> {
        let (fast, rest) = args.0.split_at(NUM_FAST_MESSAGE_REGISTERS);
        let fast = [fast[0], fast[1], fast[2], fast[3]];
        self.invoke(|cptr, ipc_buffer| {
            let info = MessageInfo::new(InvocationLabel::ARMSMCCall as Word, 0, 0, args.0.len());
            ipc_buffer.msg_regs_mut()[NUM_FAST_MESSAGE_REGISTERS..][..rest.len()].copy_from_slice(rest);
            let fast = call_prepared(ipc_buffer, cptr, info, fast)?;
            let mut response = SmcContext::default();
            response.0.copy_from_slice(&ipc_buffer.msg_regs()[..args.0.len()]);
            response.0[..NUM_FAST_MESSAGE_REGISTERS].copy_from_slice(&fast);
            Ok(response)
        })
    }
}
