//! What each system call and invocation puts into registers and IPC buffer, and takes from them, seen from the
//! kernel's side. Labels and layouts: libsel4's interface files.

use std::cell::RefCell;

use proptest::prelude::*;
use sel4::abi::label::InvocationLabel;
use sel4::abi::syscall::Syscall;
use sel4::*;

/// A message as the kernel sees it.
#[derive(Debug, PartialEq)]
struct Seen {
    syscall: Syscall,
    service: Word,
    label: Word,
    caps: Vec<Word>,
    words: Vec<Word>,
}

/// Runs `body` against a kernel that answers with `label` and `answer`; what the kernel saw, what `body` returned.
fn exchange<R>(label: Word, answer: &[Word], body: impl FnOnce(&mut IpcBuffer) -> R) -> (Seen, R) {
    let seen = RefCell::new(None);
    let mut buffer = IpcBuffer::default();
    let kernel = |registers: &mut host::Registers, buffer: &mut IpcBuffer| {
        let info = abi::message::MessageInfo(registers.x[1]);
        let fast = info.length().min(4);
        let mut words = registers.x[2..2 + fast].to_vec();
        words.extend(&buffer.msg_regs()[fast..info.length()]);
        let previous = seen.replace(Some(Seen {
            syscall: registers.syscall().expect("a system call"),
            service: registers.x[0],
            label: info.label(),
            caps: buffer.caps_or_badges()[..info.extra_caps()].to_vec(),
            words,
        }));
        assert_eq!(previous, None, "one system call");
        buffer.msg_regs_mut()[..answer.len()].copy_from_slice(answer);
        registers.x[2..6].copy_from_slice(&[answer, &[0; 4]].concat()[..4]);
        registers.x[1] = MessageInfo::new(label, 0, 0, answer.len()).into_word();
    };
    let result = host::with_kernel(kernel, || body(&mut buffer));
    (seen.take().expect("a system call"), result)
}

/// Asserts what an invocation sends and that its answer is what the kernel says.
macro_rules! sends {
    ($cap:expr, $method:ident($($arg:expr),*) => $label:ident, $caps:expr, $words:expr) => {{
        let cap = $cap;
        let (seen, result) = exchange(0, &[], |buffer| cap.clone().with(buffer).$method($($arg),*));
        result.expect("the kernel agreed");
        let label = InvocationLabel::$label as Word;
        let (caps, words) = (Vec::<Word>::from($caps), Vec::<Word>::from($words));
        assert_eq!(seen, Seen { syscall: Syscall::Call, service: SERVICE, label, caps, words });
        let (_, result) = exchange(8, &[], |buffer| cap.with(buffer).$method($($arg),*));
        assert_eq!(result.err(), Some(Error::DeleteFirst));
    }};
}

const SERVICE: Word = 0x11;

fn service<T: CapType>() -> Cap<T> {
    Cap::from_bits(SERVICE)
}

fn slot(root: Word, index: Word, depth: usize) -> AbsoluteCPtr {
    cap::CNode::from_bits(root).absolute_cptr_from_bits_with_depth(index, depth)
}

#[test]
fn untyped() {
    let dst = slot(2, 0, 0);
    let blueprint = ObjectBlueprint::CNode { size_bits: 9 };
    sends!(service::<cap_type::Untyped>(), untyped_retype(&blueprint, &dst, 100, 7) =>
        UntypedRetype, [2], [4, 9, 0, 0, 100, 7]);
    sends!(service::<cap_type::Untyped>(), untyped_retype(&FrameObjectType::LargePage.blueprint(), &dst, 1, 1) =>
        UntypedRetype, [2], [10, 0, 0, 0, 1, 1]);
}

