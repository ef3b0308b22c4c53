//! A fair lock: who comes first is served first. The kernel has one for all cores; the tests have threads.

use core::sync::atomic::{AtomicU32, Ordering};

/// A word with a cache line of its own: those who wait read one, those who come write the other.
#[derive(Debug)]
#[repr(align(64))]
struct Line(AtomicU32);

/// The lock: whoever comes draws the next number, and waits until it is served.
#[derive(Debug)]
pub struct TicketLock {
    next: Line,
    serving: Line,
}

impl TicketLock {
    /// A lock that nobody has.
    pub const fn new() -> Self {
        Self { next: Line(AtomicU32::new(0)), serving: Line(AtomicU32::new(0)) }
    }

    /// Takes the lock. `meanwhile` is called with the number drawn, again and again as long as others are served.
    #[inline]
    pub fn acquire(&self, mut meanwhile: impl FnMut(u32)) {
        let ticket = self.next.0.fetch_add(1, Ordering::Relaxed);
        while !self.serves(ticket) {
            meanwhile(ticket);
        }
    }

    /// Whether it is this number's turn.
    #[inline]
    pub fn serves(&self, ticket: u32) -> bool {
        self.serving.0.load(Ordering::Acquire) == ticket
    }

    /// Whether somebody waits behind the one that has it, which asks.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        let next = self.serving.0.load(Ordering::Relaxed).wrapping_add(1);
        self.next.0.load(Ordering::Relaxed) != next
    }

    /// Gives it to the next, whose number comes back. Only for the one that has it.
    #[inline]
    pub fn release(&self) -> u32 {
        let next = self.serving.0.load(Ordering::Relaxed).wrapping_add(1);
        self.serving.0.store(next, Ordering::Release);
        next
    }
}

impl Default for TicketLock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::vec::Vec;

    #[test]
    fn only_one_has_it() {
        const THREADS: usize = 4;
        const TURNS: u32 = 2000;
        let (lock, taken, turns) = (TicketLock::new(), AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..TURNS {
                        lock.acquire(|_| std::thread::yield_now());
                        assert!(!taken.swap(true, Ordering::Relaxed), "two have the lock");
                        turns.store(turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                        taken.store(false, Ordering::Relaxed);
                        lock.release();
                    }
                });
            }
        });
        assert_eq!(turns.load(Ordering::Relaxed), THREADS as u32 * TURNS);
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let (lock, order) = (TicketLock::new(), std::sync::Mutex::new(Vec::new()));
        lock.acquire(|_| unreachable!("nobody has it"));
        std::thread::scope(|scope| {
            for number in 1..=3 {
                let (lock, order) = (&lock, &order);
                scope.spawn(move || {
                    lock.acquire(|_| std::thread::yield_now());
                    order.lock().unwrap().push(number);
                    lock.release();
                });
                // The next one comes when this one has drawn its number.
                while lock.next.0.load(Ordering::Relaxed) != number + 1 {
                    std::thread::yield_now();
                }
            }
            lock.release();
        });
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn numbers_wrap() {
        let lock = TicketLock { next: Line(AtomicU32::new(u32::MAX)), serving: Line(AtomicU32::new(u32::MAX)) };
        for _ in 0..3 {
            lock.acquire(|_| unreachable!("nobody has it"));
            assert!(!lock.is_awaited());
            lock.next.0.fetch_add(1, Ordering::Relaxed);
            assert!(lock.is_awaited(), "a number was drawn");
            lock.next.0.fetch_sub(1, Ordering::Relaxed);
            lock.release();
        }
        assert_eq!(lock.serving.0.load(Ordering::Relaxed), 2);
    }
}
