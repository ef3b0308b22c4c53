//! The cycle counter, which the benchmark configuration gives to user level, and no other.

use sel4::{Fault, Word};

use crate::code::Coded;
use crate::kit::Kit;

const PROGRAM: [u32; 5] = [
    0xd53b_9d01, // mrs x1, pmccntr_el0
    0xd503_201f, // nop
    0xd53b_9d03, // mrs x3, pmccntr_el0
    0xd420_0000, // brk #0
    0x1400_0000, // b .
];
const BRK: usize = 3;

/// Classes of exception: a system register that traps, a breakpoint instruction.
const TRAPPED: Word = 0x18;
const BREAKPOINT: Word = 0x3c;

pub fn run(kit: &mut Kit) {
    kit.section("10.2.4");
    let thread = Coded::new(kit, &PROGRAM, 0);
    kit.check("resume", thread.tcb.tcb_resume(), Ok(()));
    let seen = match thread.fault() {
        Some(Fault::UserException(fault)) => Some((fault.number() >> 26, fault.fault_ip())),
        _ => None,
    };
    if cfg!(sel4_benchmark) {
        kit.check("the cycle counter can be read", seen, Some((BREAKPOINT, thread.address(BRK))));
        let counts = thread.tcb.tcb_read_all_registers(true).is_ok_and(|registers| registers.gpr(3) > registers.gpr(1));
        kit.check("it counts", counts, true);
    } else {
        kit.check("the cycle counter cannot be read", seen, Some((TRAPPED, thread.address(0))));
    }
    kit.check("stop the thread", thread.tcb.tcb_suspend(), Ok(()));
}
