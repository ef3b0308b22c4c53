//! Time in the model: what any way of keeping a budget must hold to, whatever its refills are.

/// Budget and period, in ticks; they are equal where the budget only ends a turn.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    pub budget: u64,
    pub period: u64,
    pub extra_refills: u64,
    pub sporadic: bool,
}

/// What contexts are configured with, the first at first.
pub const PARAMETERS: [Parameters; 4] = [
    Parameters { budget: 1000, period: 1000, extra_refills: 0, sporadic: false },
    Parameters { budget: 100, period: 1000, extra_refills: 2, sporadic: false },
    Parameters { budget: 300, period: 500, extra_refills: 0, sporadic: false },
    Parameters { budget: 400, period: 900, extra_refills: 6, sporadic: true },
];

/// Longer than what any earlier parameters can have put off.
const SETTLED: u64 = 2 * 1000;

/// What a context has used.
#[derive(Clone, Debug)]
pub struct Account {
    pub parameters: Parameters,
    configured: u64,
    total: u64,
    /// When threads ran on it: beginning and end.
    runs: Vec<(u64, u64)>,
}

impl Account {
    pub fn new(parameters: Parameters, now: u64) -> Self {
        Self { parameters, configured: now, total: 0, runs: Vec::new() }
    }

    /// Whether the budget bounds what is used.
    pub fn is_bounded(&self) -> bool {
        self.parameters.budget < self.parameters.period
    }

    /// A thread ran on it. In no window of a period is more used than the budget; a sporadic context keeps what it missed
    /// while others ran, so that only the sum is bounded.
    pub fn run(&mut self, start: u64, end: u64) {
        if !self.is_bounded() {
            return;
        }
        let Parameters { budget, period, sporadic, .. } = self.parameters;
        let window = end.saturating_sub(period);
        self.runs.push((start, end));
        self.runs.retain(|(_, end)| *end > window);
        self.total += end - start;
        let used: u64 = self.runs.iter().map(|(start, end)| end - start.max(&window)).sum();
        assert!(sporadic || used <= budget, "{used} of {budget} ticks used from {window} to {end}: {:?}", self.runs);
        let most = budget * ((end - self.configured) / period + 1);
        assert!(self.total <= most, "{} of {most} ticks used since {}", self.total, self.configured);
    }

    /// Whether it must have time: a period ago, the last use had ended.
    pub fn must_have_time(&self, now: u64) -> bool {
        let last = self.runs.last().map_or(0, |(_, end)| *end);
        !self.is_bounded() || now >= last.max(self.configured + SETTLED) + self.parameters.period
    }
}
