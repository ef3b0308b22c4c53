//! Messages to virtual CPUs: ports, mailboxes, calls of guests and the interrupt that tells of them.

mod common;

use common::{Answer, FREE, Root, Thread};
use proptest::prelude::*;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::mailbox;
use quoll_kernel::object::tcb::State;
use quoll_kernel::object::vcpu::{self, VCpu};
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::gic::ListRegister;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;
use sel4_abi::quoll::{hypercall, mailbox_state, port, vcpu_reg};
use sel4_abi::syscall::Syscall;

const VCPU: u64 = 14;
const GUEST: u64 = FREE;
const PORT: u64 = FREE + 8;
const OTHER_PORT: u64 = FREE + 9;
const BLIND: u64 = FREE + 10;
const NOTIFICATION: u64 = FREE + 11;
/// Interrupt 20 of group 1 with some priority, as a VMM tells it.
const INTERRUPT: u64 = 0xa0 << 48 | 1 << 60 | 20;

struct Machine {
    root: Root,
    guest: Thread,
    vcpu: Ref<VCpu>,
}

/// A guest whose thread has the root thread's capabilities, and ports to its own virtual CPU: for slot 3 with broadcast, for
/// slot 4, blind for slot 3.
fn machine() -> Machine {
    let root = Root::new();
    root.retype(ObjectType::VCpu, 0, VCPU, 1);
    let guest = root.thread(GUEST, 50, Some((10_000, 10_000)));
    root.ok(VCPU, Label::ARMVCPUSetTCB, &[], &[GUEST]);
    root.mint(VCPU, PORT, port::PORT | 3 | port::BROADCAST);
    root.mint(VCPU, OTHER_PORT, port::PORT | 4);
    root.mint(VCPU, BLIND, port::PORT | 3 | port::BLIND);
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let Cap::VCpu { addr, .. } = root.cap(VCPU) else { panic!("no vCPU") };
    Machine { root, guest, vcpu: Ref::at(addr) }
}

impl Machine {
    /// A method of a port.
    fn invoke(&self, cptr: u64, label: u64, words: &[u64]) -> Answer {
        common::start(self.root.tcb, Syscall::Call, cptr, label, words, &[]);
        self.root.answer()
    }

    /// Sends from the root thread; the error's label comes back.
    fn send(&self, cptr: u64, words: [u64; 3]) -> u64 {
        self.invoke(cptr, port::SEND, &words).label
    }

    /// A call of the guest: its status and the three values behind it.
    fn call(&self, function: u64, arguments: &[u64]) -> (i64, [u64; 3]) {
        let x = &self.guest.tcb.regs.x;
        (1..).zip(arguments).for_each(|(index, value): (usize, _)| x[index].set(*value));
        assert!(mailbox::hypercall(self.guest.tcb, self.vcpu, function));
        (x[0].get() as i64, [x[1].get(), x[2].get(), x[3].get()])
    }

    fn read(&self, register: u64) -> u64 {
        self.root.ok(VCPU, Label::ARMVCPUReadReg, &[register], &[])[0]
    }

    fn write(&self, register: u64, value: u64) -> u64 {
        self.root.call(VCPU, Label::ARMVCPUWriteReg, &[register, value], &[]).label
    }

    fn list_register(&self, index: u64) -> ListRegister {
        ListRegister(self.read(vcpu_reg::LR_BASE + index))
    }
}

#[test]
fn a_message_is_taken_once_and_the_next_one_waits_for_that() {
    let machine = machine();
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(machine.send(PORT, [4, 5, 6]), ErrorCode::DeleteFirst as u64);
    assert_eq!(machine.send(OTHER_PORT, [7, 8, 9]), 0, "another slot is another sender's");
    assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [1 << 3 | 1 << 4, 0, 0]));
    assert_eq!(machine.call(hypercall::RECEIVE, &[3]), (0, [1, 2, 3]));
    assert_eq!(machine.call(hypercall::RECEIVE, &[3]).0, hypercall::INVALID_PARAMETER);
    assert_eq!(machine.send(PORT, [4, 5, 6]), 0);
    assert_eq!(machine.call(hypercall::SEND, &[OTHER_PORT, 0, 0, 0]).0, hypercall::BUSY);
    assert_eq!(machine.call(hypercall::RECEIVE, &[4]), (0, [7, 8, 9]));
    assert_eq!(machine.call(hypercall::SEND, &[OTHER_PORT, 10, 11, 12]).0, hypercall::SUCCESS);
    assert_eq!(machine.call(hypercall::RECEIVE, &[4]), (0, [10, 11, 12]));
    assert_eq!(machine.call(hypercall::VERSION, &[]), (0, [1, 0, 0]));
}

#[test]
fn signals_gather_until_they_are_looked_at() {
    let machine = machine();
    assert_eq!(machine.invoke(PORT, port::SIGNAL, &[]).label, 0);
    assert_eq!(machine.invoke(PORT, port::SIGNAL, &[]).label, 0);
    assert_eq!(machine.call(hypercall::SIGNAL, &[OTHER_PORT]).0, hypercall::SUCCESS);
    assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [0, 1 << 3 | 1 << 4, 0]));
    assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [0, 0, 0]));
    assert_eq!(machine.call(hypercall::SIGNAL, &[NOTIFICATION]).0, hypercall::SUCCESS);
    common::start(machine.root.tcb, Syscall::NBRecv, NOTIFICATION, 0, &[], &[]);
    assert_eq!(machine.root.tcb.regs.x[0].get(), 0, "signalled, without a badge");
}

