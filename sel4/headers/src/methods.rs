//! The methods of kernel objects with their parameters, in the order that gives them their labels (seL4 manual, section
//! 10.3 and 10.7). C stubs and the interface files for other languages are made from this table.

use crate::facts::Configuration;
use crate::types::{Param, Structure, Type};

/// A kind of object, or of authority, and what can be asked of it.
#[derive(Debug)]
pub struct Interface {
    /// The type of its capabilities, which starts the names of its functions.
    pub name: &'static str,
    /// The interface file of libsel4 that lists it.
    pub file: InterfaceFile,
    /// In the order of their labels.
    pub methods: &'static [Method],
}

/// libsel4's interface files; labels are counted through them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceFile {
    /// Objects of every architecture.
    Object,
    /// Objects of AArch64.
    SeL4Arch,
    /// Objects of Arm.
    Arch,
}

impl InterfaceFile {
    /// In the order of labels.
    pub const ALL: [Self; 3] = [Self::Object, Self::SeL4Arch, Self::Arch];
}

/// Something that can be asked of an object.
#[derive(Debug)]
pub struct Method {
    /// The name of its label.
    pub label: &'static str,
    /// The end of its function's name.
    pub name: &'static str,
    /// Which configurations have it.
    only: Only,
    /// What it is told, behind the capability that is invoked.
    pub inputs: &'static [Param],
    /// What it answers.
    pub outputs: &'static [Param],
}

#[derive(Clone, Copy, Debug)]
enum Only {
    Always,
    HardwareDebug,
    Smp,
    SingleCore,
}

impl Method {
    /// Whether the kernel of this configuration has the method.
    pub fn is_in(&self, configuration: &Configuration) -> bool {
        match self.only {
            Only::Always => true,
            Only::HardwareDebug => configuration.is_set("HARDWARE_DEBUG_API"),
            Only::Smp => configuration.is_set("ENABLE_SMP_SUPPORT"),
            Only::SingleCore => !configuration.is_set("ENABLE_SMP_SUPPORT"),
        }
    }

    const fn only(self, only: Only) -> Self {
        Self { only, ..self }
    }

    const fn returns(self, outputs: &'static [Param]) -> Self {
        Self { outputs, ..self }
    }
}

const fn method(label: &'static str, name: &'static str, inputs: &'static [Param]) -> Method {
    Method { label, name, only: Only::Always, inputs, outputs: &[] }
}

const fn word(name: &'static str) -> Param {
    Param { name, ty: Type::Word }
}

const fn time(name: &'static str) -> Param {
    Param { name, ty: Type::Time }
}

const fn flag(name: &'static str) -> Param {
    Param { name, ty: Type::Bool }
}

const fn byte(name: &'static str) -> Param {
    Param { name, ty: Type::Uint8 }
}

const fn half(name: &'static str) -> Param {
    Param { name, ty: Type::Uint16 }
}

const fn cap(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty: Type::Cap(ty) }
}

const RIGHTS: Param = Param { name: "rights", ty: Type::CapRights };
const ATTRIBUTES: Param = Param { name: "attr", ty: Type::VmAttributes };
const FIELD: Param = Param { name: "field", ty: Type::VcpuReg };

/// A slot that is named by root, index and depth.
macro_rules! slot {
    ($($before:expr),* ; $root:literal, $index:literal, $depth:literal $(; $($after:expr),*)?) => {
        &[$($before,)* cap($root, "seL4_CNode"), word($index), byte($depth) $($(, $after)*)?]
    };
}

const UNTYPED: Interface = Interface {
    name: "seL4_Untyped",
    file: InterfaceFile::Object,
    methods: &[method(
        "UntypedRetype",
        "Retype",
        &[
            word("type"),
            word("size_bits"),
            cap("root", "seL4_CNode"),
            word("node_index"),
            word("node_depth"),
            word("node_offset"),
            word("num_objects"),
        ],
    )],
};

const CONTEXT: Param = Param { name: "regs", ty: Type::Structure(Structure::UserContext) };

