//! Threads that allocate at the same time: the second one waits on a notification.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sel4::cap::Notification;
use sel4_heap::Lock;

/// The notification's capability pointer; 0 is none.
static NOTIFICATION: AtomicU64 = AtomicU64::new(0);

/// Gives the global allocator a notification to wait on when another thread has the heap. It is the allocator's alone,
/// with rights to signal and to wait. Before, contention ends the root task.
///
/// # Panics
///
/// When it has one already.
pub fn set_global_allocator_mutex_notification(notification: Notification) {
    let before = NOTIFICATION.swap(notification.bits(), Ordering::Release);
    assert!(before == 0, "the global allocator has its notification already");
}

/// The lock of the heap: who has it or waits for it is counted, and only who waits makes system calls.
pub struct GlobalLock {
    threads: AtomicUsize,
}

/// The lock, which nobody has.
#[doc(hidden)]
pub const fn global_lock() -> GlobalLock {
    GlobalLock { threads: AtomicUsize::new(0) }
}

impl GlobalLock {
    fn notification() -> Notification {
        match NOTIFICATION.load(Ordering::Acquire) {
            0 => crate::abort!("threads want the heap at the same time, and it has no notification"),
            bits => sel4::Cap::from_bits(bits),
        }
    }
}

impl Lock for GlobalLock {
    fn acquire(&self) {
        if self.threads.fetch_add(1, Ordering::Acquire) > 0 {
            Self::notification().wait();
        }
    }

    fn release(&self) {
        if self.threads.fetch_sub(1, Ordering::Release) > 1 {
            Self::notification().signal();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_nobody_wants_makes_no_system_call() {
        let lock = global_lock();
        for _ in 0..2 {
            // There is no kernel: a system call would panic.
            lock.acquire();
            lock.release();
        }
        assert_eq!(lock.threads.load(Ordering::Relaxed), 0);
    }

    #[test]
    #[should_panic = "at the same time"]
    fn contention_needs_a_notification() {
        let lock = global_lock();
        lock.acquire();
        lock.acquire();
    }
}
