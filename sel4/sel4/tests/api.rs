//! The interface of rust-sel4 5.0 that programs may use: its items and methods by their names. This must compile; what a
//! method takes and gives is the business of the other tests.
#![allow(unused_imports, reason = "that they are there is what is tested")]

mod items {
    mod sel4 {
        pub use sel4::{
            AbsoluteCPtr, Badge, BootInfo, BootInfoExtra, BootInfoExtraId, BootInfoExtraIter, BootInfoPtr,
            CNodeCapData, CPtr, CPtrBits, CPtrWithDepth, CallWithMRs, Cap, CapFault, CapRights, CapRightsBuilder,
            CapType, CapTypeForFrameObject, CapTypeForFrameObjectOfFixedSize, CapTypeForObject,
            CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize, CapTypeForTranslationTableObject,
            ConveysReplyAuthority, DebugWrite, Error, FastMessages, Fault, FrameObjectType, HasCPtrWithDepth,
            ImplicitInvocationContext, InvocationContext, IpcBuffer, MessageInfo, MessageInfoBuilder,
            NUM_FAST_MESSAGE_REGISTERS, NUM_MESSAGE_REGISTERS, NoExplicitInvocationContext, NoInvocationContext,
            NullFault, ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArch, ObjectBlueprintArm,
            ObjectBlueprintSeL4Arch, ObjectType, ObjectTypeAArch64, ObjectTypeArch, ObjectTypeArm, ObjectTypeSeL4Arch,
            RecvWithMRs, ReplyAuthority, Result, TcbFlagsBuilder, Time, Timeout, TranslationTableObjectType,
            UnknownSyscall, UntypedDesc, UserContext, UserException, VCpuFault, VCpuReg, VGicMaintenance, VPpiEvent,
            VmAttributes, VmFault, WORD_SIZE, Word,
        };
    }
    #[cfg(sel4_debug)]
    mod sel4_debug {
        pub use sel4::DebugException;
    }
    mod sel4_cap {
        pub use sel4::cap::{
            AsidControl, AsidPool, CNode, DomainSet, Endpoint, Granule, HugePage, IrqControl, IrqHandler, LargePage,
            Notification, Null, PT, Reply, SchedContext, SchedControl, SmallPage, Tcb, Unspecified,
            UnspecifiedIntermediateTranslationTable, UnspecifiedPage, Untyped, VCpu, VSpace,
        };
    }
    mod sel4_cap_type {
        pub use sel4::cap_type::{
            AsidControl, AsidPool, CNode, DomainSet, Endpoint, Granule, HugePage, IrqControl, IrqHandler, LargePage,
            Notification, Null, PT, Reply, SchedContext, SchedControl, SmallPage, Tcb, Unspecified,
            UnspecifiedIntermediateTranslationTable, UnspecifiedPage, Untyped, VCpu, VSpace,
        };
    }
    mod sel4_init_thread {
        pub use sel4::init_thread::{Slot, SlotRegion};
    }
    mod sel4_init_thread_slot {
        pub use sel4::init_thread::slot::{
            ASID_CONTROL, ASID_POOL, BOOT_INFO_FRAME, CNODE, DOMAIN_SET, IO_PORT_CONTROL, IPC_BUFFER, IRQ_CONTROL,
            NULL, SC, SMC, TCB, VSPACE,
        };
    }
    mod sel4_vspace_levels {
        pub use sel4::vspace_levels::{HIGHEST_LEVEL_WITH_PAGE_ENTRIES, NUM_LEVELS};
    }
}