const TCB: Interface = Interface {
    name: "seL4_TCB",
    file: InterfaceFile::Object,
    methods: &[
        method("TCBReadRegisters", "ReadRegisters", &[flag("suspend_source"), byte("arch_flags"), word("count")])
            .returns(&[CONTEXT]),
        method(
            "TCBWriteRegisters",
            "WriteRegisters",
            &[flag("resume_target"), byte("arch_flags"), word("count"), CONTEXT],
        ),
        method(
            "TCBCopyRegisters",
            "CopyRegisters",
            &[
                cap("source", "seL4_TCB"),
                flag("suspend_source"),
                flag("resume_target"),
                flag("transfer_frame"),
                flag("transfer_integer"),
                byte("arch_flags"),
            ],
        ),
        method(
            "TCBConfigure",
            "Configure",
            &[
                cap("cspace_root", "seL4_CNode"),
                word("cspace_root_data"),
                cap("vspace_root", "seL4_CPtr"),
                word("vspace_root_data"),
                word("buffer"),
                cap("bufferFrame", "seL4_CPtr"),
            ],
        ),
        method("TCBSetPriority", "SetPriority", &[cap("authority", "seL4_TCB"), word("priority")]),
        method("TCBSetMCPriority", "SetMCPriority", &[cap("authority", "seL4_TCB"), word("mcp")]),
        method(
            "TCBSetSchedParams",
            "SetSchedParams",
            &[
                cap("authority", "seL4_TCB"),
                word("mcp"),
                word("priority"),
                cap("sched_context", "seL4_CPtr"),
                cap("fault_ep", "seL4_CPtr"),
            ],
        ),
        method("TCBSetTimeoutEndpoint", "SetTimeoutEndpoint", &[cap("timeout_fault_ep", "seL4_CPtr")]),
        method("TCBSetIPCBuffer", "SetIPCBuffer", &[word("buffer"), cap("bufferFrame", "seL4_CPtr")]),
        method(
            "TCBSetSpace",
            "SetSpace",
            &[
                cap("fault_ep", "seL4_CPtr"),
                cap("cspace_root", "seL4_CNode"),
                word("cspace_root_data"),
                cap("vspace_root", "seL4_CPtr"),
                word("vspace_root_data"),
            ],
        ),
        method("TCBSuspend", "Suspend", &[]),
        method("TCBResume", "Resume", &[]),
        method("TCBBindNotification", "BindNotification", &[cap("notification", "seL4_CPtr")]),
        method("TCBUnbindNotification", "UnbindNotification", &[]),
        method(
            "TCBSetBreakpoint",
            "SetBreakpoint",
            &[half("bp_num"), word("vaddr"), word("type"), word("size"), word("rw")],
        )
        .only(Only::HardwareDebug),
        method("TCBGetBreakpoint", "GetBreakpoint", &[half("bp_num")])
            .returns(&[word("vaddr"), word("type"), word("size"), word("rw"), flag("is_enabled")])
            .only(Only::HardwareDebug),
        method("TCBUnsetBreakpoint", "UnsetBreakpoint", &[half("bp_num")]).only(Only::HardwareDebug),
        method("TCBConfigureSingleStepping", "ConfigureSingleStepping", &[half("bp_num"), word("num_instructions")])
            .returns(&[flag("bp_was_consumed")])
            .only(Only::HardwareDebug),
        method("TCBSetTLSBase", "SetTLSBase", &[word("tls_base")]),
        method("TCBSetFlags", "SetFlags", &[word("clear"), word("set")]).returns(&[word("flags")]),
    ],
};

const CNODE: Interface = Interface {
    name: "seL4_CNode",
    file: InterfaceFile::Object,
    methods: &[
        method("CNodeRevoke", "Revoke", &[word("index"), byte("depth")]),
        method("CNodeDelete", "Delete", &[word("index"), byte("depth")]),
        method("CNodeCancelBadgedSends", "CancelBadgedSends", &[word("index"), byte("depth")]),
        method(
            "CNodeCopy",
            "Copy",
            slot!(word("dest_index"), byte("dest_depth"); "src_root", "src_index", "src_depth"; RIGHTS),
        ),
        method(
            "CNodeMint",
            "Mint",
            slot!(word("dest_index"), byte("dest_depth"); "src_root", "src_index", "src_depth"; RIGHTS, word("badge")),
        ),
        method(
            "CNodeMove",
            "Move",
            slot!(word("dest_index"), byte("dest_depth"); "src_root", "src_index", "src_depth"),
        ),
        method(
            "CNodeMutate",
            "Mutate",
            slot!(word("dest_index"), byte("dest_depth"); "src_root", "src_index", "src_depth"; word("badge")),
        ),
        method(
            "CNodeRotate",
            "Rotate",
            &[
                word("dest_index"),
                byte("dest_depth"),
                word("dest_badge"),
                cap("pivot_root", "seL4_CNode"),
                word("pivot_index"),
                byte("pivot_depth"),
                word("pivot_badge"),
                cap("src_root", "seL4_CNode"),
                word("src_index"),
                byte("src_depth"),
            ],
        ),
    ],
};

