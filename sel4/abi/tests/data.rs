//! Holds the crate against `data/*.json`: the numbers as read off the compiled interfaces. Run it once for each
//! configuration (`RUSTFLAGS="--cfg sel4_debug"` and so on); without one it checks release.

use core::mem::{offset_of, size_of};
use sel4_abi::bootinfo::{BootInfo, BootInfoHeader, UntypedDesc};
use sel4_abi::context::{ORDER, Register, UserContext};
use sel4_abi::error::ErrorCode;
use sel4_abi::fault::FaultTag;
use sel4_abi::ipc_buffer::IpcBuffer;
use sel4_abi::label::InvocationLabel;
use sel4_abi::message::{CNodeCapData, CapRights, MessageInfo};
use sel4_abi::object::{self, ObjectType};
use sel4_abi::syscall::Syscall;
use sel4_abi::vcpu::VCpuReg;
use sel4_abi::{config, microkit};
use serde_json::Value;
use std::collections::BTreeMap;

fn sel4() -> Value {
    serde_json::from_str(include_str!("../data/sel4-16.0.0-aarch64-hyp-mcs.json")).unwrap()
}

/// The sections that differ from release in the configuration of this build, weakest first.
fn overlays() -> Vec<&'static str> {
    let mut all = Vec::new();
    if cfg!(sel4_debug) {
        all.push("debug_differs");
    }
    if cfg!(sel4_benchmark) {
        all.push("benchmark_differs");
    }
    if cfg!(all(sel4_smp, not(sel4_debug))) {
        all.push("smp-release_differs");
    }
    if cfg!(all(sel4_smp, sel4_debug)) {
        all.push("smp-debug_differs_from_debug");
    }
    all
}

fn table(data: &Value, name: &str) -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    let sections = std::iter::once(&data["enums"]).chain(overlays().into_iter().map(|o| &data[o]));
    for section in sections {
        for (key, value) in section[name].as_object().into_iter().flatten() {
            all.insert(key.clone(), value.as_i64().unwrap());
        }
    }
    assert!(!all.is_empty(), "no such table: {name}");
    all
}

#[test]
fn labels() {
    let data = sel4();
    let mut expected = BTreeMap::new();
    for name in ["invocation_label", "sel4_arch_invocation_label", "arch_invocation_label"] {
        expected.extend(table(&data, name));
    }
    let last = expected.remove("nArchInvocationLabels").unwrap();
    expected.remove("nInvocationLabels");
    expected.remove("nSeL4ArchInvocationLabels");
    if cfg!(sel4_smp) {
        // Only with one core; its number is another's here.
        expected.remove("ARMIRQIssueSGISignal");
    }
    for (name, number) in &expected {
        let label = InvocationLabel::from_number(*number as u64).unwrap();
        assert_eq!(label.name(), name);
        assert_eq!(label as u64, *number as u64);
    }
    assert_eq!(expected.len() as i64, last);
    assert_eq!(InvocationLabel::from_number(last as u64), None);
}

#[test]
fn system_calls() {
    for (name, number) in table(&sel4(), "seL4_Syscall_ID") {
        let call = Syscall::from_number(number).unwrap();
        assert_eq!(format!("seL4_Sys{call:?}"), name);
    }
    assert_eq!(Syscall::from_number(0), None);
    assert_eq!(Syscall::from_number(-100), None);
}

#[test]
fn error_codes() {
    for (name, number) in table(&sel4(), "seL4_Error") {
        match ErrorCode::from_label(number as u64) {
            Some(code) => assert_eq!(format!("seL4_{code:?}"), name),
            None => assert!(name == "seL4_NoError" || name == "seL4_NumErrors"),
        }
    }
}

#[test]
fn fault_tags() {
    for (name, number) in table(&sel4(), "seL4_Fault_tag") {
        assert_eq!(format!("seL4_Fault_{:?}", FaultTag::from_label(number as u64).unwrap()), name);
    }
}

