//! What every test of the root task needs: memory, a way to report, and a way to say what the interface's types cannot.

use core::fmt;

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::SlotRegion;
use sel4::{
    BootInfoPtr, Cap, CapType, Error, MessageInfo, Result, Word, cap, cap_type, with_ipc_buffer, with_ipc_buffer_mut,
};
use test_report::Tally;
use test_report::uart::Uart;

use crate::memory::Memory;

/// Memory, time, and the count of the cases.
pub struct Kit {
    tally: Tally<Uart>,
    /// The manual's section that the cases are from.
    section: &'static str,
    /// Memory, slots and addresses.
    pub memory: Memory,
    /// Time of the first core.
    pub sched_control: cap::SchedControl,
    /// Time of each core.
    sched_controls: SlotRegion<cap_type::SchedControl>,
}

impl Kit {
    /// All that the kernel gave.
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let mut memory = Memory::new(boot_info);
        let uart = Uart::new(memory.map_uart(boot_info));
        let sched_controls = boot_info.sched_control();
        let sched_control = sched_controls.index(0).cap();
        Self { tally: Tally::new("abi", uart), section: "", memory, sched_control, sched_controls }
    }

    /// Number of cores.
    pub fn cores(&self) -> usize {
        self.sched_controls.len()
    }

    /// Time of a core.
    pub fn time_of(&self, core: usize) -> cap::SchedControl {
        self.sched_controls.index(core).cap()
    }

    /// The cases that follow are from this section of the manual. Methods are told apart by the case: the manual has them
    /// all in section 10.3 (of any architecture), 10.7 (Arm), 10.9 (AArch64).
    pub fn section(&mut self, section: &'static str) {
        self.section = section;
    }

    /// A case that passes when `result` is what is expected.
    pub fn check<T: PartialEq + fmt::Debug>(&mut self, case: &str, result: T, expected: T) {
        let section = self.section;
        self.tally.check(format_args!("{section} {case}"), result, expected);
    }

    /// The last line.
    pub fn done(&mut self) {
        self.tally.done();
    }
}

/// An invocation as words: what the kernel answers.
pub fn invoke<T: CapType>(cap: Cap<T>, label: Word, caps: &[Word], words: &[Word]) -> Result<()> {
    answer(cap, label, caps, words).result
}

/// What the kernel answers to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Success, or which error.
    pub result: Result<()>,
    /// Number of words.
    pub length: usize,
    /// The words; those beyond the number are 0.
    pub words: [Word; MAX_WORDS],
}

/// Most words of an error's answer (manual, 10.1.6).
const MAX_WORDS: usize = 5;

impl Answer {
    /// An error with these words.
    pub fn error(error: Error, given: &[Word]) -> Self {
        let mut words = [0; MAX_WORDS];
        words[..given.len()].copy_from_slice(given);
        Self { result: Err(error), length: given.len(), words }
    }
}

/// An invocation as words, with all of the kernel's answer.
pub fn answer<T: CapType>(cap: Cap<T>, label: Word, caps: &[Word], words: &[Word]) -> Answer {
    with_ipc_buffer_mut(|buffer| {
        buffer.caps_or_badges_mut()[..caps.len()].copy_from_slice(caps);
        buffer.msg_regs_mut()[..words.len()].copy_from_slice(words);
    });
    let info = cap.call(MessageInfo::new(label, 0, caps.len(), words.len()));
    let result = match info.label() {
        0 => Ok(()),
        label => Err(ERRORS.into_iter().find(|error| Word::from(error.into_sys()) == label).unwrap_or_else(|| {
            panic!("the kernel answers {label}, which is no error");
        })),
    };
    let length = info.length();
    let mut words = [0; MAX_WORDS];
    let told = length.min(MAX_WORDS);
    with_ipc_buffer(|buffer| words[..told].copy_from_slice(&buffer.msg_regs()[..told]));
    Answer { result, length, words }
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
    kit.check(case, invoke(cap, UNKNOWN_LABEL, &[], &[]), Err(Error::IllegalOperation));
    kit.check(case, invoke(cap, label as Word, &[], &[]), Err(Error::TruncatedMessage));
}
