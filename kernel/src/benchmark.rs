//! Who uses the processor: the benchmark configuration's counts (seL4 manual, section 10.2.4). Other configurations have
//! none of it.
//!
//! Time is in cycles. A thread has the processor from the end of the kernel's work that chose it to the end of the work
//! that chose another, or to the moment from which there is nobody; what the kernel does is the thread's that entered it.

#[cfg(sel4_benchmark)]
pub use build::{Core, Usage, enter, forget, idle, leave, system_call};

#[cfg(not(sel4_benchmark))]
pub use none::{enter, forget, idle, leave};

#[cfg(not(sel4_benchmark))]
mod none {
    use crate::mem::Ref;
    use crate::object::tcb::Tcb;

    pub use crate::arch::idle;

    /// The kernel is entered.
    #[inline(always)]
    pub fn enter() {}

    /// The kernel is left, to a thread.
    #[inline(always)]
    pub fn leave(next: Ref<Tcb>) -> Ref<Tcb> {
        next
    }

    /// A thread is deleted.
    #[inline(always)]
    pub fn forget(_tcb: Ref<Tcb>) {}
}

#[cfg(sel4_benchmark)]
mod build {
    use crate::arch;
    use crate::cpu;
    use crate::fault::{self, Fault};
    use crate::ipc;
    use crate::mem::{Link, Ref};
    use crate::object::cnode;
    use crate::object::tcb::Tcb;
    use core::cell::Cell;
    use quoll_kernel_core::cap::Cap;
    use sel4_abi::benchmark::{
        IDLE_KERNEL_UTILISATION, IDLE_LOCALCPU_UTILISATION, IDLE_NUMBER_KERNEL_ENTRIES, IDLE_NUMBER_SCHEDULES,
        IDLE_TCBCPU_UTILISATION, LENGTH, TCB_KERNEL_UTILISATION, TCB_NUMBER_KERNEL_ENTRIES, TCB_NUMBER_SCHEDULES,
        TCB_UTILISATION, TOTAL_KERNEL_UTILISATION, TOTAL_NUMBER_KERNEL_ENTRIES, TOTAL_NUMBER_SCHEDULES,
        TOTAL_UTILISATION,
    };
    use sel4_abi::error::ErrorCode;
    use sel4_abi::syscall::{Syscall, register};

    /// A count of cycles and of events.
    #[derive(Debug)]
    struct Count {
        cycles: Cell<u64>,
        events: Cell<u64>,
    }

    impl Count {
        const fn new() -> Self {
            Self { cycles: Cell::new(0), events: Cell::new(0) }
        }

        fn add(&self, cycles: u64, events: u64) {
            self.cycles.set(self.cycles.get().wrapping_add(cycles));
            self.events.set(self.events.get().wrapping_add(events));
        }

        fn reset(&self) {
            self.cycles.set(0);
            self.events.set(0);
        }
    }

    /// What a thread, the idle core, or all of a core used.
    #[derive(Debug)]
    pub struct Usage {
        /// As the one that runs.
        scheduled: Count,
        /// In the kernel.
        kernel: Count,
    }

    impl Usage {
        /// Nothing.
        pub const fn new() -> Self {
            Self { scheduled: Count::new(), kernel: Count::new() }
        }

        fn reset(&self) {
            self.scheduled.reset();
            self.kernel.reset();
        }
    }

    impl Default for Usage {
        fn default() -> Self {
            Self::new()
        }
    }

    /// The measurement on one core.
    #[derive(Debug)]
    pub struct Core {
        /// Whether it goes on.
        enabled: Cell<bool>,
        start: Cell<u64>,
        end: Cell<u64>,
        /// When the kernel was entered.
        entered: Cell<u64>,
        /// Who has the processor, and since when; nobody is the idle core.
        running: Link<Tcb>,
        since: Cell<u64>,
        idle: Usage,
        total: Usage,
    }

    impl Core {
        /// A core on which nothing is measured.
        pub const fn new() -> Self {
            Self {
                enabled: Cell::new(false),
                start: Cell::new(0),
                end: Cell::new(0),
                entered: Cell::new(0),
                running: Link::new(None),
                since: Cell::new(0),
                idle: Usage::new(),
                total: Usage::new(),
            }
        }

        /// The one that runs has used the processor until now, and the kernel since it was entered.
        fn account(&self, now: u64) {
            if !self.enabled.get() {
                return;
            }
            let running = self.running.get();
            let usage = running.as_deref().map_or(&self.idle, |tcb| &tcb.usage);
            let in_kernel = now.wrapping_sub(self.entered.get());
            usage.kernel.add(in_kernel, 1);
            self.total.kernel.add(in_kernel, 1);
            usage.scheduled.add(now.wrapping_sub(self.since.get()), 0);
        }

        /// Somebody else, or nobody, has the processor.
        fn switch(&self, now: u64, next: Option<Ref<Tcb>>) {
            self.since.set(now);
            if self.running.replace(next) != next && self.enabled.get() {
                next.as_deref().map_or(&self.idle, |tcb| &tcb.usage).scheduled.add(0, 1);
                self.total.scheduled.add(0, 1);
            }
        }