#[test]
fn a_port_only_sends() {
    let machine = machine();
    let refused = ErrorCode::IllegalOperation as u64;
    for label in [Label::ARMVCPUReadReg, Label::ARMVCPUWriteReg, Label::ARMVCPUSetTCB, Label::ARMVCPUInjectIRQ] {
        assert_eq!(machine.root.call(PORT, label, &[vcpu_reg::MAILBOX_FULL, 0], &[GUEST]).label, refused);
    }
    assert_eq!(machine.invoke(VCPU, port::SEND, &[1, 2, 3]).label, refused, "the virtual CPU itself is no port");
    assert_eq!(machine.invoke(VCPU, port::SIGNAL, &[]).label, refused);
    assert_eq!(machine.invoke(PORT, port::SEND, &[1, 2]).label, ErrorCode::TruncatedMessage as u64);
    // What a port may do cannot be changed, and goes with the virtual CPU's capability.
    let again = machine.root.call(
        common::CNODE,
        Label::CNodeMint,
        &[FREE + 20, 64, PORT, 64, 15, port::PORT | 9],
        &[common::CNODE],
    );
    assert_eq!(again.label, 0);
    assert_eq!(machine.root.cap(FREE + 20), machine.root.cap(PORT));
    machine.root.revoke(VCPU);
    assert_eq!(machine.root.cap(PORT), Cap::Null);
    assert_eq!(machine.root.cap(FREE + 20), Cap::Null);
}

#[test]
fn without_the_right_a_guest_learns_nothing() {
    let machine = machine();
    let answers = || {
        [VCPU, NOTIFICATION, FREE + 30, common::CNODE, u64::MAX].map(|cptr| {
            let sent = machine.call(hypercall::SEND, &[cptr, 1, 2, 3]);
            assert_eq!(sent.0, hypercall::INVALID_PARAMETER);
            sent
        })
    };
    let empty = answers();
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(answers(), empty, "whether the receiver's slot is full makes no difference");
    for cptr in [VCPU, FREE + 30, common::CNODE] {
        assert_eq!(machine.call(hypercall::SIGNAL, &[cptr]).0, hypercall::INVALID_PARAMETER);
    }
}

#[test]
fn a_blind_sender_does_not_learn_whether_its_message_was_taken() {
    let machine = machine();
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(machine.send(BLIND, [4, 5, 6]), 0);
    assert_eq!(machine.call(hypercall::SEND, &[BLIND, 4, 5, 6]).0, hypercall::SUCCESS);
    assert_eq!(machine.call(hypercall::RECEIVE, &[3]), (0, [1, 2, 3]), "and changes nothing");
}

#[test]
fn a_broadcast_goes_through_the_ports_that_may_and_tells_nothing() {
    let machine = machine();
    assert_eq!(machine.call(hypercall::BROADCAST, &[1, 2, 3]).0, hypercall::SUCCESS);
    assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [1 << 3, 0, 0]));
    assert_eq!(machine.call(hypercall::BROADCAST, &[4, 5, 6]).0, hypercall::SUCCESS);
    assert_eq!(machine.call(hypercall::RECEIVE, &[3]), (0, [1, 2, 3]));
}

#[test]
fn the_interrupt_goes_into_the_list_register_that_was_told() {
    let machine = machine();
    let (told, state) = (vcpu_reg::MAILBOX_LR_BASE + 2, 62);
    assert_eq!(machine.write(told, INTERRUPT | 3 << state | ListRegister::END_MAINTENANCE), 0);
    assert_eq!((machine.read(told), machine.read(told - 1)), (INTERRUPT, 0));
    assert!(machine.list_register(2).is_empty(), "nothing has come");
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(machine.list_register(2).0, INTERRUPT | 1 << state);
    // While it is handled, it becomes pending as well.
    assert_eq!(machine.write(vcpu_reg::LR_BASE + 2, INTERRUPT | 2 << state), 0);
    assert_eq!(machine.invoke(PORT, port::SIGNAL, &[]).label, 0);
    assert_eq!(machine.list_register(2).0, INTERRUPT | 3 << state);
    assert_eq!(machine.write(told, 0), 0);
    assert_eq!(machine.read(told), 0);
}

