//! Invocation labels: which method of an object a message asks for. They are numbered in order, so a method that only
#![allow(non_camel_case_types, reason = "libsel4 spells some labels with an underscore")]
//! one configuration has shifts those behind it, as upstream.

/// What a method is one of: a kind of object, or of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the manual's names")]
pub enum Interface {
    None,
    Untyped,
    Thread,
    CNode,
    IrqControl,
    IrqHandler,
    DomainSet,
    SchedControl,
    SchedContext,
    VSpace,
    Smc,
    PageTable,
    Page,
    AsidControl,
    AsidPool,
    VCpu,
}

/// What a method takes (seL4 manual, section 10.3, 10.7 and 10.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Whose method it is.
    pub interface: Interface,
    /// Message registers, at least.
    pub words: u8,
    /// Capabilities, beside the one that is invoked.
    pub caps: u8,
}

/// Declares the labels in order, with the way back from a number.
macro_rules! labels {
    ($($(#[$attr:meta])* $name:ident: $interface:ident $words:literal words $caps:literal caps),+ $(,)?) => {
        /// The label of an invocation (seL4 manual, section 10.3 and 10.7). The value is the message's label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u64)]
        #[allow(missing_docs, reason = "the names are libsel4's")]
        pub enum InvocationLabel {
            $($(#[$attr])* $name),+
        }

        /// All labels of this configuration, by number.
        const ALL: &[InvocationLabel] = &[$($(#[$attr])* InvocationLabel::$name),+];

        /// What each of them takes, by number.
        const SIGNATURES: &[Signature] =
            &[$($(#[$attr])* Signature { interface: Interface::$interface, words: $words, caps: $caps }),+];

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
    InvalidInvocation: None 0 words 0 caps,
    UntypedRetype: Untyped 6 words 1 caps,
    TCBReadRegisters: Thread 2 words 0 caps,
    TCBWriteRegisters: Thread 2 words 0 caps,
    TCBCopyRegisters: Thread 1 words 1 caps,
    TCBConfigure: Thread 3 words 3 caps,
    TCBSetPriority: Thread 1 words 1 caps,
    TCBSetMCPriority: Thread 1 words 1 caps,
    TCBSetSchedParams: Thread 2 words 3 caps,
    TCBSetTimeoutEndpoint: Thread 0 words 1 caps,
    TCBSetIPCBuffer: Thread 1 words 1 caps,
    TCBSetSpace: Thread 2 words 3 caps,
    TCBSuspend: Thread 0 words 0 caps,
    TCBResume: Thread 0 words 0 caps,
    TCBBindNotification: Thread 0 words 1 caps,
    TCBUnbindNotification: Thread 0 words 0 caps,
    #[cfg(sel4_debug)]
    TCBSetBreakpoint: Thread 5 words 0 caps,
    #[cfg(sel4_debug)]
    TCBGetBreakpoint: Thread 1 words 0 caps,
    #[cfg(sel4_debug)]
    TCBUnsetBreakpoint: Thread 1 words 0 caps,
    #[cfg(sel4_debug)]
    TCBConfigureSingleStepping: Thread 2 words 0 caps,
    TCBSetTLSBase: Thread 1 words 0 caps,
    TCBSetFlags: Thread 2 words 0 caps,
    CNodeRevoke: CNode 2 words 0 caps,
    CNodeDelete: CNode 2 words 0 caps,
    CNodeCancelBadgedSends: CNode 2 words 0 caps,
    CNodeCopy: CNode 5 words 1 caps,
    CNodeMint: CNode 6 words 1 caps,
    CNodeMove: CNode 4 words 1 caps,
    CNodeMutate: CNode 5 words 1 caps,
    CNodeRotate: CNode 8 words 2 caps,
    IRQIssueIRQHandler: IrqControl 3 words 1 caps,
    IRQAckIRQ: IrqHandler 0 words 0 caps,
    IRQSetIRQHandler: IrqHandler 0 words 1 caps,
    IRQClearIRQHandler: IrqHandler 0 words 0 caps,
    DomainSetSet: DomainSet 1 words 1 caps,
    DomainScheduleConfigure: DomainSet 3 words 0 caps,
    DomainScheduleSetStart: DomainSet 1 words 0 caps,
    SchedControlConfigureFlags: SchedControl 5 words 1 caps,
    SchedContextBind: SchedContext 0 words 1 caps,
    SchedContextUnbind: SchedContext 0 words 0 caps,
    SchedContextUnbindObject: SchedContext 0 words 1 caps,
    SchedContextConsumed: SchedContext 0 words 0 caps,
    SchedContextYieldTo: SchedContext 0 words 0 caps,
    ARMVSpaceClean_Data: VSpace 2 words 0 caps,
    ARMVSpaceInvalidate_Data: VSpace 2 words 0 caps,
    ARMVSpaceCleanInvalidate_Data: VSpace 2 words 0 caps,
    ARMVSpaceUnify_Instruction: VSpace 2 words 0 caps,
    ARMSMCCall: Smc 8 words 0 caps,
    ARMPageTableMap: PageTable 2 words 1 caps,
    ARMPageTableUnmap: PageTable 0 words 0 caps,
    ARMPageMap: Page 3 words 1 caps,
    ARMPageUnmap: Page 0 words 0 caps,
    ARMPageClean_Data: Page 2 words 0 caps,
    ARMPageInvalidate_Data: Page 2 words 0 caps,
    ARMPageCleanInvalidate_Data: Page 2 words 0 caps,
    ARMPageUnify_Instruction: Page 2 words 0 caps,
    ARMPageGetAddress: Page 0 words 0 caps,
    ARMASIDControlMakePool: AsidControl 2 words 2 caps,
    ARMASIDPoolAssign: AsidPool 0 words 1 caps,
    ARMVCPUSetTCB: VCpu 0 words 1 caps,
    ARMVCPUInjectIRQ: VCpu 1 words 0 caps,
    ARMVCPUReadReg: VCpu 1 words 0 caps,
    ARMVCPUWriteReg: VCpu 2 words 0 caps,
    ARMVCPUAckVPPI: VCpu 1 words 0 caps,
    ARMIRQIssueIRQHandlerTrigger: IrqControl 4 words 1 caps,
    #[cfg(sel4_smp)]
    ARMIRQIssueIRQHandlerTriggerCore: IrqControl 5 words 1 caps,
    #[cfg(not(sel4_smp))]
    ARMIRQIssueSGISignal: IrqControl 4 words 1 caps,
}

impl InvocationLabel {
    /// Number of labels, which the last one stands below.
    pub const COUNT: usize = ALL.len();

    /// The label with this number, if this configuration has it.
    pub fn from_number(number: u64) -> Option<Self> {
        ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// What the method takes.
    pub const fn signature(self) -> Signature {
        SIGNATURES[self as usize]
    }
}
