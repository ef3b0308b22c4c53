//! Random numbers that are the same in each run.

/// Marsaglia's xorshift.
pub struct Random(u64);

impl Random {
    /// A sequence that the seed alone determines.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Any word.
    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound as u64) as usize
    }

    /// One of `values`.
    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}