#[test]
fn cnode() {
    let here = slot(SERVICE, 5, 64);
    let src = slot(3, 6, 9);
    sends!(here, revoke() => CNodeRevoke, [], [5, 64]);
    sends!(here, delete() => CNodeDelete, [], [5, 64]);
    sends!(here, cancel_badged_sends() => CNodeCancelBadgedSends, [], [5, 64]);
    sends!(here, copy(&src, CapRights::read_only()) => CNodeCopy, [3], [5, 64, 6, 9, 2]);
    sends!(here, mint(&src, CapRights::all(), 77) => CNodeMint, [3], [5, 64, 6, 9, 15, 77]);
    sends!(here, move_(&src) => CNodeMove, [3], [5, 64, 6, 9]);
    sends!(here, mutate(&src, 77) => CNodeMutate, [3], [5, 64, 6, 9, 77]);
    let (pivot, guard) = (slot(4, 8, 10), CNodeCapData::new(1, 2));
    sends!(here, rotate(guard, &pivot, CNodeCapData::skip(3), &src) =>
        CNodeRotate, [4, 3], [5, 64, 1 << 6 | 2, 8, 10, 3, 6, 9]);
}

#[test]
fn tcb_invocations() {
    let tcb = service::<cap_type::Tcb>();
    let other = cap::Tcb::from_bits(21);
    let (cnode, vspace, frame) = (Cap::from_bits(31), Cap::from_bits(32), Cap::from_bits(33));
    sends!(tcb, tcb_resume() => TCBResume, [], []);
    sends!(tcb, tcb_suspend() => TCBSuspend, [], []);
    sends!(tcb, tcb_set_priority(other, 254) => TCBSetPriority, [21], [254]);
    sends!(tcb, tcb_set_mc_priority(other, 254) => TCBSetMCPriority, [21], [254]);
    sends!(tcb, tcb_set_sched_params(other, 1, 2, Cap::from_bits(22), Cap::from_bits(23)) =>
        TCBSetSchedParams, [21, 22, 23], [1, 2]);
    sends!(tcb, tcb_set_timeout_endpoint(Cap::from_bits(23)) => TCBSetTimeoutEndpoint, [23], []);
    sends!(tcb, tcb_configure(cnode, CNodeCapData::skip(52), vspace, 0x1000, frame) =>
        TCBConfigure, [31, 32, 33], [52, 0, 0x1000]);
    sends!(tcb, tcb_set_space(CPtr::from_bits(23), cnode, CNodeCapData::skip(52), vspace) =>
        TCBSetSpace, [23, 31, 32], [52, 0]);
    sends!(tcb, tcb_set_ipc_buffer(0x1000, frame) => TCBSetIPCBuffer, [33], [0x1000]);
    sends!(tcb, tcb_set_tls_base(0x2000) => TCBSetTLSBase, [], [0x2000]);
    sends!(tcb, tcb_bind_notification(Cap::from_bits(24)) => TCBBindNotification, [24], []);
    sends!(tcb, tcb_unbind_notification() => TCBUnbindNotification, [], []);
    sends!(tcb, tcb_set_flags(0, TcbFlagsBuilder::new().fpu_disabled(true).build()) => TCBSetFlags, [], [0, 1]);
    let what = CopyRegisters { transfer_frame: true, resume_target: true, ..Default::default() };
    sends!(tcb, tcb_copy_registers(other, what) => TCBCopyRegisters, [21], [0b0110]);
}

#[test]
fn time() {
    let context = service::<cap_type::SchedContext>();
    sends!(service::<cap_type::SchedControl>(),
        sched_control_configure_flags(Cap::from_bits(9), 1000, 5000, 8, 7, 1) =>
        SchedControlConfigureFlags, [9], [1000, 5000, 8, 7, 1]);
    sends!(context, unbind() => SchedContextUnbind, [], []);
    sends!(context, bind(cap::Notification::from_bits(24)) => SchedContextBind, [24], []);
    sends!(context, unbind_object(cap::Tcb::from_bits(21)) => SchedContextUnbindObject, [21], []);
    sends!(context, consumed() => SchedContextConsumed, [], []);
    sends!(context, yield_to() => SchedContextYieldTo, [], []);
    let (_, consumed) = exchange(0, &[1234], |buffer| context.with(buffer).consumed());
    assert_eq!(consumed, Ok(1234));
    let domains = service::<cap_type::DomainSet>();
    sends!(domains, domain_set_set(3, Cap::from_bits(21)) => DomainSetSet, [21], [3]);
    sends!(domains, domain_set_schedule_configure(1, 3, 500) => DomainScheduleConfigure, [], [1, 3, 500]);
    sends!(domains, domain_set_schedule_set_start(1) => DomainScheduleSetStart, [], [1]);
}

