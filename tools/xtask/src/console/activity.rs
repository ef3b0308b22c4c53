//! What a process has been doing, by Linux's `/proc` (proc(5)).

use std::fs;
use std::time::{Duration, Instant};

/// Length of the kernel's clock tick that `/proc` counts in: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// Work and sleep of a process since it was last restarted.
pub struct Activity {
    process: u32,
    base: Duration,
    last: Duration,
    looked: Instant,
    asleep: Duration,
}

impl Activity {
    /// Begins to watch a process.
    pub fn of(process: u32) -> Self {
        let mut activity = Self {
            process,
            base: Duration::ZERO,
            last: Duration::ZERO,
            looked: Instant::now(),
            asleep: Duration::ZERO,
        };
        activity.restart();
        activity
    }

    /// Forgets what was.
    pub fn restart(&mut self) {
        self.base = processor_time(self.process);
        self.last = self.base;
        self.looked = Instant::now();
        self.asleep = Duration::ZERO;
    }

    /// Looks what happened since the last look: the time counts as sleep when hardly any of it was worked and no thread
    /// waits for a processor.
    pub fn look(&mut self) {
        let now = Instant::now();
        let elapsed = now - self.looked;
        let time = processor_time(self.process);
        let worked = time.saturating_sub(self.last);
        if worked * 10 < elapsed && !runnable(self.process) {
            self.asleep += elapsed;
        }
        self.last = time;
        self.looked = now;
    }

    /// Processor time spent.
    pub fn working(&self) -> Duration {
        self.last.saturating_sub(self.base)
    }

    /// Time spent doing next to nothing.
    pub fn asleep(&self) -> Duration {
        self.asleep
    }
}

/// User and system time of a process; a process that is gone has none.
fn processor_time(process: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    TICK * parse_ticks(&text).unwrap_or(0)
}

fn runnable(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    threads.flatten().any(|thread| {
        let text = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        state(&text) == Some('R')
    })
}

/// The fields of `stat` behind the program's name, which may hold spaces and brackets: state is the first.
fn fields(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

fn state(stat: &str) -> Option<char> {
    fields(stat)?.next()?.chars().next()
}

fn parse_ticks(stat: &str) -> Option<u32> {
    // utime and stime are fields 14 and 15 of the file, state is 3.
    let mut times = fields(stat)?.skip(11);
    let user: u32 = times.next()?.parse().ok()?;
    let system: u32 = times.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stat() {
        let stat = "12 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 70 5 0 0 20 0 1 0 1 2 3";
        assert_eq!(parse_ticks(stat), Some(75));
        assert_eq!(state(stat), Some('S'));
        assert_eq!(parse_ticks(""), None);
    }

    #[test]
    fn a_process_that_is_gone_does_nothing() {
        assert_eq!(processor_time(u32::MAX), Duration::ZERO);
        assert!(!runnable(u32::MAX));
    }
}
