//! Threads that run beside the root task's own, in its address space.

use sel4::init_thread::slot;
use sel4::{CNodeCapData, Cap, CapRights, IpcBuffer, Time, Word, cap, cap_type};

use crate::kit::Kit;

/// What a thread does: it gets its IPC buffer, which it must name in each invocation, and the words of
/// [`Thread::spawn`].
pub type Body = fn(&mut IpcBuffer, [Word; 3]);

/// Pages of a thread's stack.
const STACK_PAGES: usize = 4;
const PAGE: usize = 0x1000;

/// The smallest context has no room for refills, so that it cannot be configured.
pub const CONTEXT_BITS: usize = sel4::MIN_SCHED_CONTEXT_BITS + 1;

/// Budget and period in microseconds.
const SLICE: Time = 5000;

/// A thread.
#[derive(Clone, Copy)]
pub struct Thread {
    /// The thread.
    pub tcb: cap::Tcb,
    /// Its time.
    pub context: cap::SchedContext,
}

impl Thread {
    /// Starts a thread below the root task's priority; it suspends itself at its end.
    pub fn spawn(kit: &mut Kit, fault_endpoint: cap::Endpoint, body: Body, words: [Word; 3]) -> Self {
        let context = kit.memory.make_sized::<cap_type::SchedContext>(CONTEXT_BITS).cap();
        let configured = kit.sched_control.sched_control_configure_flags(context, SLICE, SLICE, 0, 0, 0);
        let thread = Self { tcb: kit.memory.make::<cap_type::Tcb>().cap(), context };
        let spawned = configured.and_then(|()| thread.start(kit, fault_endpoint, body, words));
        if let Err(error) = spawned {
            panic!("cannot start a thread: {error}");
        }
        thread
    }

    fn start(self, kit: &mut Kit, fault_endpoint: cap::Endpoint, body: Body, words: [Word; 3]) -> sel4::Result<()> {
        let vspace = slot::VSPACE.cap();
        let frame = kit.memory.make::<cap_type::Granule>().cap();
        let buffer = kit.memory.map(frame, CapRights::read_write());
        let stack = kit.memory.address();
        for page in 0..STACK_PAGES {
            let frame = kit.memory.make::<cap_type::Granule>().cap();
            kit.memory.map_at(vspace, frame, stack + page * PAGE, CapRights::read_write());
        }
        let root = slot::TCB.cap();
        let cnode = slot::CNODE.cap();
        self.tcb.tcb_configure(cnode, CNodeCapData::skip(0), vspace, buffer as Word, frame)?;
        self.tcb.tcb_set_sched_params(root, 0, PRIORITY, self.context, fault_endpoint)?;
        let mut registers = sel4::UserContext::default();
        *registers.pc_mut() = entry as *const () as Word;
        *registers.sp_mut() = (stack + STACK_PAGES * PAGE) as Word;
        *registers.c_param_mut(0) = buffer as Word;
        *registers.c_param_mut(1) = self.tcb.bits();
        *registers.c_param_mut(2) = body as *const () as Word;
        for (i, word) in words.into_iter().enumerate() {
            *registers.c_param_mut(3 + i) = word;
        }
        self.tcb.tcb_write_all_registers(true, &mut registers)
    }
}

const PRIORITY: Word = 100;

/// Waits until no thread of the tests has anything to do.
pub struct Settle {
    ask: cap::Notification,
    answer: cap::Notification,
}

impl Settle {
    /// Needs a thread of its own, of the lowest priority.
    pub fn new(kit: &mut Kit) -> Self {
        let [ask, answer] = [(); 2].map(|()| kit.memory.make::<cap_type::Notification>().cap());
        let thread = Thread::spawn(kit, Cap::from_bits(0), last, [ask.bits(), answer.bits(), 0]);
        assert_eq!(thread.tcb.tcb_set_priority(slot::TCB.cap(), 1), Ok(()), "a low priority");
        Self { ask, answer }
    }

    /// Comes back when all of higher priority wait.
    pub fn wait(&self) {
        self.ask.signal();
        self.answer.wait();
    }
}

/// Signals `b` for each signal of `a`.
fn last(buffer: &mut IpcBuffer, [ask, answer, _]: [Word; 3]) {
    loop {
        cap::Notification::from_bits(ask).with(&mut *buffer).wait();
        cap::Notification::from_bits(answer).with(&mut *buffer).signal();
    }
}

extern "C" fn entry(buffer: &mut IpcBuffer, tcb: Word, body: *const (), a: Word, b: Word, c: Word) -> ! {
    // SAFETY: `start` passes a `Body`.
    let body: Body = unsafe { core::mem::transmute(body) };
    body(buffer, [a, b, c]);
    let result = Cap::<cap_type::Tcb>::from_bits(tcb).with(buffer).tcb_suspend();
    unreachable!("a thread that has suspended itself runs: {result:?}")
}