const IRQ_CONTROL: Interface = Interface {
    name: "seL4_IRQControl",
    file: InterfaceFile::Object,
    methods: &[method("IRQIssueIRQHandler", "Get", slot!(word("irq"); "root", "index", "depth"))],
};

const IRQ_HANDLER: Interface = Interface {
    name: "seL4_IRQHandler",
    file: InterfaceFile::Object,
    methods: &[
        method("IRQAckIRQ", "Ack", &[]),
        method("IRQSetIRQHandler", "SetNotification", &[cap("notification", "seL4_CPtr")]),
        method("IRQClearIRQHandler", "Clear", &[]),
    ],
};

const DOMAIN_SET: Interface = Interface {
    name: "seL4_DomainSet",
    file: InterfaceFile::Object,
    methods: &[
        method("DomainSetSet", "Set", &[byte("domain"), cap("thread", "seL4_TCB")]),
        method("DomainScheduleConfigure", "ScheduleConfigure", &[word("index"), byte("domain"), time("duration")]),
        method("DomainScheduleSetStart", "ScheduleSetStart", &[word("index")]),
    ],
};

const SCHED_CONTROL: Interface = Interface {
    name: "seL4_SchedControl",
    file: InterfaceFile::Object,
    methods: &[method(
        "SchedControlConfigureFlags",
        "ConfigureFlags",
        &[
            cap("schedcontext", "seL4_SchedContext"),
            time("budget"),
            time("period"),
            word("extra_refills"),
            word("badge"),
            word("flags"),
        ],
    )],
};

const SCHED_CONTEXT: Interface = Interface {
    name: "seL4_SchedContext",
    file: InterfaceFile::Object,
    methods: &[
        method("SchedContextBind", "Bind", &[cap("cap", "seL4_CPtr")]),
        method("SchedContextUnbind", "Unbind", &[]),
        method("SchedContextUnbindObject", "UnbindObject", &[cap("cap", "seL4_CPtr")]),
        method("SchedContextConsumed", "Consumed", &[]).returns(&[time("consumed")]),
        method("SchedContextYieldTo", "YieldTo", &[]).returns(&[time("consumed")]),
    ],
};

const VSPACE: Interface = Interface {
    name: "seL4_ARM_VSpace",
    file: InterfaceFile::SeL4Arch,
    methods: &[
        method("ARMVSpaceClean_Data", "Clean_Data", &[word("start"), word("end")]),
        method("ARMVSpaceInvalidate_Data", "Invalidate_Data", &[word("start"), word("end")]),
        method("ARMVSpaceCleanInvalidate_Data", "CleanInvalidate_Data", &[word("start"), word("end")]),
        method("ARMVSpaceUnify_Instruction", "Unify_Instruction", &[word("start"), word("end")]),
    ],
};

const SMC: Interface = Interface {
    name: "seL4_ARM_SMC",
    file: InterfaceFile::SeL4Arch,
    methods: &[method("ARMSMCCall", "Call", &[Param { name: "smc_args", ty: Type::Structure(Structure::SmcContext) }])
        .returns(&[Param { name: "smc_response", ty: Type::Structure(Structure::SmcContext) }])],
};

const PAGE_TABLE: Interface = Interface {
    name: "seL4_ARM_PageTable",
    file: InterfaceFile::Arch,
    methods: &[
        method("ARMPageTableMap", "Map", &[cap("vspace", "seL4_CPtr"), word("vaddr"), ATTRIBUTES]),
        method("ARMPageTableUnmap", "Unmap", &[]),
    ],
};