#[test]
fn methods_and_functions() {
    let _ = <sel4::AbsoluteCPtr>::copy;
    let _ = <sel4::AbsoluteCPtr>::delete;
    let _ = <sel4::AbsoluteCPtr>::into_root;
    let _ = <sel4::AbsoluteCPtr>::mint;
    let _ = <sel4::AbsoluteCPtr>::move_;
    let _ = <sel4::AbsoluteCPtr>::mutate;
    let _ = <sel4::AbsoluteCPtr>::new;
    let _ = <sel4::AbsoluteCPtr>::path;
    let _ = <sel4::AbsoluteCPtr>::revoke;
    let _ = <sel4::AbsoluteCPtr>::root;
    let _ = <sel4::AbsoluteCPtr>::without_context;
    let _ = <sel4::BootInfo>::device_untyped_range;
    let _ = <sel4::BootInfo>::empty;
    let _ = <sel4::BootInfo>::inner;
    let _ = <sel4::BootInfo>::ipc_buffer;
    let _ = <sel4::BootInfo>::kernel_untyped_range;
    let _ = <sel4::BootInfo>::sched_control;
    let _ = <sel4::BootInfo>::untyped;
    let _ = <sel4::BootInfo>::untyped_list;
    let _ = <sel4::BootInfo>::user_image_frames;
    let _ = <sel4::BootInfoExtra>::content;
    let _ = <sel4::BootInfoExtra>::content_with_header;
    let _ = <sel4::BootInfoPtr>::extra;
    let _ = <sel4::BootInfoPtr>::footprint_size;
    let _ = <sel4::BootInfoPtr>::new;
    let _ = <sel4::BootInfoPtr>::ptr;
    let _ = <sel4::CNodeCapData>::into_word;
    let _ = <sel4::CNodeCapData>::new;
    let _ = <sel4::CNodeCapData>::skip;
    let _ = <sel4::CNodeCapData>::skip_high_bits;
    let _ = <sel4::CPtr>::bits;
    let _ = <sel4::CPtr>::from_bits;
    let _ = <sel4::CPtrWithDepth>::bits;
    let _ = <sel4::CPtrWithDepth>::depth;
    let _ = <sel4::CPtrWithDepth>::empty;
    let _ = <sel4::CPtrWithDepth>::from_bits_with_depth;
    let _ = <sel4::cap::CNode>::absolute_cptr_for_self;
    let _ = <sel4::cap::CNode>::absolute_cptr_from_bits_with_depth;
    let _ = <sel4::cap::AsidControl>::asid_control_make_pool;
    let _ = <sel4::cap::AsidPool>::asid_pool_assign;
    let _ = <sel4::cap::Endpoint>::bits;
    let _ = <sel4::cap::Endpoint>::call;
    let _ = <sel4::cap::Endpoint>::cptr;
    let _ = <sel4::cap::DomainSet>::domain_set_schedule_configure;
    let _ = <sel4::cap::DomainSet>::domain_set_schedule_set_start;
    let _ = <sel4::cap::DomainSet>::domain_set_set;
    let _ = <sel4::cap::Granule>::frame_get_address;
    let _ = <sel4::cap::Granule>::frame_map;
    let _ = <sel4::cap::Granule>::frame_unmap;
    let _ = <sel4::cap::Endpoint>::from_bits;
    let _ = <sel4::cap::Endpoint>::from_cptr;
    let _ = <sel4::cap::UnspecifiedIntermediateTranslationTable>::generic_intermediate_translation_table_map;
    let _ = <sel4::cap::Endpoint>::into_invocation_context;
    let _ = <sel4::cap::IrqControl>::irq_control_get;
    let _ = <sel4::cap::IrqControl>::irq_control_get_trigger;
    let _ = <sel4::cap::IrqHandler>::irq_handler_ack;
    let _ = <sel4::cap::IrqHandler>::irq_handler_clear;
    let _ = <sel4::cap::IrqHandler>::irq_handler_set_notification;
    let _ = <sel4::cap::Endpoint>::nb_send;
    let _ = <sel4::cap::Notification>::poll;
    let _ = <sel4::cap::PT>::pt_map;
    let _ = <sel4::cap::SchedControl>::sched_control_configure_flags;
    let _ = <sel4::cap::Endpoint>::send;
    let _ = <sel4::cap::Notification>::signal;
    let _ = <sel4::cap::Tcb>::tcb_bind_notification;
    let _ = <sel4::cap::Tcb>::tcb_configure;
    let _ = <sel4::cap::Tcb>::tcb_read_all_registers;
    let _ = <sel4::cap::Tcb>::tcb_read_registers;
    let _ = <sel4::cap::Tcb>::tcb_resume;
    let _ = <sel4::cap::Tcb>::tcb_set_flags;
    let _ = <sel4::cap::Tcb>::tcb_set_mc_priority;
    let _ = <sel4::cap::Tcb>::tcb_set_priority;
    let _ = <sel4::cap::Tcb>::tcb_set_sched_params;
    let _ = <sel4::cap::Tcb>::tcb_set_space;
    let _ = <sel4::cap::Tcb>::tcb_set_timeout_endpoint;
    let _ = <sel4::cap::Tcb>::tcb_set_tls_base;
    let _ = <sel4::cap::Tcb>::tcb_suspend;
    let _ = <sel4::cap::Tcb>::tcb_unbind_notification;
    let _ = <sel4::cap::Tcb>::tcb_write_all_registers;
    let _ = <sel4::cap::Tcb>::tcb_write_registers;
    let _ = <sel4::cap::SchedContext>::unbind;
    let _ = <sel4::cap::Untyped>::untyped_retype;
    let _ = <sel4::cap::Endpoint>::upcast;
    let _ = <sel4::cap::VCpu>::vcpu_ack_vppi;
    let _ = <sel4::cap::VCpu>::vcpu_inject_irq;
    let _ = <sel4::cap::VCpu>::vcpu_set_tcb;
    let _ = <sel4::cap::Notification>::wait;
    let _ = <sel4::cap::Endpoint>::without_context;
    let _ = <sel4::CapRights>::all;
    let _ = <sel4::CapRights>::new;
    let _ = <sel4::CapRights>::none;
    let _ = <sel4::CapRights>::read_only;
    let _ = <sel4::CapRights>::read_write;
    let _ = <sel4::CapRights>::write_only;
    let _ = <sel4::CapRightsBuilder>::all;
    let _ = <sel4::CapRightsBuilder>::build;
    let _ = <sel4::CapRightsBuilder>::grant;
    let _ = <sel4::CapRightsBuilder>::grant_reply;
    let _ = <sel4::CapRightsBuilder>::none;
    let _ = <sel4::CapRightsBuilder>::read;
    let _ = <sel4::CapRightsBuilder>::write;
    let _ = <sel4::Error>::from_sys;
    let _ = <sel4::Error>::into_sys;
    let _ = <sel4::Fault>::new;
    let _ = <sel4::FrameObjectType>::bits;
    let _ = <sel4::FrameObjectType>::blueprint;
    let _ = <sel4::FrameObjectType>::bytes;
    let _ = <sel4::FrameObjectType>::from_bits;
    let _ = <sel4::ImplicitInvocationContext>::new;
    let _ = <sel4::IpcBuffer>::caps_or_badges;
    let _ = <sel4::IpcBuffer>::caps_or_badges_mut;
    let _ = <sel4::IpcBuffer>::msg_bytes;
    let _ = <sel4::IpcBuffer>::msg_bytes_mut;
    let _ = <sel4::IpcBuffer>::msg_regs;
    let _ = <sel4::IpcBuffer>::msg_regs_mut;
    let _ = <sel4::IpcBuffer>::recv_slot;
    let _ = <sel4::IpcBuffer>::set_recv_slot;
    let _ = <sel4::IpcBuffer>::set_user_data;
    let _ = <sel4::IpcBuffer>::user_data;
    let _ = <sel4::MessageInfo>::caps_unwrapped;
    let _ = <sel4::MessageInfo>::extra_caps;
    let _ = <sel4::MessageInfo>::label;
    let _ = <sel4::MessageInfo>::label_width;
    let _ = <sel4::MessageInfo>::length;
    let _ = <sel4::MessageInfo>::new;
    let _ = <sel4::MessageInfoBuilder>::build;
    let _ = <sel4::MessageInfoBuilder>::caps_unwrapped;
    let _ = <sel4::MessageInfoBuilder>::extra_caps;
    let _ = <sel4::MessageInfoBuilder>::label;
    let _ = <sel4::MessageInfoBuilder>::length;
    let _ = <sel4::NoInvocationContext>::new;
    let _ = <sel4::ObjectBlueprint>::api_size_bits;
    let _ = <sel4::ObjectBlueprint>::asid_pool;
    let _ = <sel4::ObjectBlueprint>::physical_size_bits;
    let _ = <sel4::ObjectBlueprint>::ty;
    let _ = <sel4::ObjectType>::into_sys;
    let _ = <sel4::TcbFlagsBuilder>::build;
    let _ = <sel4::TcbFlagsBuilder>::fpu_disabled;
    let _ = <sel4::TcbFlagsBuilder>::new;
    let _ = <sel4::TranslationTableObjectType>::blueprint;
    let _ = <sel4::TranslationTableObjectType>::from_level;
    let _ = <sel4::TranslationTableObjectType>::index_bits;
    let _ = <sel4::UnknownSyscall>::fault_ip;
    let _ = <sel4::UnknownSyscall>::gpr;
    let _ = <sel4::UnknownSyscall>::lr;
    let _ = <sel4::UnknownSyscall>::sp;
    let _ = <sel4::UnknownSyscall>::spsr;
    let _ = <sel4::UnknownSyscall>::syscall;
    let _ = <sel4::UntypedDesc>::is_device;
    let _ = <sel4::UntypedDesc>::paddr;
    let _ = <sel4::UntypedDesc>::size_bits;
    let _ = <sel4::UserContext>::c_param;
    let _ = <sel4::UserContext>::c_param_mut;
    let _ = <sel4::UserContext>::gpr;
    let _ = <sel4::UserContext>::gpr_mut;
    let _ = <sel4::UserContext>::from_inner;
    let _ = <sel4::UserContext>::inner;
    let _ = <sel4::UserContext>::inner_mut;
    let _ = <sel4::UserContext>::into_inner;
    let _ = <sel4::UserContext>::pc;
    let _ = <sel4::UserContext>::pc_mut;
    let _ = <sel4::UserContext>::sp;
    let _ = <sel4::UserContext>::sp_mut;
    let _ = <sel4::UserContext>::spsr;
    let _ = <sel4::UserContext>::spsr_mut;
    let _ = <sel4::VCpuFault>::hsr;
    let _ = <sel4::VCpuReg>::into_sys;
    let _ = <sel4::VGicMaintenance>::idx;
    let _ = <sel4::VPpiEvent>::irq;
    let _ = <sel4::VmAttributes>::from_inner;
    let _ = <sel4::VmAttributes>::has;
    let _ = sel4::BootInfoExtraId::from_sys;
    let _ = <sel4::VmAttributes>::into_inner;
    let _ = <sel4::CapFault>::inner;
    let _ = <sel4::UserException>::inner;
    let _ = <sel4::VmFault>::from_inner;
    let _ = <sel4::VmFault>::addr;
    let _ = <sel4::VmFault>::fsr;
    let _ = <sel4::VmFault>::ip;
    let _ = <sel4::VmFault>::is_prefetch;
    let _ = sel4::debug_put_char;
    let _ = <sel4::init_thread::Slot>::cap;
    let _ = <sel4::init_thread::Slot>::cptr;
    let _ = <sel4::init_thread::Slot>::cptr_bits;
    let _ = <sel4::init_thread::Slot>::from_index;
    let _ = <sel4::init_thread::Slot>::index;
    let _ = <sel4::init_thread::Slot>::upcast;
    let _ = <sel4::init_thread::SlotRegion<sel4::cap_type::Tcb>>::end;
    let _ = <sel4::init_thread::SlotRegion<sel4::cap_type::Tcb>>::index;
    let _ = <sel4::init_thread::SlotRegion<sel4::cap_type::Tcb>>::len;
    let _ = <sel4::init_thread::SlotRegion<sel4::cap_type::Tcb>>::range;
    let _ = <sel4::init_thread::SlotRegion<sel4::cap_type::Tcb>>::start;
    let _ = sel4::ipc_buffer_is_thread_local;
    let _ = sel4::set_ipc_buffer;
    let _ = sel4::vspace_levels::span_bits;
    let _ = sel4::vspace_levels::step_bits;
    let _ = |cptr: sel4::CPtr| cptr.cast::<sel4::cap_type::Tcb>();
    let _ = |root: sel4::cap::CNode, cap: sel4::cap::Tcb| root.absolute_cptr(cap);
    let _ = || sel4::with_ipc_buffer(|buffer| buffer.msg_regs().len());
    let _ = || sel4::with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut().len());
    let _ = sel4::r#yield;
    let _ = sel4::init_thread::suspend_self::<()>;
    let _ =
        |cap: sel4::cap::VCpu| (cap.vcpu_read_regs(sel4::VCpuReg::SCTLR), cap.vcpu_write_regs(sel4::VCpuReg::TCR, 0));
    let _ = |cap: sel4::cap::Endpoint, reply: sel4::cap::Reply| (cap.recv(reply), cap.nb_recv(reply));
    let _ = |cap: sel4::cap::Endpoint, reply: sel4::cap::Reply| cap.recv_with_mrs(reply).msg;
    let _ = |cap: sel4::cap::Endpoint, info, reply: sel4::cap::Reply| {
        (cap.reply_recv(info, reply), cap.nb_send_recv(info, cap, reply))
    };
    let _ = |cap: sel4::cap::Unspecified| cap.cast::<sel4::cap_type::Tcb>().upcast().downcast::<sel4::cap_type::Tcb>();
    let _ = |cap: sel4::cap::Endpoint, info| (cap.send_with_mrs(info, [1]), cap.call_with_mrs(info, [1, 2]).msg);
}