#[test]
fn interrupts() {
    let control = service::<cap_type::IrqControl>();
    let dst = slot(2, 40, 64);
    sends!(control, irq_control_get(34, &dst) => IRQIssueIRQHandler, [2], [34, 40, 64]);
    sends!(control, irq_control_get_trigger(34, true, &dst) => ARMIRQIssueIRQHandlerTrigger, [2], [34, 1, 40, 64]);
    #[cfg(not(sel4_smp))]
    sends!(control, irq_control_issue_sgi_signal(3, 1, &dst) => ARMIRQIssueSGISignal, [2], [3, 1, 40, 64]);
    let handler = service::<cap_type::IrqHandler>();
    sends!(handler, irq_handler_ack() => IRQAckIRQ, [], []);
    sends!(handler, irq_handler_set_notification(Cap::from_bits(24)) => IRQSetIRQHandler, [24], []);
    sends!(handler, irq_handler_set_vcpu(Cap::from_bits(25)) => IRQSetIRQHandler, [25], []);
    sends!(handler, irq_handler_clear() => IRQClearIRQHandler, [], []);
}

#[test]
fn address_spaces() {
    let frame = service::<cap_type::LargePage>();
    let (vspace, attrs) = (cap::VSpace::from_bits(32), VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER);
    sends!(frame, frame_map(vspace, 0x20_0000, CapRights::read_write(), attrs) =>
        ARMPageMap, [32], [0x20_0000, 3, 7]);
    sends!(frame, frame_unmap() => ARMPageUnmap, [], []);
    sends!(frame, frame_get_address() => ARMPageGetAddress, [], []);
    sends!(frame, frame_clean_data(1, 2) => ARMPageClean_Data, [], [1, 2]);
    sends!(frame, frame_invalidate_data(1, 2) => ARMPageInvalidate_Data, [], [1, 2]);
    sends!(frame, frame_clean_invalidate_data(1, 2) => ARMPageCleanInvalidate_Data, [], [1, 2]);
    sends!(frame, frame_unify_instruction(1, 2) => ARMPageUnify_Instruction, [], [1, 2]);
    let (_, address) = exchange(0, &[0x6000_0000], |buffer| frame.with(buffer).frame_get_address());
    assert_eq!(address, Ok(0x6000_0000));

    let table = service::<cap_type::PT>();
    sends!(table, pt_map(vspace, 0x20_0000, attrs) => ARMPageTableMap, [32], [0x20_0000, 7]);
    sends!(table, pt_unmap() => ARMPageTableUnmap, [], []);
    let top = service::<cap_type::VSpace>();
    sends!(top, vspace_clean_data(1, 2) => ARMVSpaceClean_Data, [], [1, 2]);
    sends!(top, vspace_invalidate_data(1, 2) => ARMVSpaceInvalidate_Data, [], [1, 2]);
    sends!(top, vspace_clean_invalidate_data(1, 2) => ARMVSpaceCleanInvalidate_Data, [], [1, 2]);
    sends!(top, vspace_unify_instruction(1, 2) => ARMVSpaceUnify_Instruction, [], [1, 2]);
    sends!(service::<cap_type::AsidControl>(), asid_control_make_pool(Cap::from_bits(50), &slot(2, 40, 64)) =>
        ARMASIDControlMakePool, [50, 2], [40, 64]);
    sends!(service::<cap_type::AsidPool>(), asid_pool_assign(vspace) => ARMASIDPoolAssign, [32], []);
}

