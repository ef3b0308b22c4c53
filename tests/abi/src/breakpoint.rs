//! Breakpoints, watchpoints and single steps of a thread whose instructions are known.

use sel4::abi::config::{NUM_BREAKPOINTS, NUM_WATCHPOINTS};
use sel4::abi::fault::debug_exception::{DATA_BREAKPOINT, INSTRUCTION_BREAKPOINT, SINGLE_STEP, SOFTWARE_BREAK_REQUEST};
use sel4::abi::label::InvocationLabel as Label;
use sel4::{CapRights, Error, Fault, MessageInfo, Word, cap_type, with_ipc_buffer_mut};

use crate::code::Coded;
use crate::errors::fails;
use crate::kit::{Answer, Kit, answer};

/// The thread's instructions. x2 is the address that is watched.
const PROGRAM: [u32; 8] = [
    0xd503_201f, // nop
    0xd503_201f, // nop
    0xd503_201f, // nop
    0xd503_201f, // nop
    0xb940_0041, // ldr w1, [x2]
    0xb900_0441, // str w1, [x2, #4]
    0xd420_0000, // brk #0
    0x1400_0000, // b .
];
const BREAKPOINT: usize = 1;
const LOAD: usize = 4;
const STORE: usize = 5;
const BRK: usize = 6;

/// `seL4_BreakpointAccess`.
const ON_READ: Word = 0;
const ON_WRITE: Word = 1;
/// Numbers of watchpoints are behind those of breakpoints.
const WATCHPOINT: Word = NUM_BREAKPOINTS as Word;
struct Traced {
    thread: Coded,
    data: Word,
}

pub fn run(kit: &mut Kit) {
    kit.section("6.2.4");
    let traced = Traced::new(kit);
    refusals(kit, &traced);
    breakpoint(kit, &traced);
    steps(kit, &traced);
    watchpoints(kit, &traced);
    kit.section("6.2.4");
    kit.check("a breakpoint instruction", traced.event().0, Some((SOFTWARE_BREAK_REQUEST, traced.address(BRK))));
    kit.check("stop the thread", traced.thread.tcb.tcb_suspend(), Ok(()));
}

impl Traced {
    fn new(kit: &mut Kit) -> Self {
        let data = kit.memory.make::<cap_type::Granule>().cap();
        let data = kit.memory.map(data, CapRights::read_write()) as Word;
        Self { thread: Coded::new(kit, &PROGRAM, data), data }
    }

    fn address(&self, step: usize) -> Word {
        self.thread.address(step)
    }

    /// The next debug exception: reason and where; address and number.
    fn event(&self) -> (Option<(Word, Word)>, (Word, Word)) {
        match self.thread.fault() {
            Some(Fault::DebugException(fault)) => (
                Some((fault.exception_reason(), fault.fault_ip())),
                (fault.trigger_address(), fault.breakpoint_number()),
            ),
            _ => (None, (0, 0)),
        }
    }

    fn call(&self, label: Label, words: &[Word]) -> Answer {
        answer(self.thread.tcb, label as Word, &[], words)
    }

    fn go_on(&self) {
        self.thread.reply.send(MessageInfo::default());
    }

    /// Answers a single step: this many until the next.
    fn go_on_for(&self, steps: Word) {
        with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[0] = steps);
        self.thread.reply.send(MessageInfo::new(0, 0, 0, 1));
    }
}