/// Types around the bindings' show them, and the bindings' fields have C's names.
#[test]
fn inner_types() {
    macro_rules! inner {
        ($($t:ident = $inner:ident),*) => {
            $(
                let _ = |inner: sel4::sys::$inner| -> sel4::sys::$inner { sel4::$t::from_inner(inner).into_inner() };
                let _: fn(&sel4::$t) -> &sel4::sys::$inner = sel4::$t::inner;
                let _: fn(&mut sel4::$t) -> &mut sel4::sys::$inner = sel4::$t::inner_mut;
            )*
        };
    }
    inner!(
        MessageInfo = seL4_MessageInfo,
        CapRights = seL4_CapRights,
        CNodeCapData = seL4_CNode_CapData,
        IpcBuffer = seL4_IPCBuffer,
        BootInfo = seL4_BootInfo,
        UntypedDesc = seL4_UntypedDesc,
        UserContext = seL4_UserContext
    );
    let _ = (sel4::VmAttributes::inner, sel4::VmAttributes::inner_mut);
    let mut buffer = sel4::IpcBuffer::default();
    buffer.inner_mut().userData = 5;
    buffer.inner_mut().tag = sel4::MessageInfo::new(3, 0, 0, 1).into_inner();
    assert_eq!((buffer.user_data(), buffer.inner().tag.get_label()), (5, 3));
    let rights: sel4::sys::seL4_CapRights_t = sel4::CapRights::read_only().into_inner();
    assert_eq!((rights.get_capAllowRead(), rights.get_capAllowWrite()), (1, 0));
    assert_eq!(sel4::CNodeCapData::new(1, 6).inner().unpack().guardSize, 6);
}

#[cfg(sel4_debug)]
#[test]
fn debug_configuration() {
    let _ = |cap: sel4::cap::Tcb| (cap.debug_identify(), cap.debug_name(b"name"));
    let _ = (sel4::debug_halt, sel4::debug_snapshot, sel4::debug_dump_scheduler);
}
