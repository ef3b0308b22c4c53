//! Registers of threads that do not run.

use sel4::abi::label::InvocationLabel as Label;
use sel4::init_thread::slot;
use sel4::{CopyRegisters, Error, IpcBuffer, MessageInfo, UserContext, Word, cap, cap_type};

use crate::errors::fails;
use crate::kit::Kit;
use crate::thread::{Settle, Thread};

/// Words of the thread pointers in a context.
const TPIDR: usize = 34;

pub fn run(kit: &mut Kit) {
    copies(kit);
    thread_pointer(kit);
    let settle = Settle::new(kit);
    waiting(kit, &settle);
    suspended(kit, &settle);
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

/// Waits for a message that must not let it go on here.
fn wait(buffer: &mut IpcBuffer, [endpoint, reply, _]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(buffer).recv(cap::Reply::from_bits(reply));
    unreachable!("a thread goes on behind its system call");
}

/// Where a thread is told to go on: with what it was sent in the registers of messages. It tells two words of it, for ever.
extern "C" fn landed(
    badge: Word,
    _info: Word,
    word: Word,
    _: Word,
    _: Word,
    _: Word,
    buffer: &mut IpcBuffer,
    to: Word,
) -> ! {
    loop {
        buffer.msg_regs_mut()[..2].copy_from_slice(&[badge, word]);
        cap::Endpoint::from_bits(to).with(&mut *buffer).send(MessageInfo::new(9, 0, 0, 2));
    }
}

/// A thread that waits in a system call, told to go on in [`landed`], which tells `to`.
fn written(kit: &mut Kit, settle: &Settle, from: cap::Endpoint, to: cap::Endpoint) -> Thread {
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let thread = Thread::spawn(kit, cap::Endpoint::from_bits(0), wait, [from.bits(), reply.bits(), 0]);
    settle.wait();
    let registers = thread.tcb.tcb_read_all_registers(false);
    kit.check("registers of a thread that waits", registers.is_ok(), true);
    let mut registers = registers.unwrap_or_default();
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    let buffer = kit.memory.map(frame, sel4::CapRights::read_write());
    *registers.pc_mut() = landed as *const () as Word;
    for (index, value) in [(0, 1), (2, 2), (6, buffer as Word), (7, to.bits())] {
        *registers.gpr_mut(index) = value;
    }
    kit.check("WriteRegisters, not resumed", thread.tcb.tcb_write_all_registers(false, &mut registers), Ok(()));
    let pc = thread.tcb.tcb_read_registers(false, 1).map(|registers| *registers.pc());
    kit.check("are the thread's", pc, Ok(*registers.pc()));
    settle.wait();
    thread
}

/// What a thread tells that has got to [`landed`].
fn told(kit: &mut Kit, endpoint: cap::Endpoint) -> (Word, Word, Word) {
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    let (info, _) = endpoint.recv(reply);
    sel4::with_ipc_buffer(|buffer| (info.label(), buffer.msg_regs()[0], buffer.msg_regs()[1]))
}

fn waiting(kit: &mut Kit, settle: &Settle) {
    kit.section("10.3");
    let [from, to] = [(); 2].map(|()| kit.memory.make::<cap_type::Endpoint>().cap());
    let thread = written(kit, settle, from, to);
    sel4::with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[0] = 7);
    from.nb_send(MessageInfo::new(0, 0, 0, 1));
    let told = told(kit, to);
    kit.check("leave it waiting: with its message it goes on there", told, (9, 0, 7));
    kit.check("stop it", thread.tcb.tcb_suspend(), Ok(()));
}

fn suspended(kit: &mut Kit, settle: &Settle) {
    kit.section("10.3");
    let [from, to] = [(); 2].map(|()| kit.memory.make::<cap_type::Endpoint>().cap());
    let thread = written(kit, settle, from, to);
    kit.check("Resume", thread.tcb.tcb_resume(), Ok(()));
    let told = told(kit, to);
    kit.check("ends the wait: without a message it goes on there", told, (9, 1, 2));
    kit.check("stop it", thread.tcb.tcb_suspend(), Ok(()));
}
