//! The event loop and channels as the kernel sees them: which system calls, in which order, with which capabilities.

use std::cell::RefCell;
use std::collections::VecDeque;

use sel4::abi::label::InvocationLabel;
use sel4::abi::syscall::Syscall;
use sel4::{IpcBuffer, Word, host};
use sel4_microkit::host::{Symbols, set_symbols};
use sel4_microkit::*;

/// Capability slots, by their names in libmicrokit.
const INPUT: Word = 1;
const REPLY: Word = 4;
const MONITOR_EP: Word = 5;
const BASE_OUTPUT_NOTIFICATION: Word = 10;
const BASE_ENDPOINT: Word = 74;
const BASE_IRQ: Word = 138;
const BASE_TCB: Word = 202;
const BASE_VM_TCB: Word = 266;
const BASE_VCPU: Word = 330;

/// A system call: number, x0, label, x6 (reply or 0), x8 (destination of a send or 0).
type Call = (Syscall, Word, Word, Word, Word);

/// A PD that does what its script says and ends by an error when there is no more to receive.
#[derive(Default)]
struct Scripted {
    answer: Option<MessageInfo>,
    deferred: DeferredActionSlot,
    defer: Option<DeferredAction>,
    seen: Vec<String>,
}

impl Handler for Scripted {
    type Error = String;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), String> {
        if channels.contains(END) {
            return Err(self.seen.join("; "));
        }
        self.seen.push(format!("notified {}", channels.display()));
        self.act()
    }

    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, String> {
        self.seen.push(format!("protected {} label {} mr1 {}", channel.index(), msg_info.label(), get_mr(1)));
        set_mr(1, get_mr(1) + 1);
        self.act()?;
        Ok(self.answer.unwrap_or_default())
    }

    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, String> {
        let sel4::Fault::VmFault(fault) = msg_info.fault() else { return Err("another fault".into()) };
        self.seen.push(format!("fault {} at {:#x}", child.index(), fault.addr()));
        self.act()?;
        Ok(self.answer)
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}

impl Scripted {
    fn act(&mut self) -> Result<(), String> {
        self.defer.map_or(Ok(()), |action| self.deferred.defer(action)).map_err(|error| error.to_string())
    }
}

const END: Channel = Channel::new(61);

