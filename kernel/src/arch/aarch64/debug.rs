//! Breakpoint and watchpoint registers of the thread that runs (debug configuration; ARM ARM, D2).
//!
//! The registers belong to native threads: their debug exceptions come to EL2 because `HCR_EL2.TGE` is set. While a guest
//! runs, or a thread that has none, `MDSCR_EL1` disables them all, whatever is in them.

use super::sysreg::{read, write};
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use quoll_kernel_core::breakpoint::{Breakpoint, Kind};

/// `MDSCR_EL1`: breakpoints and watchpoints, single steps.
const MONITOR: u64 = 1 << 15;
const STEP: u64 = 1;

/// How many registers of a kind the processor has.
pub fn registers(kind: Kind) -> usize {
    let shift = match kind {
        Kind::Instruction => 12,
        Kind::Data => 20,
    };
    (read!("id_aa64dfr0_el1") >> shift & 0xf) as usize + 1
}

/// Loads what a thread has set.
pub(super) fn load(tcb: Ref<Tcb>) {
    let state = &tcb.breakpoints;
    let native = tcb.vcpu.get().is_none();
    let monitor = if native && state.is_any_set() { MONITOR } else { 0 };
    let step = if native && state.is_stepping() { STEP } else { 0 };
    if monitor != 0 {
        load_registers(|number| state.get(number));
    }
    if monitor | step | read!("mdscr_el1") != 0 {
        write!("mdscr_el1", monitor | step);
    }
}

/// Writes a value and its control register, if the processor has them.
macro_rules! load_pair {
    ($kind:ident, $index:literal, $breakpoint:expr, $value:literal, $control:literal) => {
        if $index < registers(Kind::$kind) {
            let breakpoint: Option<Breakpoint> = $breakpoint;
            write!($value, breakpoint.map_or(0, Breakpoint::value));
            write!($control, breakpoint.map_or(0, Breakpoint::control));
        }
    };
}

fn load_registers(get: impl Fn(usize) -> Option<Breakpoint>) {
    load_pair!(Instruction, 0, get(0), "dbgbvr0_el1", "dbgbcr0_el1");
    load_pair!(Instruction, 1, get(1), "dbgbvr1_el1", "dbgbcr1_el1");
    load_pair!(Instruction, 2, get(2), "dbgbvr2_el1", "dbgbcr2_el1");
    load_pair!(Instruction, 3, get(3), "dbgbvr3_el1", "dbgbcr3_el1");
    load_pair!(Instruction, 4, get(4), "dbgbvr4_el1", "dbgbcr4_el1");
    load_pair!(Instruction, 5, get(5), "dbgbvr5_el1", "dbgbcr5_el1");
    load_pair!(Data, 0, get(6), "dbgwvr0_el1", "dbgwcr0_el1");
    load_pair!(Data, 1, get(7), "dbgwvr1_el1", "dbgwcr1_el1");
    load_pair!(Data, 2, get(8), "dbgwvr2_el1", "dbgwcr2_el1");
    load_pair!(Data, 3, get(9), "dbgwvr3_el1", "dbgwcr3_el1");
}