fn refusals(kit: &mut Kit, traced: &Traced) {
    kit.section("10.3");
    let last = (NUM_BREAKPOINTS + NUM_WATCHPOINTS) as Word - 1;
    let (tcb, code) = (traced.thread.tcb, traced.address(0));
    let set = |words: &'static [Word]| (Label::TCBSetBreakpoint, &[][..], words);
    let range = (Error::RangeError, &[0, last][..]);
    let argument = |number: &'static [Word]| (Error::InvalidArgument, number);
    fails(kit, "SetBreakpoint: a number beyond", tcb, set(&[10, 0, INSTRUCTION_BREAKPOINT, 0, 0]), range);
    fails(kit, "GetBreakpoint: a number beyond", tcb, (Label::TCBGetBreakpoint, &[], &[10]), range);
    fails(kit, "UnsetBreakpoint: a number beyond", tcb, (Label::TCBUnsetBreakpoint, &[], &[10]), range);
    fails(kit, "SetBreakpoint: of the other kind", tcb, set(&[0, 0, DATA_BREAKPOINT, 4, 0]), argument(&[0]));
    fails(kit, "SetBreakpoint: the kernel's", tcb, set(&[0, 1 << 40, INSTRUCTION_BREAKPOINT, 0, 0]), argument(&[1]));
    fails(kit, "SetBreakpoint: a single step", tcb, set(&[0, 0, SINGLE_STEP, 0, 0]), argument(&[2]));
    fails(kit, "SetBreakpoint: three bytes", tcb, set(&[6, 0, DATA_BREAKPOINT, 3, 0]), argument(&[3]));
    fails(kit, "SetBreakpoint: an access", tcb, set(&[6, 0, DATA_BREAKPOINT, 4, 3]), argument(&[4]));
    let askew = (Error::AlignmentError, &[][..]);
    fails(kit, "SetBreakpoint: askew", tcb, set(&[6, 2, DATA_BREAKPOINT, 4, 0]), askew);
    let step = (Label::TCBConfigureSingleStepping, &[][..], &[WATCHPOINT, 1][..]);
    fails(kit, "ConfigureSingleStepping: a watchpoint", tcb, step, argument(&[0]));
    let short = (Label::TCBSetBreakpoint, &[][..], &[0, code, INSTRUCTION_BREAKPOINT, 0][..]);
    fails(kit, "SetBreakpoint: too few words", tcb, short, (Error::TruncatedMessage, &[]));
}

fn breakpoint(kit: &mut Kit, traced: &Traced) {
    kit.section("6.2.4");
    let address = traced.address(BREAKPOINT);
    let set = traced.call(Label::TCBSetBreakpoint, &[0, address, INSTRUCTION_BREAKPOINT, 0, ON_READ]);
    kit.check("set a breakpoint", set.result, Ok(()));
    let get = traced.call(Label::TCBGetBreakpoint, &[0]);
    kit.check("get it", (get.length, get.words), (5, [address, INSTRUCTION_BREAKPOINT, 0, ON_READ, 1]));
    let free = traced.call(Label::TCBGetBreakpoint, &[WATCHPOINT]).words;
    kit.check("get one that is not set", free, [0, DATA_BREAKPOINT, 0, 0, 0]);
    kit.check("resume", traced.thread.tcb.tcb_resume(), Ok(()));
    let expected = (Some((INSTRUCTION_BREAKPOINT, address)), (address, 0));
    kit.check("it is hit before the instruction", traced.event(), expected);
    traced.go_on();
    kit.check("it is hit again while it is set", traced.event(), expected);
    kit.check("unset it", traced.call(Label::TCBUnsetBreakpoint, &[0]).result, Ok(()));
    let get = traced.call(Label::TCBGetBreakpoint, &[0]).words;
    kit.check("it is cleared", get, [0, INSTRUCTION_BREAKPOINT, 0, 0, 0]);
}

fn steps(kit: &mut Kit, traced: &Traced) {
    kit.section("6.2.5");
    let step = |steps| traced.call(Label::TCBConfigureSingleStepping, &[0, steps]);
    let consumed = step(1);
    kit.check("no breakpoint is consumed", (consumed.result, consumed.words[0]), (Ok(()), 0));
    traced.go_on();
    let at = |instruction| Some((SINGLE_STEP, traced.address(instruction)));
    kit.check("one instruction", traced.event().0, at(BREAKPOINT + 1));
    traced.go_on_for(2);
    kit.check("two by the reply", traced.event().0, at(BREAKPOINT + 3));
    kit.check("disable", step(0).result, Ok(()));
}

fn watchpoints(kit: &mut Kit, traced: &Traced) {
    kit.section("6.2.4");
    let data = traced.data;
    let watch = |number, address, access| {
        traced.call(Label::TCBSetBreakpoint, &[number, address, DATA_BREAKPOINT, 4, access]).result
    };
    kit.check("watch loads", watch(WATCHPOINT, data, ON_READ), Ok(()));
    kit.check("watch stores", watch(WATCHPOINT + 1, data + 4, ON_WRITE), Ok(()));
    traced.go_on_for(0);
    let load = (Some((DATA_BREAKPOINT, traced.address(LOAD))), (data, WATCHPOINT));
    kit.check("a load that is watched", traced.event(), load);
    kit.check("forget it", traced.call(Label::TCBUnsetBreakpoint, &[WATCHPOINT]).result, Ok(()));
    traced.go_on();
    let store = (Some((DATA_BREAKPOINT, traced.address(STORE))), (data + 4, WATCHPOINT + 1));
    kit.check("a store that is watched", traced.event(), store);
    kit.check("forget it", traced.call(Label::TCBUnsetBreakpoint, &[WATCHPOINT + 1]).result, Ok(()));
    traced.go_on();
}