#[test]
fn fault_layouts() {
    use sel4_abi::fault::*;
    let data = sel4();
    let check = |name: &str, entries: &[(&str, usize)]| {
        let table = table(&data, name);
        for (key, value) in entries {
            assert_eq!(table[*key], *value as i64, "{key}");
        }
    };
    check(
        "seL4_CapFault_Msg",
        &[
            ("seL4_CapFault_IP", cap_fault::IP),
            ("seL4_CapFault_Addr", cap_fault::ADDR),
            ("seL4_CapFault_InRecvPhase", cap_fault::IN_RECV_PHASE),
            ("seL4_CapFault_LookupFailureType", cap_fault::LOOKUP_FAILURE_TYPE),
            ("seL4_CapFault_BitsLeft", cap_fault::BITS_LEFT),
            ("seL4_CapFault_DepthMismatch_BitsFound", cap_fault::DEPTH_MISMATCH_BITS_FOUND),
            ("seL4_CapFault_GuardMismatch_GuardFound", cap_fault::GUARD_MISMATCH_GUARD_FOUND),
            ("seL4_CapFault_GuardMismatch_BitsFound", cap_fault::GUARD_MISMATCH_BITS_FOUND),
        ],
    );
    check(
        "seL4_UnknownSyscall_Msg",
        &[
            ("seL4_UnknownSyscall_X0", unknown_syscall::X0),
            ("seL4_UnknownSyscall_FaultIP", unknown_syscall::FAULT_IP),
            ("seL4_UnknownSyscall_SP", unknown_syscall::SP),
            ("seL4_UnknownSyscall_LR", unknown_syscall::LR),
            ("seL4_UnknownSyscall_SPSR", unknown_syscall::SPSR),
            ("seL4_UnknownSyscall_Syscall", unknown_syscall::SYSCALL),
            ("seL4_UnknownSyscall_Length", unknown_syscall::LENGTH),
        ],
    );
    check(
        "seL4_UserException_Msg",
        &[
            ("seL4_UserException_FaultIP", user_exception::FAULT_IP),
            ("seL4_UserException_SP", user_exception::SP),
            ("seL4_UserException_SPSR", user_exception::SPSR),
            ("seL4_UserException_Number", user_exception::NUMBER),
            ("seL4_UserException_Code", user_exception::CODE),
            ("seL4_UserException_Length", user_exception::LENGTH),
        ],
    );
    check(
        "seL4_VMFault_Msg",
        &[
            ("seL4_VMFault_IP", vm_fault::IP),
            ("seL4_VMFault_Addr", vm_fault::ADDR),
            ("seL4_VMFault_PrefetchFault", vm_fault::PREFETCH_FAULT),
            ("seL4_VMFault_FSR", vm_fault::FSR),
            ("seL4_VMFault_Length", vm_fault::LENGTH),
        ],
    );
    check(
        "seL4_Timeout_Msg",
        &[
            ("seL4_Timeout_Data", timeout::DATA),
            ("seL4_Timeout_Consumed", timeout::CONSUMED),
            ("seL4_Timeout_Length", timeout::LENGTH),
        ],
    );
    check("seL4_VGICMaintenance_Msg", &[("seL4_VGICMaintenance_IDX", vgic_maintenance::IDX)]);
    check("seL4_VCPUFault_Msg", &[("seL4_VCPUFault_HSR", vcpu_fault::HSR)]);
    check("seL4_VPPIEvent_Msg", &[("seL4_VPPIEvent_IRQ", vppi_event::IRQ)]);
}