#[test]
fn what_comes_before_a_list_register_is_told_waits_for_one() {
    let machine = machine();
    assert_eq!(machine.write(vcpu_reg::MAILBOX_NOTIFICATION, NOTIFICATION), 0);
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(machine.read(vcpu_reg::MAILBOX_STATE), mailbox_state::INTERRUPT);
    let poll = || {
        machine.root.tcb.regs.x[1].set(MessageInfo::default().0);
        common::start(machine.root.tcb, Syscall::NBWait, NOTIFICATION, 0, &[], &[]);
    };
    poll();
    // The VMM looks for itself.
    assert_eq!(machine.read(vcpu_reg::MAILBOX_FULL), 1 << 3);
    let words: Vec<u64> = (0..3).map(|word| machine.read(vcpu_reg::MAILBOX_WORD_BASE + 4 * 3 + word)).collect();
    assert_eq!(words, [1, 2, 3]);
    assert_eq!(machine.write(vcpu_reg::MAILBOX_WORD_BASE + 4 * 3, 0), 0);
    assert_eq!(machine.read(vcpu_reg::MAILBOX_FULL), 0);
    // Or tells a list register.
    assert_eq!(machine.write(vcpu_reg::MAILBOX_LR_BASE + 1, INTERRUPT), 0);
    assert!(machine.list_register(1).is_pending());
    assert_eq!(machine.read(vcpu_reg::MAILBOX_STATE), 0);
}

#[test]
fn a_vmm_can_empty_the_mailbox_and_unknown_registers_are_refused() {
    let machine = machine();
    assert_eq!(machine.send(PORT, [1, 2, 3]), 0);
    assert_eq!(machine.invoke(OTHER_PORT, port::SIGNAL, &[]).label, 0);
    assert_eq!(machine.read(vcpu_reg::MAILBOX_SIGNALS), 1 << 4);
    assert_eq!(machine.write(vcpu_reg::MAILBOX_STATE, mailbox_state::EMPTY), 0);
    assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [0, 0, 0]));
    assert_eq!(machine.read(vcpu_reg::MAILBOX_STATE), 0);
    let refused = ErrorCode::InvalidArgument as u64;
    for register in [vcpu_reg::MAILBOX_FULL, vcpu_reg::MAILBOX_WORD_BASE + 1] {
        assert_eq!(machine.write(register, 0), refused, "{register:#x} cannot be written");
    }
    for register in [vcpu_reg::MAILBOX_WORD_BASE + 3, vcpu_reg::MAILBOX_WORD_BASE + 256, vcpu_reg::MAILBOX_LR_BASE + 4]
    {
        assert_eq!(machine.write(register, 0), refused, "{register:#x} is none");
        assert_eq!(machine.root.call(VCPU, Label::ARMVCPUReadReg, &[register], &[]).label, refused);
    }
}

#[test]
fn a_guest_that_waits_is_woken_by_a_message() {
    let machine = machine();
    let Machine { root, guest, vcpu } = &machine;
    assert_eq!(machine.write(vcpu_reg::MAILBOX_LR_BASE, INTERRUPT), 0);
    root.ok(GUEST, Label::TCBResume, &[], &[]);
    let raise = Label::TCBSetPriority as u64;
    assert_eq!(common::start(root.tcb, Syscall::Call, GUEST, raise, &[200], &[common::TCB]), guest.tcb);
    assert_eq!(vcpu::wait_for_interrupt(guest.tcb, *vcpu, None), root.tcb);
    common::start(root.tcb, Syscall::Call, PORT, port::SEND, &[1, 2, 3], &[]);
    assert_eq!(guest.tcb.state.get(), State::Running);
}

/// What is done with the mailbox, by slot.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u64, [u64; 3]),
    Signal(u64),
    Receive(u64),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || prop_oneof![0u64..4, Just(63)];
    prop_oneof![
        (slot(), any::<[u64; 3]>()).prop_map(|(slot, words)| Step::Send(slot, words)),
        slot().prop_map(Step::Signal),
        prop_oneof![slot(), Just(64), any::<u64>()].prop_map(Step::Receive),
        Just(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mailbox_is_a_set_of_slots(steps in proptest::collection::vec(step(), 1..60)) {
        let machine = machine();
        (0..64).for_each(|slot| machine.root.mint(VCPU, FREE + 64 + slot, port::PORT | slot));
        let mut slots: [Option<[u64; 3]>; 64] = [None; 64];
        let mut signals = 0;
        for step in steps {
            match step {
                Step::Send(slot, words) => {
                    let status = machine.call(hypercall::SEND, &[FREE + 64 + slot, words[0], words[1], words[2]]).0;
                    let place = &mut slots[slot as usize];
                    prop_assert_eq!(status, if place.is_none() { hypercall::SUCCESS } else { hypercall::BUSY });
                    place.get_or_insert(words);
                }
                Step::Signal(slot) => {
                    prop_assert_eq!(machine.invoke(FREE + 64 + slot, port::SIGNAL, &[]).label, 0);
                    signals |= 1 << slot;
                }
                Step::Receive(slot) => {
                    let (status, words) = machine.call(hypercall::RECEIVE, &[slot]);
                    let held = slots.get_mut(slot as usize).and_then(Option::take);
                    prop_assert_eq!((status == 0).then_some(words), held);
                }
                Step::Look => {
                    let full = (0..64).filter(|slot| slots[*slot].is_some()).fold(0, |bits, slot| bits | 1u64 << slot);
                    prop_assert_eq!(machine.call(hypercall::PENDING, &[]), (0, [full, signals, 0]));
                    signals = 0;
                }
            }
        }
    }
}