        fn reset(&self) {
            let now = arch::benchmark::cycles();
            self.idle.reset();
            self.total.reset();
            for cell in [&self.start, &self.since, &self.entered] {
                cell.set(now);
            }
            self.enabled.set(true);
        }

        fn finalize(&self) {
            let now = arch::benchmark::cycles();
            self.account(now);
            self.end.set(now);
            self.enabled.set(false);
        }

        /// Cycles of the whole measurement.
        fn length(&self) -> u64 {
            let end = if self.enabled.get() { arch::benchmark::cycles() } else { self.end.get() };
            end.wrapping_sub(self.start.get())
        }
    }

    impl Default for Core {
        fn default() -> Self {
            Self::new()
        }
    }

    fn core() -> &'static Core {
        &cpu::this().benchmark
    }

    /// The kernel is entered.
    pub fn enter() {
        core().entered.set(arch::benchmark::cycles());
    }

    /// The kernel is left, to a thread.
    pub fn leave(next: Ref<Tcb>) -> Ref<Tcb> {
        let (core, now) = (core(), arch::benchmark::cycles());
        core.account(now);
        core.switch(now, Some(next));
        next
    }

    /// Sleeps until an interrupt is pending.
    pub fn idle() {
        let core = core();
        let now = arch::benchmark::cycles();
        core.account(now);
        core.switch(now, None);
        arch::idle();
        enter();
    }

    /// A thread is deleted: it is nobody's any more.
    pub fn forget(tcb: Ref<Tcb>) {
        for cpu in &arch::globals().cpus {
            if cpu.benchmark.running.get() == Some(tcb) {
                cpu.benchmark.running.set(None);
            }
        }
    }

    /// The thread that a capability pointer names.
    fn thread_at(caller: Ref<Tcb>, cptr: u64) -> Option<Ref<Tcb>> {
        match cnode::lookup_slot(caller, cptr).ok()?.cap() {
            Cap::Thread { addr } => Some(Ref::at(addr)),
            _ => None,
        }
    }

    /// Does one of the configuration's own system calls.
    pub fn system_call(caller: Ref<Tcb>, call: Syscall) {
        let x0 = &caller.regs.x[register::CAP];
        match call {
            Syscall::BenchmarkNullSyscall => {}
            Syscall::BenchmarkFlushCaches => arch::cache::flush(),
            Syscall::BenchmarkResetLog => {
                core().reset();
                x0.set(0);
            }
            // There is no log beside the counts: it has no entries, and takes no memory.
            Syscall::BenchmarkFinalizeLog => {
                core().finalize();
                x0.set(0);
            }
            Syscall::BenchmarkSetLogBuffer => x0.set(ErrorCode::IllegalOperation as u64),
            Syscall::BenchmarkGetThreadUtilisation => {
                if let Some(tcb) = thread_at(caller, x0.get()) {
                    tell(caller, tcb);
                }
            }
            Syscall::BenchmarkResetThreadUtilisation => {
                if let Some(tcb) = thread_at(caller, x0.get()) {
                    tcb.usage.reset();
                }
            }
            other => fault::raise(caller, Fault::UnknownSyscall { number: other as i64 as u64 }),
        }
    }

    /// Writes what a thread and this core used into the caller's buffer, and how long the thread's core was idle.
    fn tell(caller: Ref<Tcb>, tcb: Ref<Tcb>) {
        let core = core();
        let (thread, idle, total) = (&tcb.usage, &core.idle, &core.total);
        // What runs here has not been charged since it was switched to. Another core's cycles say nothing here: what runs
        // there is charged when that core is in the kernel next.
        let now = arch::benchmark::cycles();
        let open = core.enabled.get() && core.running.get() == Some(tcb);
        let open = if open { now.wrapping_sub(core.since.get()) } else { 0 };
        let mut words = [0; LENGTH];
        words[TCB_UTILISATION] = thread.scheduled.cycles.get().wrapping_add(open);
        words[TCB_NUMBER_SCHEDULES] = thread.scheduled.events.get();
        words[TCB_KERNEL_UTILISATION] = thread.kernel.cycles.get();
        words[TCB_NUMBER_KERNEL_ENTRIES] = thread.kernel.events.get();
        words[IDLE_LOCALCPU_UTILISATION] = idle.scheduled.cycles.get();
        words[IDLE_TCBCPU_UTILISATION] = cpu::of(tcb).benchmark.idle.scheduled.cycles.get();
        words[IDLE_NUMBER_SCHEDULES] = idle.scheduled.events.get();
        words[IDLE_KERNEL_UTILISATION] = idle.kernel.cycles.get();
        words[IDLE_NUMBER_KERNEL_ENTRIES] = idle.kernel.events.get();
        words[TOTAL_UTILISATION] = core.length();
        words[TOTAL_NUMBER_SCHEDULES] = total.scheduled.events.get();
        words[TOTAL_KERNEL_UTILISATION] = total.kernel.cycles.get();
        words[TOTAL_NUMBER_KERNEL_ENTRIES] = total.kernel.events.get();
        if let Some(buffer) = caller.buffer() {
            words.iter().enumerate().for_each(|(index, word)| buffer.set(ipc::MSG + index, *word));
        }
    }
}