#[test]
fn virtual_cpus() {
    let vcpu = service::<cap_type::VCpu>();
    sends!(vcpu, vcpu_set_tcb(Cap::from_bits(21)) => ARMVCPUSetTCB, [21], []);
    sends!(vcpu, vcpu_ack_vppi(27) => ARMVCPUAckVPPI, [], [27]);
    sends!(vcpu, vcpu_inject_irq(0x1234, 0x56, 0x78, 0x9a) => ARMVCPUInjectIRQ, [], [0x9a << 32 | 0x7856_1234]);
    sends!(vcpu, vcpu_read_regs(VCpuReg::VBAR) => ARMVCPUReadReg, [], [14]);
    sends!(vcpu, vcpu_write_regs(VCpuReg::SCTLR, 5) => ARMVCPUWriteReg, [], [0, 5]);
    sends!(vcpu, vcpu_write_regs(quoll::VCpuReg::ListRegister(2), 5) => ARMVCPUWriteReg, [], [0x1102, 5]);
    sends!(vcpu, vcpu_write_regs(quoll::VCpuReg::MailboxListRegister(2), 5) => ARMVCPUWriteReg, [], [0x1202, 5]);
    let word = quoll::VCpuReg::MailboxWord { slot: 63, word: 2 };
    sends!(vcpu, vcpu_write_regs(word, 5) => ARMVCPUWriteReg, [], [0x13fe, 5]);
    let (_, info) = exchange(0, &[0x0005_0402], |buffer| vcpu.with(buffer).vcpu_read_regs(quoll::VCpuReg::GicInfo));
    assert_eq!(info.map(|word| quoll::GicInfo::from_word(word).list_registers()), Ok(4));
}

#[test]
fn ports() {
    let port = service::<quoll::cap_type::Port>();
    let seen = |label, words: &[Word]| Seen {
        syscall: Syscall::Call,
        service: SERVICE,
        label,
        caps: Vec::new(),
        words: words.to_vec(),
    };
    let (sent, result) = exchange(0, &[], |buffer| port.with(buffer).port_send([1, 2, 3]));
    assert_eq!((sent, result), (seen(abi::quoll::port::SEND, &[1, 2, 3]), Ok(())));
    let (sent, result) = exchange(8, &[], |buffer| port.with(buffer).port_signal());
    assert_eq!((sent, result), (seen(abi::quoll::port::SIGNAL, &[]), Err(Error::DeleteFirst)));
}

#[test]
fn firmware() {
    let args = SmcContext([1, 2, 3, 4, 5, 6, 7, 8]);
    sends!(service::<cap_type::Smc>(), smc_call(&args) => ARMSMCCall, [], args.0);
    let (_, answer) = exchange(0, &[11, 12, 13, 14, 15, 16, 17, 18], |buffer| {
        service::<cap_type::Smc>().with(buffer).smc_call(&args)
    });
    assert_eq!(answer, Ok(SmcContext([11, 12, 13, 14, 15, 16, 17, 18])));
}

#[test]
fn an_invocation_leaves_the_callers_message_alone() {
    let mut buffer = IpcBuffer::default();
    buffer.msg_regs_mut()[..4].copy_from_slice(&[1, 2, 3, 4]);
    host::with_kernel(
        |registers, _| registers.x[1..6].copy_from_slice(&[0, 9, 9, 9, 9]),
        || service::<cap_type::VCpu>().with(&mut buffer).vcpu_ack_vppi(27).expect("the kernel agreed"),
    );
    assert_eq!(buffer.msg_regs()[..4], [1, 2, 3, 4]);
}

#[test]
fn signal_wait_poll() {
    let notification = service::<cap_type::Notification>();
    let (seen, ()) = exchange(0, &[], |buffer| notification.with(buffer).signal());
    assert_eq!((seen.syscall, seen.service, seen.words.len()), (Syscall::Send, SERVICE, 0));
    let mut buffer = IpcBuffer::default();
    for (expected, poll) in [(Syscall::Wait, false), (Syscall::NBWait, true)] {
        let kernel = |registers: &mut host::Registers, _: &mut IpcBuffer| {
            assert_eq!(registers.syscall(), Some(expected));
            registers.x[0] = 0b101;
        };
        let (_, badge) = host::with_kernel(kernel, || {
            let notification = notification.with(&mut buffer);
            if poll { notification.poll() } else { notification.wait() }
        });
        assert_eq!(badge, 0b101);
    }
}

