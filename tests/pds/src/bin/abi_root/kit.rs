//! What every test of the root task needs: memory, a way to report, and a way to say what the interface's types cannot.

use sel4::abi::label::InvocationLabel;
use sel4::{BootInfoPtr, Cap, CapType, Error, MessageInfo, Result, Word, cap, with_ipc_buffer_mut};
use test_report::Tally;
use test_report::uart::Uart;

use crate::memory::Memory;

/// Memory, time, and the count of the cases.
pub struct Kit {
    /// The cases.
    pub tally: Tally<Uart>,
    /// Memory, slots and addresses.
    pub memory: Memory,
    /// Time of the only core.
    pub sched_control: cap::SchedControl,
}

impl Kit {
    /// All that the kernel gave.
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let mut memory = Memory::new(boot_info);
        let uart = Uart::new(memory.map_uart(boot_info));
        Self { tally: Tally::new("abi", uart), memory, sched_control: boot_info.sched_control().index(0).cap() }
    }
}

/// An invocation as words: what the kernel answers.
pub fn invoke<T: CapType>(cap: Cap<T>, label: Word, caps: &[Word], words: &[Word]) -> Result<()> {
    with_ipc_buffer_mut(|buffer| {
        buffer.caps_or_badges_mut()[..caps.len()].copy_from_slice(caps);
        buffer.msg_regs_mut()[..words.len()].copy_from_slice(words);
    });
    let answer = cap.call(MessageInfo::new(label, 0, caps.len(), words.len()));
    match answer.label() {
        0 => Ok(()),
        label => Err(ERRORS.into_iter().find(|error| Word::from(error.into_sys()) == label).unwrap_or_else(|| {
            panic!("the kernel answers {label}, which is no error");
        })),
    }
}

const ERRORS: [Error; 10] = [
    Error::InvalidArgument,
    Error::InvalidCapability,
    Error::IllegalOperation,
    Error::RangeError,
    Error::AlignmentError,
    Error::FailedLookup,
    Error::TruncatedMessage,
    Error::DeleteFirst,
    Error::RevokeFirst,
    Error::NotEnoughMemory,
];

/// A label that no kernel knows.
pub const UNKNOWN_LABEL: Word = 0xffff;

/// Checks that an object refuses a label that it does not know and a message that is too short.
pub fn refuses<T: CapType>(kit: &mut Kit, case: &str, cap: Cap<T>, label: InvocationLabel) {
    kit.tally.check(case, invoke(cap, UNKNOWN_LABEL, &[], &[]), Err(Error::IllegalOperation));
    kit.tally.check(case, invoke(cap, label as Word, &[], &[]), Err(Error::TruncatedMessage));
}