const PAGE: Interface = Interface {
    name: "seL4_ARM_Page",
    file: InterfaceFile::Arch,
    methods: &[
        method("ARMPageMap", "Map", &[cap("vspace", "seL4_CPtr"), word("vaddr"), RIGHTS, ATTRIBUTES]),
        method("ARMPageUnmap", "Unmap", &[]),
        method("ARMPageClean_Data", "Clean_Data", &[word("start_offset"), word("end_offset")]),
        method("ARMPageInvalidate_Data", "Invalidate_Data", &[word("start_offset"), word("end_offset")]),
        method("ARMPageCleanInvalidate_Data", "CleanInvalidate_Data", &[word("start_offset"), word("end_offset")]),
        method("ARMPageUnify_Instruction", "Unify_Instruction", &[word("start_offset"), word("end_offset")]),
        method("ARMPageGetAddress", "GetAddress", &[]).returns(&[word("paddr")]),
    ],
};

const ASID_CONTROL: Interface = Interface {
    name: "seL4_ARM_ASIDControl",
    file: InterfaceFile::Arch,
    methods: &[method(
        "ARMASIDControlMakePool",
        "MakePool",
        slot!(cap("untyped", "seL4_Untyped"); "root", "index", "depth"),
    )],
};

const ASID_POOL: Interface = Interface {
    name: "seL4_ARM_ASIDPool",
    file: InterfaceFile::Arch,
    methods: &[method("ARMASIDPoolAssign", "Assign", &[cap("vspace", "seL4_CPtr")])],
};

const VCPU: Interface = Interface {
    name: "seL4_ARM_VCPU",
    file: InterfaceFile::Arch,
    methods: &[
        method("ARMVCPUSetTCB", "SetTCB", &[cap("tcb", "seL4_TCB")]),
        method("ARMVCPUInjectIRQ", "InjectIRQ", &[half("virq"), byte("priority"), byte("group"), byte("index")]),
        method("ARMVCPUReadReg", "ReadRegs", &[FIELD]).returns(&[word("value")]),
        method("ARMVCPUWriteReg", "WriteRegs", &[FIELD, word("value")]),
        method("ARMVCPUAckVPPI", "AckVPPI", &[word("irq")]),
    ],
};

const ARM_IRQ_CONTROL: Interface = Interface {
    name: "seL4_IRQControl",
    file: InterfaceFile::Arch,
    methods: &[
        method(
            "ARMIRQIssueIRQHandlerTrigger",
            "GetTrigger",
            slot!(word("irq"), word("trigger"); "root", "index", "depth"),
        ),
        method(
            "ARMIRQIssueIRQHandlerTriggerCore",
            "GetTriggerCore",
            slot!(word("irq"), word("trigger"); "root", "index", "depth"; word("target")),
        )
        .only(Only::Smp),
        method("ARMIRQIssueSGISignal", "IssueSGISignal", slot!(word("irq"), word("target"); "root", "index", "depth"))
            .only(Only::SingleCore),
    ],
};

/// All interfaces, in the order of their labels.
pub const INTERFACES: [&Interface; 16] = [
    &UNTYPED,
    &TCB,
    &CNODE,
    &IRQ_CONTROL,
    &IRQ_HANDLER,
    &DOMAIN_SET,
    &SCHED_CONTROL,
    &SCHED_CONTEXT,
    &VSPACE,
    &SMC,
    &PAGE_TABLE,
    &PAGE,
    &ASID_CONTROL,
    &ASID_POOL,
    &VCPU,
    &ARM_IRQ_CONTROL,
];

/// The interfaces of one of libsel4's files.
pub fn of_file(file: InterfaceFile) -> impl Iterator<Item = &'static Interface> {
    INTERFACES.into_iter().filter(move |interface| interface.file == file)
}

/// The labels of a configuration with their numbers, one list for each interface file.
pub fn labels(configuration: &Configuration) -> [Vec<(&'static str, i64)>; 3] {
    // Number 0 is no method's.
    let mut next = 0;
    let mut number = |label| {
        let this = (label, next);
        next += 1;
        this
    };
    let mut first = vec![number("InvalidInvocation")];
    let mut lists = InterfaceFile::ALL.map(|file| {
        of_file(file)
            .flat_map(|interface| interface.methods)
            .filter(|method| method.is_in(configuration))
            .map(|method| number(method.label))
            .collect::<Vec<_>>()
    });
    first.append(&mut lists[0]);
    lists[0] = first;
    lists
}