#[test]
fn each_destination_in_its_register() {
    let mut buffer = IpcBuffer::default();
    let (src, reply) = (cap::Endpoint::from_bits(1), cap::Reply::from_bits(4));
    let send_recv = |registers: &mut host::Registers, _: &mut IpcBuffer| {
        assert_eq!(registers.syscall(), Some(Syscall::NBSendRecv));
        assert_eq!((registers.x[0], registers.x[6], registers.x[8]), (1, 4, SERVICE));
    };
    let info = MessageInfo::default();
    host::with_kernel(send_recv, || service::<cap_type::Endpoint>().with(&mut buffer).nb_send_recv(info, src, reply));
    let send_wait = |registers: &mut host::Registers, _: &mut IpcBuffer| {
        assert_eq!(registers.syscall(), Some(Syscall::NBSendWait));
        assert_eq!((registers.x[0], registers.x[6]), (1, SERVICE));
    };
    host::with_kernel(send_wait, || service::<cap_type::Endpoint>().with(&mut buffer).nb_send_wait(info, src));
    let reply_recv = |registers: &mut host::Registers, _: &mut IpcBuffer| {
        assert_eq!(registers.syscall(), Some(Syscall::ReplyRecv));
        assert_eq!((registers.x[0], registers.x[6]), (SERVICE, 4));
    };
    host::with_kernel(reply_recv, || service::<cap_type::Endpoint>().with(&mut buffer).reply_recv(info, reply));
}

proptest! {
    #[test]
    fn a_call_carries_its_message_both_ways(
        label in 0..1u64 << 52,
        sent in prop::collection::vec(any::<Word>(), 0..=NUM_MESSAGE_REGISTERS),
        answer_label in 0..1u64 << 52,
        answer in prop::collection::vec(any::<Word>(), 0..=NUM_MESSAGE_REGISTERS),
    ) {
        let (seen, (info, received)) = exchange(answer_label, &answer, |buffer| {
            buffer.msg_regs_mut()[..sent.len()].copy_from_slice(&sent);
            let info = service::<cap_type::Endpoint>().with(&mut *buffer).call(MessageInfo::new(label, 0, 0, sent.len()));
            (info, buffer.msg_regs()[..info.length()].to_vec())
        });
        prop_assert_eq!((seen.label, seen.words), (label, sent));
        prop_assert_eq!((info.label(), received), (answer_label, answer));
    }

    #[test]
    fn registers_survive_a_write_and_a_read(words in prop::collection::vec(any::<Word>(), 36), count in 0..=36usize) {
        let mut regs = UserContext::default();
        regs.as_words_mut().copy_from_slice(&words);
        let tcb = service::<cap_type::Tcb>();
        let (seen, result) = exchange(0, &[], |buffer| {
            tcb.with(buffer).tcb_write_registers(true, count as Word, &mut regs)
        });
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(seen.label, InvocationLabel::TCBWriteRegisters as Word);
        prop_assert_eq!(&seen.words[..2], &[1, count as Word]);
        prop_assert_eq!(&seen.words[2..], &words[..count]);

        let (seen, read) = exchange(0, &words[..count], |buffer| {
            tcb.with(buffer).tcb_read_registers(true, count as Word)
        });
        prop_assert_eq!(seen.words, [1, count as Word]);
        let read = read.expect("the kernel agreed");
        prop_assert_eq!(&read.as_words()[..count], &words[..count]);
        prop_assert!(read.as_words()[count..].iter().all(|word| *word == 0));
    }

    #[test]
    fn messages_in_registers_only(words in prop::collection::vec(any::<Word>(), 0..=4)) {
        let info = MessageInfo::new(1, 0, 0, words.len());
        let (seen, call) = exchange(2, &[5, 6], |buffer| {
            service::<cap_type::Endpoint>().with(buffer).call_with_mrs(info, &words[..])
        });
        prop_assert_eq!(seen.words, words);
        prop_assert_eq!((call.info.label(), call.msg), (2, [5, 6, 0, 0]));
    }
}
