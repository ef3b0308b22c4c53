//! Threads whose instructions are known one by one.

use core::ptr;

use sel4::init_thread::slot;
use sel4::{CNodeCapData, CapRights, Fault, UserContext, Word, cap, cap_type, with_ipc_buffer};

use crate::kit::Kit;
use crate::thread::CONTEXT_BITS;

/// Microseconds of a slice.
const SLICE: u64 = 5000;

/// A thread of a few instructions, in the root task's address space, without stack or buffer.
pub struct Coded {
    /// The thread.
    pub tcb: cap::Tcb,
    /// Where its faults come from, and what they are answered with.
    pub faults: cap::Endpoint,
    /// See [`Coded::faults`].
    pub reply: cap::Reply,
    code: Word,
}

impl Coded {
    /// A thread that has not been started. `data` is in its x2.
    pub fn new(kit: &mut Kit, program: &[u32], data: Word) -> Self {
        let code = kit.memory.make::<cap_type::Granule>().cap();
        let address = kit.memory.map(code, CapRights::read_write());
        let page = ptr::with_exposed_provenance_mut::<u32>(address);
        for (i, instruction) in program.iter().enumerate() {
            // SAFETY: the page is mapped, to a frame that nothing else uses yet, and programs are short.
            unsafe { page.add(i).write_volatile(*instruction) };
        }
        let faults = kit.memory.make::<cap_type::Endpoint>().cap();
        let context = kit.memory.make_sized::<cap_type::SchedContext>(CONTEXT_BITS).cap();
        let coded = Self {
            tcb: kit.memory.make::<cap_type::Tcb>().cap(),
            faults,
            reply: kit.memory.make::<cap_type::Reply>().cap(),
            code: address as Word,
        };
        let (cnode, vspace, root) = (slot::CNODE.cap(), slot::VSPACE.cap(), slot::TCB.cap());
        let mut registers = UserContext::default();
        *registers.pc_mut() = coded.code;
        *registers.gpr_mut(2) = data;
        let made = code
            .frame_unify_instruction(0, 0x1000)
            .and_then(|()| coded.tcb.tcb_set_space(faults.cptr(), cnode, CNodeCapData::skip(0), vspace))
            .and_then(|()| kit.sched_control.sched_control_configure_flags(context, SLICE, SLICE, 0, 0, 0))
            .and_then(|()| coded.tcb.tcb_set_sched_params(root, 0, 100, context, faults))
            .and_then(|()| coded.tcb.tcb_write_all_registers(false, &mut registers));
        kit.check("a thread of known instructions", made, Ok(()));
        coded
    }

    /// The address of an instruction.
    pub const fn address(&self, step: usize) -> Word {
        self.code + 4 * step as Word
    }

    /// The next fault.
    pub fn fault(&self) -> Option<Fault> {
        let (info, _) = self.faults.recv(self.reply);
        with_ipc_buffer(|buffer| Fault::try_new(buffer, &info))
    }
}