#[test]
fn timeout_reply_order() {
    let table = table(&sel4(), "seL4_TimeoutReply_Msg");
    for (index, register) in sel4_abi::context::TIMEOUT_REPLY_ORDER.iter().enumerate() {
        let name = match register {
            Register::Pc => "FaultIP".into(),
            Register::Sp => "SP".into(),
            Register::Spsr => "SPSR_EL1".into(),
            Register::X(n) => format!("X{n}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(table[&format!("seL4_TimeoutReply_{name}")], index as i64);
    }
    assert_eq!(table["seL4_TimeoutReply_Length"] as usize, sel4_abi::context::TIMEOUT_REPLY_ORDER.len());
}

#[test]
fn object_types_and_sizes() {
    let data = sel4();
    let mut types = table(&data, "api_object");
    types.extend(table(&data, "_mode_object"));
    types.extend(table(&data, "_object"));
    let numbered = [
        ("seL4_UntypedObject", ObjectType::Untyped),
        ("seL4_TCBObject", ObjectType::Tcb),
        ("seL4_EndpointObject", ObjectType::Endpoint),
        ("seL4_NotificationObject", ObjectType::Notification),
        ("seL4_CapTableObject", ObjectType::CNode),
        ("seL4_SchedContextObject", ObjectType::SchedContext),
        ("seL4_ReplyObject", ObjectType::Reply),
        ("seL4_ARM_HugePageObject", ObjectType::HugePage),
        ("seL4_ARM_VSpaceObject", ObjectType::VSpace),
        ("seL4_ARM_SmallPageObject", ObjectType::SmallPage),
        ("seL4_ARM_LargePageObject", ObjectType::LargePage),
        ("seL4_ARM_PageTableObject", ObjectType::PageTable),
        ("seL4_ARM_VCPUObject", ObjectType::VCpu),
    ];
    for (name, object) in numbered {
        assert_eq!(types[name] as u64, object as u64);
        assert_eq!(ObjectType::from_number(object as u64), Some(object));
    }
    assert_eq!(ObjectType::from_number(types["seL4_ObjectTypeCount"] as u64), None);

    let sizes = &data["object_size_bits"];
    for (name, bits) in [
        ("endpoint", object::ENDPOINT_BITS),
        ("notification", object::NOTIFICATION_BITS),
        ("small_page", object::SMALL_PAGE_BITS),
        ("large_page", object::LARGE_PAGE_BITS),
        ("huge_page", object::HUGE_PAGE_BITS),
        ("asid_pool", object::ASID_POOL_BITS),
        ("slot", object::SLOT_BITS),
        ("min_untyped_bits", object::MIN_UNTYPED_BITS),
        ("max_untyped_bits", object::MAX_UNTYPED_BITS),
        ("vspace", object::VSPACE_BITS),
        ("reply", object::REPLY_BITS),
        ("vcpu", object::VCPU_BITS),
        ("page_table", object::PAGE_TABLE_BITS),
    ] {
        assert_eq!(sizes[name].as_u64(), Some(u64::from(bits)), "{name}");
    }
    let debug_tcb = data["debug_differs"]["constants"]["seL4_TCBBits"].as_u64();
    let expected = if cfg!(sel4_debug) { debug_tcb } else { sizes["tcb"].as_u64() };
    assert_eq!(expected, Some(u64::from(object::TCB_BITS)));
}

#[test]
fn constants() {
    let data = sel4();
    let constants = &data["constants"];
    let check = |name: &str, value: u64| assert_eq!(constants[name].as_u64(), Some(value), "{name}");
    check("seL4_CoreSchedContextBytes", object::CORE_SCHED_CONTEXT_BYTES as u64);
    check("seL4_RefillSizeBytes", object::REFILL_BYTES as u64);
    check("seL4_MinSchedContextBits", u64::from(object::MIN_SCHED_CONTEXT_BITS));
    check("seL4_UserTop", object::USER_TOP);
    check("seL4_UntypedRetypeMaxObjects", object::RETYPE_MAX_OBJECTS);
    check("seL4_NumASIDPoolsBits", u64::from(object::NUM_ASID_POOLS_BITS));
    check("seL4_ASIDPoolIndexBits", u64::from(object::ASID_POOL_INDEX_BITS));
    check("seL4_VSpaceIndexBits", u64::from(object::VSPACE_INDEX_BITS));
    check("seL4_PageTableIndexBits", u64::from(object::PAGE_TABLE_INDEX_BITS));
    check("seL4_IPCBufferSizeBits", u64::from(sel4_abi::ipc_buffer::SIZE_BITS));
    check("seL4_FastMessageRegisters", sel4_abi::message::FAST_REGISTERS as u64);
    check("seL4_MsgMaxExtraCaps", sel4_abi::message::MAX_EXTRA_CAPS as u64);
    check("seL4_BootInfoFrameBits", u64::from(sel4_abi::bootinfo::FRAME_BITS));
    check("seL4_NumExclusiveBreakpoints", config::NUM_BREAKPOINTS as u64);
    check("seL4_NumExclusiveWatchpoints", config::NUM_WATCHPOINTS as u64);

    let release = &data["config"]["release"];
    let smp = &data["config"]["smp-release_differs"];
    let option = |name: &str| -> usize {
        let value = if cfg!(sel4_smp) && smp.get(name).is_some() { &smp[name] } else { &release[name] };
        value.as_str().unwrap().parse().unwrap()
    };
    assert_eq!(option("ROOT_CNODE_SIZE_BITS"), config::ROOT_CNODE_SIZE_BITS as usize);
    assert_eq!(option("MAX_NUM_BOOTINFO_UNTYPED_CAPS"), config::MAX_BOOTINFO_UNTYPEDS);
    assert_eq!(option("NUM_DOMAINS"), config::NUM_DOMAINS);
    assert_eq!(option("NUM_DOMAIN_SCHEDULES"), config::NUM_DOMAIN_SCHEDULES);
    assert_eq!(option("NUM_PRIORITIES"), config::NUM_PRIORITIES);
    assert_eq!(option("MAX_NUM_NODES"), config::MAX_NUM_NODES);
    assert_eq!(option("BOOT_THREAD_TIME_SLICE"), config::BOOT_THREAD_TIME_SLICE_MS as usize);
    assert_eq!(option("PADDR_USER_DEVICE_TOP"), config::DEVICE_TOP as usize);
    assert_eq!(option("MAX_NUM_WORK_UNITS_PER_PREEMPTION"), config::MAX_WORK_UNITS_PER_PREEMPTION as usize);
    assert_eq!(option("RESET_CHUNK_BITS"), config::RESET_CHUNK_BITS as usize);
    assert_eq!(option("L1_CACHE_LINE_SIZE_BITS"), config::L1_CACHE_LINE_SIZE_BITS as usize);
}

#[test]
fn structures() {
    let data = sel4();
    let check = |name: &str, size: usize, fields: &[(&str, usize)]| {
        let layout = &data["struct_offsets"][name];
        assert_eq!(layout["sizeof"].as_u64(), Some(size as u64), "{name}");
        for (field, offset) in fields {
            assert_eq!(layout[*field].as_u64(), Some(*offset as u64), "{name}.{field}");
        }
        assert_eq!(layout.as_object().unwrap().len(), fields.len() + 1, "{name}: fields left out");
    };
    check(
        "seL4_IPCBuffer",
        size_of::<IpcBuffer>(),
        &[
            ("tag", offset_of!(IpcBuffer, tag)),
            ("msg", offset_of!(IpcBuffer, msg)),
            ("userData", offset_of!(IpcBuffer, user_data)),
            ("caps_or_badges", offset_of!(IpcBuffer, caps_or_badges)),
            ("receiveCNode", offset_of!(IpcBuffer, receive_cnode)),
            ("receiveIndex", offset_of!(IpcBuffer, receive_index)),
            ("receiveDepth", offset_of!(IpcBuffer, receive_depth)),
        ],
    );
    check(
        "seL4_BootInfo",
        size_of::<BootInfo>(),
        &[
            ("extraLen", offset_of!(BootInfo, extra_len)),
            ("nodeID", offset_of!(BootInfo, node_id)),
            ("numNodes", offset_of!(BootInfo, num_nodes)),
            ("numIOPTLevels", offset_of!(BootInfo, num_iopt_levels)),
            ("ipcBuffer", offset_of!(BootInfo, ipc_buffer)),
            ("empty", offset_of!(BootInfo, empty)),
            ("sharedFrames", offset_of!(BootInfo, shared_frames)),
            ("userImageFrames", offset_of!(BootInfo, user_image_frames)),
            ("userImagePaging", offset_of!(BootInfo, user_image_paging)),
            ("ioSpaceCaps", offset_of!(BootInfo, io_space_caps)),
            ("extraBIPages", offset_of!(BootInfo, extra_bi_pages)),
            ("initThreadCNodeSizeBits", offset_of!(BootInfo, init_thread_cnode_size_bits)),
            ("initThreadDomain", offset_of!(BootInfo, init_thread_domain)),
            ("schedcontrol", offset_of!(BootInfo, sched_control)),
            ("untyped", offset_of!(BootInfo, untyped)),
            ("untypedList", offset_of!(BootInfo, untyped_list)),
        ],
    );
    check(
        "seL4_UntypedDesc",
        size_of::<UntypedDesc>(),
        &[
            ("paddr", offset_of!(UntypedDesc, paddr)),
            ("sizeBits", offset_of!(UntypedDesc, size_bits)),
            ("isDevice", offset_of!(UntypedDesc, is_device)),
        ],
    );
    check(
        "seL4_BootInfoHeader",
        size_of::<BootInfoHeader>(),
        &[("id", offset_of!(BootInfoHeader, id)), ("len", offset_of!(BootInfoHeader, len))],
    );
}

#[test]
fn register_order() {
    let data = sel4();
    let layout = &data["struct_offsets"]["seL4_UserContext"];
    assert_eq!(layout["sizeof"].as_u64(), Some(size_of::<UserContext>() as u64));
    for (index, register) in ORDER.iter().enumerate() {
        let name = match register {
            Register::Pc => "pc".into(),
            Register::Sp => "sp".into(),
            Register::Spsr => "spsr".into(),
            Register::X(n) => format!("x{n}"),
            Register::TpidrEl0 => "tpidr_el0".into(),
            Register::TpidrroEl0 => "tpidrro_el0".into(),
        };
        assert_eq!(layout[&name].as_u64(), Some(index as u64 * 8), "{name}");
    }
    assert_eq!(offset_of!(UserContext, x16), 12 * 8);
    assert_eq!(offset_of!(UserContext, x9), 17 * 8);
    assert_eq!(offset_of!(UserContext, tpidrro_el0), 35 * 8);
}

#[test]
fn vcpu_registers() {
    let table = table(&sel4(), "seL4_VCPUReg");
    for (register, name) in [
        (VCpuReg::Sctlr, "SCTLR"),
        (VCpuReg::Cpacr, "CPACR"),
        (VCpuReg::Ttbr0, "TTBR0"),
        (VCpuReg::Par, "PAR"),
        (VCpuReg::Vbar, "VBAR"),
        (VCpuReg::TpidrEl1, "TPIDR_EL1"),
        (VCpuReg::VmpidrEl2, "VMPIDR_EL2"),
        (VCpuReg::SpEl1, "SP_EL1"),
        (VCpuReg::ElrEl1, "ELR_EL1"),
        (VCpuReg::SpsrEl1, "SPSR_EL1"),
        (VCpuReg::CntvCtl, "CNTV_CTL"),
        (VCpuReg::CntvCval, "CNTV_CVAL"),
        (VCpuReg::CntvOff, "CNTVOFF"),
        (VCpuReg::CntkctlEl1, "CNTKCTL_EL1"),
    ] {
        assert_eq!(table[&format!("seL4_VCPUReg_{name}")] as u64, register as u64);
        assert_eq!(VCpuReg::from_number(register as u64), Some(register));
    }
    assert_eq!(table["seL4_VCPUReg_Num"] as usize, sel4_abi::vcpu::NUM_REGS);
    assert!(sel4_abi::quoll::vcpu_reg::GIC_INFO > sel4_abi::vcpu::NUM_REGS as u64);
}

#[test]
fn bit_fields() {
    let data = sel4();
    let field = |word: &str, name: &str| -> (u32, u32) {
        let pair = &data["bitfields"][word][name];
        (pair[0].as_u64().unwrap() as u32, pair[1].as_u64().unwrap() as u32)
    };
    let ones = |(shift, width): (u32, u32)| (u64::MAX >> (64 - width)) << shift;
    let all = usize::MAX;
    assert_eq!(MessageInfo::new(u64::MAX, 0, 0, 0).0, ones(field("seL4_MessageInfo", "label")));
    assert_eq!(MessageInfo::new(0, all, 0, 0).0, ones(field("seL4_MessageInfo", "capsUnwrapped")));
    assert_eq!(MessageInfo::new(0, 0, all, 0).0, ones(field("seL4_MessageInfo", "extraCaps")));
    assert_eq!(MessageInfo::new(0, 0, 0, all).0, ones(field("seL4_MessageInfo", "length")));
    let info = MessageInfo::new(0xabc, 5, 2, 99);
    assert_eq!((info.label(), info.caps_unwrapped(), info.extra_caps(), info.length()), (0xabc, 5, 2, 99));

    let data_word = CNodeCapData { guard: 0x3a5, guard_size: 17 };
    assert_eq!(CNodeCapData::from_word(data_word.to_word()), data_word);
    assert_eq!(data_word.to_word() & ones(field("seL4_CNode_CapData", "guardSize")), 17);

    let only = |word| CapRights::from_word(word);
    assert!(only(ones(field("seL4_CapRights", "capAllowWrite"))).write);
    assert!(only(ones(field("seL4_CapRights", "capAllowRead"))).read);
    assert!(only(ones(field("seL4_CapRights", "capAllowGrant"))).grant);
    assert!(only(ones(field("seL4_CapRights", "capAllowGrantReply"))).grant_reply);
    for word in 0..16 {
        assert_eq!(CapRights::from_word(word).to_word(), word);
    }
}

#[test]
fn microkit_slots_and_limits() {
    let data: Value = serde_json::from_str(include_str!("../data/microkit-2.3.0.json")).unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    let base = &data["cspace"]["base_slots"];
    use microkit::{limit, slot};
    assert_eq!(number(&base["output notification"]), slot::BASE_OUTPUT_NOTIFICATION);
    assert_eq!(number(&base["endpoint"]), slot::BASE_ENDPOINT);
    assert_eq!(number(&base["irq handler"]), slot::BASE_IRQ);
    assert_eq!(number(&base["child pd tcb"]), slot::BASE_TCB);
    assert_eq!(number(&base["vm tcb"]), slot::BASE_VM_TCB);
    assert_eq!(number(&base["vcpu"]), slot::BASE_VCPU);
    assert_eq!(number(&base["ioport"]), slot::BASE_IOPORT);
    assert_eq!(number(&data["cspace"]["slots"]["reply"]), slot::REPLY);
    assert_eq!(number(&data["cspace"]["root_cnode_bits"]), u64::from(microkit::ROOT_CNODE_BITS));
    assert_eq!(number(&data["cspace"]["microkit_cnode_bits"]), u64::from(microkit::CNODE_BITS));
    let limits = &data["limits"];
    assert_eq!(number(&limits["max_pds"]), limit::MAX_PDS as u64);
    assert_eq!(number(&limits["max_channels_and_irqs"]), limit::MAX_CHANNELS as u64);
    assert_eq!(number(&limits["max_channel_id"]), limit::MAX_CHANNEL_ID);
    assert_eq!(number(&limits["max_vcpu_id"]), limit::MAX_VCPU_ID);
    assert_eq!(number(&limits["pd_name_length"]), limit::NAME_LENGTH as u64);
    assert_eq!(number(&limits["stack_default"]), limit::STACK_DEFAULT);
    assert_eq!(number(&limits["stack_min"]), limit::STACK_MIN);
    assert_eq!(number(&limits["stack_max"]), limit::STACK_MAX);
    assert_eq!(number(&limits["priority_max"]), limit::MAX_PRIORITY);
    assert_eq!(number(&limits["budget_default_us"]), limit::BUDGET_DEFAULT_US);
    assert_eq!(number(&data["image"]["load_address"]), microkit::IMAGE_LOAD_ADDRESS);
    assert_eq!(microkit::root_slot_cptr(1), 1 << 58);
}
