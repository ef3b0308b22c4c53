//! The state of one core: what runs, what is ready, what waits for time.

use crate::arch;
use crate::list::{List, Scheduling, Waiting};
use crate::mem::{Link, Ref};
use crate::object::sched_context::SchedContext;
use crate::object::tcb::Tcb;
use core::cell::Cell;
use sel4_abi::config::{MAX_NUM_NODES, NUM_DOMAINS, NUM_PRIORITIES};

/// Whether the configuration is one for several cores. What is done for other cores only is behind this.
pub const SEVERAL: bool = MAX_NUM_NODES > 1;

/// Who is to run when the kernel is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The thread that ran, if it still can.
    Resume,
    /// This thread, if it is ahead of the one that ran. It is in no queue.
    SwitchTo(Ref<Tcb>),
    /// Whoever is first.
    Choose,
}

/// Threads that are ready, by priority.
#[derive(Debug)]
pub struct ReadyQueues {
    lists: [List<Scheduling>; NUM_PRIORITIES],
    /// A bit for each list that is not empty.
    bitmap: [Cell<u64>; NUM_PRIORITIES / 64],
    /// One above the highest priority that has a thread; 0 when there is none.
    above_highest: Cell<u16>,
}

impl ReadyQueues {
    const fn new() -> Self {
        Self {
            lists: [const { List::new() }; NUM_PRIORITIES],
            bitmap: [const { Cell::new(0) }; NUM_PRIORITIES / 64],
            above_highest: Cell::new(0),
        }
    }

    /// The highest priority that has a thread.
    #[inline(always)]
    pub fn highest(&self) -> Option<u8> {
        self.above_highest.get().checked_sub(1).map(|priority| priority as u8)
    }

    /// The first thread of the highest priority.
    pub fn first(&self) -> Option<Ref<Tcb>> {
        self.lists[self.highest()? as usize].first()
    }

    /// Whether a thread of higher priority than this is ready.
    #[inline(always)]
    pub fn has_above(&self, priority: u8) -> bool {
        self.above_highest.get() > u16::from(priority) + 1
    }

    fn mark(&self, priority: u8) {
        let bits = &self.bitmap[priority as usize / 64];
        bits.set(bits.get() | 1 << (priority % 64));
        self.above_highest.set(self.above_highest.get().max(u16::from(priority) + 1));
    }

    /// Puts a thread first of its priority.
    pub fn push_front(&self, tcb: Ref<Tcb>) {
        self.lists[tcb.priority.get() as usize].push_front(tcb);
        self.mark(tcb.priority.get());
        tcb.in_ready_queue.set(true);
    }

    /// Puts a thread last of its priority.
    pub fn push_back(&self, tcb: Ref<Tcb>) {
        self.lists[tcb.priority.get() as usize].push_back(tcb);
        self.mark(tcb.priority.get());
        tcb.in_ready_queue.set(true);
    }

    /// Takes a thread out.
    pub fn remove(&self, tcb: Ref<Tcb>) {
        let priority = tcb.priority.get();
        let list = &self.lists[priority as usize];
        list.remove(tcb);
        tcb.in_ready_queue.set(false);
        if list.is_empty() {
            let bits = &self.bitmap[priority as usize / 64];
            bits.set(bits.get() & !(1 << (priority % 64)));
            self.above_highest.set(self.search());
        }
    }

    /// One above the highest priority that has a bit, 0 without any.
    fn search(&self) -> u16 {
        let word = self.bitmap.iter().enumerate().rev().find(|(_, bits)| bits.get() != 0);
        word.map_or(0, |(word, bits)| (word as u32 * 64 + 64 - bits.get().leading_zeros()) as u16)
    }

    /// All threads, highest priority first.
    pub fn iter(&self) -> impl Iterator<Item = Ref<Tcb>> {
        self.lists.iter().rev().flat_map(List::iter)
    }
}

/// One core.
#[derive(Debug)]
pub struct Cpu {
    /// The thread that runs; none when idle.
    pub current: Link<Tcb>,
    /// Who runs next.
    pub action: Cell<Action>,
    /// The scheduling context that pays for the present.
    pub paying: Link<SchedContext>,
    /// Since when it pays, in ticks.
    pub since: Cell<u64>,
    /// Whether the timer must be set anew before the kernel is left.
    pub reprogram: Cell<bool>,
    /// When the timer has to fire at the latest, whoever runs, in ticks; up to date unless `reprogram` is set.
    pub horizon: Cell<u64>,
    /// Threads that are ready, by domain.
    pub ready: [ReadyQueues; NUM_DOMAINS],
    /// Threads whose time comes later, soonest first.
    pub release: List<Scheduling>,
    /// Virtual CPUs in a WFI with a time at which they wake.
    pub waits: List<Waiting>,
    /// The domain that runs.
    pub domain: Cell<u8>,
    /// When it ends, in ticks.
    pub domain_end: Cell<u64>,
    /// Other cores, a bit each, that are interrupted when this one leaves the kernel.
    pub kicked: Cell<u32>,
    /// Who used it.
    #[cfg(sel4_benchmark)]
    pub benchmark: crate::benchmark::Core,
}

impl Cpu {
    /// A core that has nothing to do.
    pub const fn new() -> Self {
        Self {
            current: Link::new(None),
            action: Cell::new(Action::Choose),
            paying: Link::new(None),
            since: Cell::new(0),
            reprogram: Cell::new(true),
            horizon: Cell::new(u64::MAX),
            ready: [const { ReadyQueues::new() }; NUM_DOMAINS],
            release: List::new(),
            waits: List::new(),
            domain: Cell::new(0),
            domain_end: Cell::new(u64::MAX),
            kicked: Cell::new(0),
            #[cfg(sel4_benchmark)]
            benchmark: crate::benchmark::Core::new(),
        }
    }

    /// A thread is the one that runs.
    #[inline(always)]
    pub fn run(&self, tcb: Ref<Tcb>) {
        self.current.set(Some(tcb));
        tcb.rewound.set(false);
    }

    /// Whether it is this core.
    #[inline(always)]
    pub fn is_this(&self) -> bool {
        !SEVERAL || core::ptr::eq(self, this())
    }

    /// The ready queues of a thread's domain.
    #[inline]
    pub fn queues_of(&self, tcb: Ref<Tcb>) -> &ReadyQueues {
        &self.ready[tcb.domain.get() as usize]
    }

    /// The ready queues of the domain that runs.
    #[inline]
    pub fn queues(&self) -> &ReadyQueues {
        &self.ready[self.domain.get() as usize]
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

/// The core with this number.
#[inline(always)]
pub fn number(core: u32) -> &'static Cpu {
    if SEVERAL { &arch::globals().cpus[core as usize] } else { this() }
}

/// The core on which a thread runs, waits for its turn, or ran last.
#[inline(always)]
pub fn of(tcb: Ref<Tcb>) -> &'static Cpu {
    number(tcb.core.get())
}

/// The core whose time a scheduling context is.
#[inline(always)]
pub fn of_context(context: Ref<SchedContext>) -> &'static Cpu {
    number(context.core.get())
}

/// This core.
#[inline(always)]
pub fn this() -> &'static Cpu {
    &arch::globals().cpus[arch::core_index()]
}
