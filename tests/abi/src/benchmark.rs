//! The benchmark configuration's own system calls.

use core::hint::black_box;

use sel4::abi::benchmark::{
    IDLE_NUMBER_SCHEDULES, LENGTH, TCB_NUMBER_KERNEL_ENTRIES, TCB_NUMBER_SCHEDULES, TCB_UTILISATION,
    TOTAL_KERNEL_UTILISATION, TOTAL_NUMBER_SCHEDULES, TOTAL_UTILISATION,
};
use sel4::{Cap, Error, IpcBuffer, Word, cap, cap_type, with_ipc_buffer};

use crate::ipc::badged;
use crate::kit::Kit;
use crate::thread::Thread;

/// Turns of a loop.
const TURNS: u64 = 100_000;

/// Computes for a while, then signals.
fn compute(buffer: &mut IpcBuffer, [notification, ..]: [Word; 3]) {
    (0..TURNS).for_each(|turn| {
        black_box(turn);
    });
    cap::Notification::from_bits(notification).with(buffer).signal();
}

fn usage(tcb: cap::Tcb) -> [Word; LENGTH] {
    sel4::benchmark_get_thread_utilisation(tcb);
    with_ipc_buffer(|buffer| core::array::from_fn(|i| buffer.msg_regs()[i]))
}

pub fn run(kit: &mut Kit) {
    kit.section("10.2.4");
    sel4::benchmark_null_syscall();
    sel4::benchmark_flush_caches();
    let frame = kit.memory.make::<cap_type::LargePage>().cap();
    let refused = sel4::benchmark_set_log_buffer(frame.cast());
    kit.check("there is no log to give memory to", refused, Err(Error::IllegalOperation));
    let done = kit.memory.make::<cap_type::Notification>();
    let signal = badged(kit, done, 1);
    kit.check("start the measurement", sel4::benchmark_reset_log(), Ok(()));
    let thread = Thread::spawn(kit, Cap::from_bits(0), compute, [signal.cptr_bits(), 0, 0]);
    kit.check("a thread that computes", done.cap().wait().1, 1);
    let usage_now = usage(thread.tcb);
    kit.check("it used the processor", usage_now[TCB_UTILISATION] > TURNS, true);
    kit.check("it was switched to", usage_now[TCB_NUMBER_SCHEDULES] > 0, true);
    kit.check("it entered the kernel", usage_now[TCB_NUMBER_KERNEL_ENTRIES] > 0, true);
    let parts = usage_now[TCB_UTILISATION] <= usage_now[TOTAL_UTILISATION]
        && usage_now[TOTAL_KERNEL_UTILISATION] < usage_now[TOTAL_UTILISATION]
        && usage_now[TCB_NUMBER_SCHEDULES] < usage_now[TOTAL_NUMBER_SCHEDULES];
    kit.check("a thread's part is less than all", parts, true);
    kit.check("nobody was idle", usage_now[IDLE_NUMBER_SCHEDULES], 0);
    sel4::benchmark_reset_thread_utilisation(thread.tcb);
    kit.check("reset a thread's count", usage(thread.tcb)[TCB_UTILISATION], 0);
    kit.check("end the measurement", sel4::benchmark_finalize_log(), 0);
    let [first, second] = [(); 2].map(|()| usage(thread.tcb)[TOTAL_UTILISATION]);
    kit.check("it has ended", first, second);
}
