//! The registers of the vCPU whose exit is being handled. Each system call moves a prefix of `seL4_UserContext`; this
//! reads as little as is asked for and writes as little as has changed.

use sel4::Word;
use sel4_abi::{
    context::{ORDER, Register},
    fault::unknown_syscall,
};
use sel4_microkit::{Child, MessageInfo, with_msg_regs_mut};
use vmm::window::{RegisterFile, Window};

use super::plain::ThreadRegisters;

/// A read takes so many registers at least: up to x8, where most operands are.
const FIRST_READ: usize = 12;

/// How the exit was reported, which decides how registers can be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    /// The answer sets no registers.
    Plain,
    /// The answer sets x0 to x7, program counter, stack pointer, link register and processor state.
    UnknownSyscall {
        /// The link register; it lies beyond what the message lets us know in order.
        lr: Word,
    },
}

/// The registers of an exit.
pub struct Frame {
    registers: Window<ThreadRegisters>,
    report: Report,
}

/// The place of a register in the order of `seL4_UserContext`.
const fn index_of(register: Register) -> usize {
    let mut index = 0;
    while index < ORDER.len() {
        match (ORDER[index], register) {
            (Register::Pc, Register::Pc) | (Register::Sp, Register::Sp) | (Register::Spsr, Register::Spsr) => {
                return index;
            }
            (Register::X(a), Register::X(b)) if a == b => return index,
            _ => index += 1,
        }
    }
    panic!("no such register")
}

/// The places of x0 to x30.
const GPR: [usize; 31] = {
    let mut places = [0; 31];
    let mut n = 0;
    while n < places.len() {
        places[n] = index_of(Register::X(n as u8));
        n += 1;
    }
    places
};
const PC: usize = index_of(Register::Pc);
const SP: usize = index_of(Register::Sp);
const SPSR: usize = index_of(Register::Spsr);
/// After the last register that the answer to an UnknownSyscall fault can set, in the order of the context.
const X7_END: usize = GPR[7] + 1;

impl Frame {
    /// The frame of no exit yet.
    pub fn new() -> Self {
        Self { registers: Window::new(ThreadRegisters::new(), FIRST_READ), report: Report::Plain }
    }

    /// An exit of a vCPU whose first `known` registers the caller fills in.
    fn begin_knowing(&mut self, vcpu: Child, known: usize) -> &mut [Word] {
        self.report = Report::Plain;
        let registers = self.registers.begin(known);
        registers.set_vcpu(vcpu.index());
        registers.words()
    }

    /// An exit of a vCPU of which nothing is known.
    pub fn begin(&mut self, vcpu: Child) {
        self.begin_knowing(vcpu, 0);
    }

    /// An exit of a vCPU whose program counter is known.
    pub fn begin_at(&mut self, vcpu: Child, pc: Word) {
        self.begin_knowing(vcpu, PC + 1)[PC] = pc;
    }

    /// An exit that an UnknownSyscall fault has told in these message registers.
    pub fn begin_unknown_syscall(&mut self, vcpu: Child, mrs: &[Word]) {
        let words = self.begin_knowing(vcpu, X7_END);
        words[PC] = mrs[unknown_syscall::FAULT_IP];
        words[SP] = mrs[unknown_syscall::SP];
        words[SPSR] = mrs[unknown_syscall::SPSR];
        (0..8).for_each(|n| words[GPR[n]] = mrs[unknown_syscall::X0 + n]);
        self.report = Report::UnknownSyscall { lr: mrs[unknown_syscall::LR] };
    }

    /// Forgets what has changed: the vCPU that it was for has been stopped or started anew.
    pub fn forget(&mut self) {
        self.registers.forget();
    }

    /// General-purpose register 0 to 30.
    pub fn gpr(&mut self, number: u8) -> sel4::Result<Word> {
        self.registers.get(GPR[usize::from(number)])
    }

    /// Sets general-purpose register 0 to 30.
    pub fn set_gpr(&mut self, number: u8, value: Word) -> sel4::Result<()> {
        self.registers.set(GPR[usize::from(number)], value)
    }

    /// The program counter.
    pub fn pc(&mut self) -> sel4::Result<Word> {
        self.registers.get(PC)
    }

    /// Sets the program counter.
    pub fn set_pc(&mut self, value: Word) -> sel4::Result<()> {
        self.registers.set(PC, value)
    }

    /// `SP_EL0`.
    pub fn sp(&mut self) -> sel4::Result<Word> {
        self.registers.get(SP)
    }

    /// Sets `SP_EL0`.
    pub fn set_sp(&mut self, value: Word) -> sel4::Result<()> {
        self.registers.set(SP, value)
    }

    /// The processor state.
    pub fn pstate(&mut self) -> sel4::Result<Word> {
        self.registers.get(SPSR)
    }

    /// Sets the processor state.
    pub fn set_pstate(&mut self, value: Word) -> sel4::Result<()> {
        self.registers.set(SPSR, value)
    }

    /// Writes back what has changed.
    pub fn write_back(&mut self) -> sel4::Result<()> {
        self.registers.write_back()
    }

    /// The message that answers the exit, with what has changed in it or written back.
    pub fn answer(&mut self) -> sel4::Result<MessageInfo> {
        match self.report {
            Report::UnknownSyscall { lr } if (1..=X7_END).contains(&self.registers.changed()) => {
                self.registers.forget();
                Ok(unknown_syscall_reply(self.registers.words(), lr))
            }
            _ => {
                self.write_back()?;
                Ok(MessageInfo::new(0, 0))
            }
        }
    }
}

/// Puts registers into the answer to an UnknownSyscall fault.
fn unknown_syscall_reply(words: &[Word], lr: Word) -> MessageInfo {
    const LENGTH: usize = unknown_syscall::SPSR + 1;
    with_msg_regs_mut(|mrs| {
        for n in 0..8 {
            mrs[unknown_syscall::X0 + n] = words[GPR[n]];
        }
        mrs[unknown_syscall::FAULT_IP] = words[PC];
        mrs[unknown_syscall::SP] = words[SP];
        mrs[unknown_syscall::LR] = lr;
        mrs[unknown_syscall::SPSR] = words[SPSR];
    });
    MessageInfo::new(0, LENGTH)
}