/// What the kernel delivers: badge, label, message.
type Delivery = (Word, Word, &'static [Word]);

/// Runs a handler until the deliveries are used up; the system calls, what the handler saw, and its last message
/// register 1.
fn run(handler: Scripted, deliveries: &[Delivery]) -> (Vec<Call>, String, Word) {
    let calls = RefCell::new(Vec::new());
    let mut queue: VecDeque<Delivery> = deliveries.iter().copied().collect();
    sel4::set_ipc_buffer(Box::leak(Box::default()));
    let mr1 = RefCell::new(0);
    let kernel = |registers: &mut host::Registers, buffer: &mut IpcBuffer| {
        let call = registers.syscall().expect("a system call");
        let label = registers.x[1] >> 12;
        calls.borrow_mut().push((call, registers.x[0], label, registers.x[6], registers.x[8]));
        match call {
            Syscall::Send => {}
            // An invocation that the kernel grants.
            Syscall::Call => registers.x[1] = 0,
            _ => {
                if call == Syscall::ReplyRecv {
                    *mr1.borrow_mut() = registers.x[3];
                }
                let (badge, label, message) = queue.pop_front().unwrap_or((1 << END.index(), 0, &[]));
                registers.x[0] = badge;
                registers.x[1] = sel4::MessageInfo::new(label, 0, 0, message.len()).into_word();
                buffer.msg_regs_mut()[..message.len()].copy_from_slice(message);
                registers.x[2..6].copy_from_slice(&[message, &[0; 4]].concat()[..4]);
            }
        }
    };
    let mut handler = handler;
    let end = host::with_kernel(kernel, || handler.run().map(|_| ()).expect_err("the end"));
    (calls.into_inner(), end, mr1.into_inner())
}

const RECV: Call = (Syscall::Recv, INPUT, 0, REPLY, 0);
const REPLY_RECV: Call = (Syscall::ReplyRecv, INPUT, 0, REPLY, 0);

#[test]
fn notifications() {
    let (calls, seen, _) = run(Scripted::default(), &[(0b101, 0, &[]), (0b10, 0, &[])]);
    assert_eq!(calls, [RECV, RECV, RECV]);
    assert_eq!(seen, "notified {0, 2}; notified {1}");
}

#[test]
fn a_protected_call_is_answered_with_the_message_registers() {
    let handler = Scripted { answer: Some(MessageInfo::new(9, 2)), ..Default::default() };
    let (calls, seen, mr1) = run(handler, &[(1 << 63 | 3, 7, &[40, 41])]);
    assert_eq!(calls, [RECV, (Syscall::ReplyRecv, INPUT, 9, REPLY, 0)]);
    assert_eq!((seen.as_str(), mr1), ("protected 3 label 7 mr1 41", 42));
}

#[test]
fn who_called_a_former_life_is_answered_first() {
    set_symbols(Symbols { life: 3, ..Default::default() });
    let (calls, ..) = run(Scripted::default(), &[(1, 0, &[])]);
    let lost = (Syscall::ReplyRecv, INPUT, sel4::abi::quoll::reload::LOST_CALL, REPLY, 0);
    assert_eq!(calls, [lost, RECV]);
}

#[test]
fn a_fault_is_answered_or_not() {
    let fault: Delivery = (1 << 62 | 5, 6, &[0x1000, 0xdead_0000, 0, 0x9200_0046]);
    let (calls, seen, _) = run(Scripted::default(), &[fault]);
    assert_eq!((calls, seen.as_str()), (vec![RECV, RECV], "fault 5 at 0xdead0000"));
    let handler = Scripted { answer: Some(MessageInfo::default()), ..Default::default() };
    assert_eq!(run(handler, &[fault]).0, [RECV, REPLY_RECV]);
}

#[test]
fn a_deferred_action_rides_on_the_receive() {
    set_symbols(Symbols { irqs: 1 << 4, ..Default::default() });
    let ack = (Syscall::Call, BASE_IRQ + 4, InvocationLabel::IRQAckIRQ as Word, 0, 0);
    let notify = DeferredAction::new_notify(Channel::new(2));
    let (calls, ..) = run(Scripted { defer: Some(notify), ..Default::default() }, &[(1, 0, &[])]);
    assert_eq!(calls, [ack, RECV, (Syscall::NBSendRecv, INPUT, 0, REPLY, BASE_OUTPUT_NOTIFICATION + 2)]);

    let irq_ack = DeferredAction::new_irq_ack(Channel::new(4));
    let (calls, ..) = run(Scripted { defer: Some(irq_ack), ..Default::default() }, &[(1 << 4, 0, &[])]);
    let expected = (Syscall::NBSendRecv, INPUT, InvocationLabel::IRQAckIRQ as Word, REPLY, BASE_IRQ + 4);
    assert_eq!(calls, [ack, RECV, expected]);
}

#[test]
fn a_deferred_action_before_an_answer_leaves_the_answer_alone() {
    let notify = DeferredAction::new_notify(Channel::new(2));
    let handler = Scripted { defer: Some(notify), ..Default::default() };
    let (calls, _, mr1) = run(handler, &[(1 << 63 | 3, 7, &[40, 41])]);
    assert_eq!(calls, [RECV, (Syscall::Send, BASE_OUTPUT_NOTIFICATION + 2, 0, 0, 0), REPLY_RECV]);
    assert_eq!(mr1, 42);
}

#[test]
fn the_slot_holds_one_action() {
    let calls = RefCell::new(Vec::new());
    sel4::set_ipc_buffer(Box::leak(Box::default()));
    host::with_kernel(
        |registers, _| calls.borrow_mut().push(registers.x[0]),
        || {
            let mut slot = DeferredActionSlot::new();
            slot.defer_notify(Channel::new(1)).expect("a notification");
            slot.defer_notify(Channel::new(2)).expect("a notification");
            assert_eq!(slot.take(), Some(DeferredAction::new_notify(Channel::new(2))));
            assert_eq!(slot.take(), None);
        },
    );
    assert_eq!(calls.into_inner(), [BASE_OUTPUT_NOTIFICATION + 1]);
}

#[test]
fn a_passive_server_gives_its_time_away_with_its_first_receive() {
    set_symbols(Symbols { passive: true, irqs: 0b11, ..Default::default() });
    let (calls, ..) = run(Scripted::default(), &[]);
    let ack = |irq| (Syscall::Call, BASE_IRQ + irq, InvocationLabel::IRQAckIRQ as Word, 0, 0);
    assert_eq!(calls, [ack(0), ack(1), (Syscall::NBSendRecv, INPUT, 0, REPLY, MONITOR_EP)]);
}

/// The system calls of `body`, which the kernel grants.
fn calls_of(body: impl FnOnce()) -> Vec<(Syscall, Word, Word)> {
    let calls = RefCell::new(Vec::new());
    sel4::set_ipc_buffer(Box::leak(Box::default()));
    let kernel = |registers: &mut host::Registers, _: &mut IpcBuffer| {
        calls.borrow_mut().push((registers.syscall().expect("a system call"), registers.x[0], registers.x[1] >> 12));
        registers.x[1] = 0;
    };
    host::with_kernel(kernel, body);
    calls.into_inner()
}

#[test]
fn channels_name_their_capabilities() {
    set_symbols(Symbols { irqs: 1 << 7, ..Default::default() });
    let channel = Channel::new(7);
    let calls = calls_of(|| {
        channel.notify();
        channel.irq_ack().expect("the kernel agreed");
        channel.pp_call(MessageInfo::new(3, 0));
    });
    let expected = [
        (Syscall::Send, BASE_OUTPUT_NOTIFICATION + 7, 0),
        (Syscall::Call, BASE_IRQ + 7, InvocationLabel::IRQAckIRQ as Word),
        (Syscall::Call, BASE_ENDPOINT + 7, 3),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn children_name_their_capabilities() {
    let child = Child::new(2);
    let calls = calls_of(|| {
        child.pd_restart(0x20_0000).expect("the kernel agreed");
        child.pd_stop().expect("the kernel agreed");
        child.vcpu_restart(0x4000_0000).expect("the kernel agreed");
        child.vcpu_ack_vppi(27).expect("the kernel agreed");
        child.vcpu_write_reg(sel4::VCpuReg::SCTLR, 0).expect("the kernel agreed");
    });
    let call = |cap, label| (Syscall::Call, cap, label as Word);
    let expected = [
        call(BASE_TCB + 2, InvocationLabel::TCBWriteRegisters),
        call(BASE_TCB + 2, InvocationLabel::TCBSuspend),
        call(BASE_VM_TCB + 2, InvocationLabel::TCBWriteRegisters),
        call(BASE_VCPU + 2, InvocationLabel::ARMVCPUAckVPPI),
        call(BASE_VCPU + 2, InvocationLabel::ARMVCPUWriteReg),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn slots_of_the_root_cnode() {
    assert_eq!(cspace_root_slot::<sel4::cap_type::Tcb>(1).map(|cap| cap.bits()), Some(1 << 58));
    assert_eq!(cspace_root_slot::<sel4::cap_type::Tcb>(63).map(|cap| cap.bits()), Some(63 << 58));
    assert_eq!(cspace_root_slot::<sel4::cap_type::Tcb>(0), None);
    assert_eq!(cspace_root_slot::<sel4::cap_type::Tcb>(64), None);
}

#[test]
#[should_panic(expected = "notify: not valid for channel '7'")]
fn a_channel_without_the_right() {
    set_symbols(Symbols { notifications: 1 << 6, ..Default::default() });
    Channel::new(7).notify();
}

#[test]
fn variables() {
    assert_eq!(*var!(test_variable: usize = 3), 3);
    assert_eq!(pd_name(), Ok("host"));
    assert!(!pd_is_passive());
    let region = std::panic::catch_unwind(|| memory_region_symbol!(test_region: *mut u8));
    assert!(region.is_err(), "an unset region is told");
}
