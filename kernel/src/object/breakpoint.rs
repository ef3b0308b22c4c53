//! Breakpoints, watchpoints and single steps of a thread: the debug configuration's methods (seL4 manual, sections 6.2.4
//! and 6.2.5).

use crate::arch;
use crate::error::SysError;
use crate::fault::Fault;
use crate::invoke::{Args, Outcome};
use crate::ipc;
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use core::cell::Cell;
use quoll_kernel_core::breakpoint::{Access, Breakpoint, COUNT, Kind, Refusal, kind_of};
use quoll_kernel_core::psr;
use sel4_abi::config::NUM_BREAKPOINTS;
use sel4_abi::fault::debug_exception::{DATA_BREAKPOINT, INSTRUCTION_BREAKPOINT, SINGLE_STEP};
use sel4_abi::label::InvocationLabel as Label;

/// What a thread has set. Nobody changes it without [`arch::unload`].
#[derive(Debug)]
pub struct State {
    set: [Cell<Option<Breakpoint>>; COUNT],
    /// Instructions until a single step is told; 0 without single steps.
    steps: Cell<u64>,
}

impl State {
    /// Nothing.
    pub const fn new() -> Self {
        Self { set: [const { Cell::new(None) }; COUNT], steps: Cell::new(0) }
    }

    /// The breakpoint with this number.
    pub fn get(&self, number: usize) -> Option<Breakpoint> {
        self.set[number].get()
    }

    /// Whether there is any.
    pub fn is_any_set(&self) -> bool {
        self.set.iter().any(|breakpoint| breakpoint.get().is_some())
    }

    /// Whether single steps are counted.
    pub fn is_stepping(&self) -> bool {
        self.steps.get() > 0
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// The breakpoint that an invocation names: one that the interface has a number for, and the processor a register.
fn decode_number(args: &Args) -> Result<usize, SysError> {
    let number = (args.word(0) & 0xffff) as usize;
    if number >= COUNT {
        return Err(SysError::Range { min: 0, max: COUNT as u64 - 1 });
    }
    let index = if number < NUM_BREAKPOINTS { number } else { number - NUM_BREAKPOINTS };
    if index < arch::debug::registers(kind_of(number)) { Ok(number) } else { Err(SysError::InvalidArgument(0)) }
}

/// The methods.
pub fn invoke(tcb: Ref<Tcb>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    match label {
        Label::TCBSetBreakpoint => {
            let words = (args.word(1), args.word(2), args.word(3), args.word(4));
            let number = decode_number(args)?;
            let breakpoint = Breakpoint::decode(number, words.0, words.1, words.2, words.3);
            change(tcb, number, Some(breakpoint.map_err(refused)?))
        }
        Label::TCBUnsetBreakpoint => change(tcb, decode_number(args)?, None),
        Label::TCBGetBreakpoint => get(tcb, decode_number(args)?, args.thread()),
        _ => {
            let steps = args.word(1);
            let number = decode_number(args)?;
            if kind_of(number) != Kind::Instruction {
                return Err(SysError::InvalidArgument(0));
            }
            set_steps(tcb, steps);
            // The processor steps without a breakpoint: none is consumed.
            Ok(Outcome::Word(0))
        }
    }
}

fn refused(refusal: Refusal) -> SysError {
    match refusal {
        Refusal::Argument(number) => SysError::InvalidArgument(number),
        Refusal::Alignment => SysError::Alignment,
    }
}

fn change(tcb: Ref<Tcb>, number: usize, breakpoint: Option<Breakpoint>) -> Result<Outcome, SysError> {
    arch::unload(tcb);
    tcb.breakpoints.set[number].set(breakpoint);
    Ok(Outcome::Done)
}

/// Answers address, type, size, access, and whether it is set.
fn get(tcb: Ref<Tcb>, number: usize, caller: Ref<Tcb>) -> Result<Outcome, SysError> {
    let breakpoint = tcb.breakpoints.get(number);
    let kind = kind_of(number);
    let Breakpoint { vaddr, size, access, .. } =
        breakpoint.unwrap_or(Breakpoint { vaddr: 0, size: 0, access: Access::Read, kind });
    let words = [vaddr, kind as u64, size, access as u64, u64::from(breakpoint.is_some())];
    for (index, word) in words.iter().enumerate() {
        ipc::set_mr(caller, index, *word);
    }
    Ok(Outcome::Written(words.len()))
}

/// Lets a thread run for this many instructions until it is stopped again; 0 is for ever.
pub fn set_steps(tcb: Ref<Tcb>, steps: u64) {
    arch::unload(tcb);
    tcb.breakpoints.steps.set(steps);
    let status = tcb.regs.spsr.get() & !psr::STEP;
    tcb.regs.spsr.set(if steps > 0 { status | psr::STEP } else { status });
}

/// A thread executed an instruction as a single step. `None`: it goes on with the next.
pub fn step(tcb: Ref<Tcb>) -> Option<Fault> {
    // However the thread goes on, it executes one instruction until it is here again.
    tcb.regs.spsr.set(tcb.regs.spsr.get() | psr::STEP);
    let left = tcb.breakpoints.steps.get().saturating_sub(1);
    if left > 0 {
        tcb.breakpoints.steps.set(left);
        return None;
    }
    Some(Fault::Debug { reason: SINGLE_STEP, address: tcb.regs.pc.get(), number: 0 })
}

/// A breakpoint or watchpoint was triggered: that one which is nearest to the address.
pub fn hit(tcb: Ref<Tcb>, kind: Kind, address: u64) -> Fault {
    let candidates = (0..COUNT).filter_map(|number| Some((number, tcb.breakpoints.get(number)?)));
    let nearest = candidates.filter(|(_, breakpoint)| breakpoint.kind == kind);
    let nearest = nearest.min_by_key(|(_, breakpoint)| breakpoint.distance(address));
    let number = nearest.map_or(0, |(number, _)| number as u64);
    let reason = match kind {
        Kind::Data => DATA_BREAKPOINT,
        Kind::Instruction => INSTRUCTION_BREAKPOINT,
    };
    Fault::Debug { reason, address, number }
}
