//! Whether a child that has faulted is worth another life.

/// Lives in a row that end early, after which a child is given up.
pub const MOST_IN_A_ROW: u32 = 5;
/// A life is early at its end before this part of a second.
const EARLY: u64 = 10;

/// How a child has fared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watch {
    restarts: u64,
    /// When this life began, in ticks.
    began: u64,
    early_ends: u32,
    given_up: bool,
}

/// What becomes of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is started anew.
    Restart,
    /// It stays as it is.
    GiveUp,
}

impl Watch {
    /// A child's first life begins.
    pub fn new(now: u64) -> Self {
        Self { began: now, ..Self::default() }
    }

    /// The child has faulted, `now` in ticks of which a second has `frequency`.
    pub fn faulted(&mut self, now: u64, frequency: u64) -> Verdict {
        let early = now.wrapping_sub(self.began) < frequency / EARLY;
        self.early_ends = if early { self.early_ends + 1 } else { 0 };
        self.given_up = self.early_ends >= MOST_IN_A_ROW;
        if self.given_up { Verdict::GiveUp } else { Verdict::Restart }
    }

    /// Somebody who may wants it to be started anew: what was before counts no more.
    pub fn asked(&mut self) {
        self.early_ends = 0;
        self.given_up = false;
    }

    /// It is started anew.
    pub fn restarted(&mut self, now: u64) {
        self.restarts += 1;
        self.began = now;
    }

    /// How often it was started anew.
    pub const fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether it was given up.
    pub const fn is_given_up(&self) -> bool {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    #[test]
    fn a_child_that_lives_for_a_while_is_always_restarted() {
        let mut watch = Watch::new(0);
        for life in 1..100 {
            assert_eq!(watch.faulted(life * 100, SECOND), Verdict::Restart);
            watch.restarted(life * 100);
        }
        assert_eq!(watch.restarts(), 99);
    }

    #[test]
    fn a_child_that_dies_at_once_is_given_up_until_somebody_asks() {
        let mut watch = Watch::new(0);
        for life in 1..MOST_IN_A_ROW {
            assert_eq!(watch.faulted(life.into(), SECOND), Verdict::Restart);
            watch.restarted(life.into());
        }
        assert_eq!(watch.faulted(99, SECOND), Verdict::GiveUp);
        assert!(watch.is_given_up());
        watch.asked();
        watch.restarted(100);
        assert!(!watch.is_given_up());
        assert_eq!(watch.faulted(101, SECOND), Verdict::Restart);
    }

    #[test]
    fn a_long_life_makes_up_for_short_ones() {
        let mut watch = Watch::new(0);
        for _ in 0..10 {
            assert_eq!(watch.faulted(1, SECOND), Verdict::Restart);
            assert_eq!(watch.faulted(500, SECOND), Verdict::Restart);
            watch.restarted(0);
        }
    }
}
