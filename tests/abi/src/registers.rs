//! Registers of threads that do not run.

use sel4::abi::label::InvocationLabel as Label;
use sel4::init_thread::slot;
use sel4::{CopyRegisters, Error, UserContext, Word, cap, cap_type};

use crate::errors::fails;
use crate::kit::Kit;

/// Words of the thread pointers in a context.
const TPIDR: usize = 34;

pub fn run(kit: &mut Kit) {
    copies(kit);
    thread_pointer(kit);
}

/// A thread whose registers are numbered from `base`.
fn numbered(kit: &mut Kit, base: Word) -> cap::Tcb {
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    let mut registers = UserContext::default();
    registers.as_words_mut().iter_mut().zip(base..).for_each(|(word, value)| *word = value);
    *registers.spsr_mut() = 0;
    kit.check("WriteRegisters", tcb.tcb_write_all_registers(false, &mut registers), Ok(()));
    tcb
}

/// Program counter, x0, a register that calls preserve, a thread pointer.
fn seen(tcb: cap::Tcb) -> Option<[Word; 4]> {
    let registers = tcb.tcb_read_all_registers(false).ok()?;
    Some([*registers.pc(), *registers.gpr(0), *registers.gpr(20), registers.as_words()[TPIDR]])
}

fn copies(kit: &mut Kit) {
    kit.section("10.3");
    let (from, to) = (numbered(kit, 0x1000), numbered(kit, 0x2000));
    let (source, before) = (seen(from).unwrap_or_default(), seen(to).unwrap_or_default());
    let copy = |frame, integer| CopyRegisters {
        suspend_source: false,
        resume_target: false,
        transfer_frame: frame,
        transfer_integer: integer,
    };
    kit.check("CopyRegisters: nothing", to.tcb_copy_registers(from, copy(false, false)), Ok(()));
    kit.check("leaves all", seen(to), Some(before));
    kit.check("CopyRegisters: frame", to.tcb_copy_registers(from, copy(true, false)), Ok(()));
    kit.check(
        "takes the program counter, not the others",
        seen(to),
        Some([source[0], source[1], before[2], before[3]]),
    );
    kit.check("CopyRegisters: integer", to.tcb_copy_registers(from, copy(false, true)), Ok(()));
    kit.check("takes the others", seen(to), Some([source[0], source[1], source[2], before[3]]));
    let wrong = (Label::TCBCopyRegisters, &[slot::CNODE.cptr_bits()][..], &[0][..]);
    fails(kit, "CopyRegisters: from no thread", to, wrong, (Error::InvalidCapability, &[1]));
}

fn thread_pointer(kit: &mut Kit) {
    kit.section("10.3");
    let tcb = numbered(kit, 0x3000);
    kit.check("SetTLSBase", tcb.tcb_set_tls_base(0x1234_5678), Ok(()));
    kit.check("sets the thread pointer", seen(tcb).map(|seen| seen[3]), Some(0x1234_5678));
}
