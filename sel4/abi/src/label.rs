//! Invocation labels: which method of an object a message asks for. They are numbered in order, so a method that only
#![allow(non_camel_case_types, reason = "libsel4 spells some labels with an underscore")]
//! one configuration has shifts those behind it, as upstream.

/// Declares the labels in order, with the way back from a number.
macro_rules! labels {
    ($($(#[$attr:meta])* $name:ident),+ $(,)?) => {
        /// The label of an invocation (seL4 manual, section 10.3 and 10.7). The value is the message's label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u64)]
        #[allow(missing_docs, reason = "the names are libsel4's")]
        pub enum InvocationLabel {
            $($(#[$attr])* $name),+
        }

        /// All labels of this configuration, by number.
        const ALL: &[InvocationLabel] = &[$($(#[$attr])* InvocationLabel::$name),+];

        impl InvocationLabel {
            /// The label's name in libsel4's interface.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(#[$attr])* Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

labels! {
    InvalidInvocation,
    UntypedRetype,
    TCBReadRegisters,
    TCBWriteRegisters,
    TCBCopyRegisters,
    TCBConfigure,
    TCBSetPriority,
    TCBSetMCPriority,
    TCBSetSchedParams,
    TCBSetTimeoutEndpoint,
    TCBSetIPCBuffer,
    TCBSetSpace,
    TCBSuspend,
    TCBResume,
    TCBBindNotification,
    TCBUnbindNotification,
    #[cfg(sel4_debug)]
    TCBSetBreakpoint,
    #[cfg(sel4_debug)]
    TCBGetBreakpoint,
    #[cfg(sel4_debug)]
    TCBUnsetBreakpoint,
    #[cfg(sel4_debug)]
    TCBConfigureSingleStepping,
    TCBSetTLSBase,
    TCBSetFlags,
    CNodeRevoke,
    CNodeDelete,
    CNodeCancelBadgedSends,
    CNodeCopy,
    CNodeMint,
    CNodeMove,
    CNodeMutate,
    CNodeRotate,
    IRQIssueIRQHandler,
    IRQAckIRQ,
    IRQSetIRQHandler,
    IRQClearIRQHandler,
    DomainSetSet,
    DomainScheduleConfigure,
    DomainScheduleSetStart,
    SchedControlConfigureFlags,
    SchedContextBind,
    SchedContextUnbind,
    SchedContextUnbindObject,
    SchedContextConsumed,
    SchedContextYieldTo,
    ARMVSpaceClean_Data,
    ARMVSpaceInvalidate_Data,
    ARMVSpaceCleanInvalidate_Data,
    ARMVSpaceUnify_Instruction,
    ARMSMCCall,
    ARMPageTableMap,
    ARMPageTableUnmap,
    ARMPageMap,
    ARMPageUnmap,
    ARMPageClean_Data,
    ARMPageInvalidate_Data,
    ARMPageCleanInvalidate_Data,
    ARMPageUnify_Instruction,
    ARMPageGetAddress,
    ARMASIDControlMakePool,
    ARMASIDPoolAssign,
    ARMVCPUSetTCB,
    ARMVCPUInjectIRQ,
    ARMVCPUReadReg,
    ARMVCPUWriteReg,
    ARMVCPUAckVPPI,
    ARMIRQIssueIRQHandlerTrigger,
    #[cfg(sel4_smp)]
    ARMIRQIssueIRQHandlerTriggerCore,
    ARMIRQIssueSGISignal,
}

impl InvocationLabel {
    /// The label with this number, if this configuration has it.
    pub fn from_number(number: u64) -> Option<Self> {
        ALL.get(usize::try_from(number).ok()?).copied()
    }
}
