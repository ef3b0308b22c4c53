//! The SP804 dual timer (Arm DDI 0271): two counters that count down, with one interrupt line for both.

use super::{Device, primecell};
use crate::machine::APB_CLOCK;

/// A counter that only goes up.
pub trait Counter {
    /// Its value now.
    fn now(&self) -> u64;

    /// How often it counts in a second.
    fn frequency(&self) -> u64;
}

mod register {
    pub const LOAD: u64 = 0x00;
    pub const VALUE: u64 = 0x04;
    pub const CONTROL: u64 = 0x08;
    pub const INT_CLR: u64 = 0x0c;
    pub const RIS: u64 = 0x10;
    pub const MIS: u64 = 0x14;
    pub const BG_LOAD: u64 = 0x18;
    /// The second timer's registers begin here.
    pub const SECOND: u64 = 0x20;
    /// And end here.
    pub const END: u64 = 0x40;
}

mod control {
    pub const ONE_SHOT: u32 = 1 << 0;
    pub const SIZE_32: u32 = 1 << 1;
    /// The clock is divided by 1, 16 or 256.
    pub const PRESCALE_SHIFT: u32 = 2;
    pub const INTERRUPT: u32 = 1 << 5;
    pub const PERIODIC: u32 = 1 << 6;
    pub const ENABLE: u32 = 1 << 7;
    pub const IMPLEMENTED: u32 = 0xef;
}

const PERIPHERAL_ID: [u8; 4] = [0x04, 0x18, 0x14, 0x00];

/// One of the two.
#[derive(Clone, Copy, Debug)]
struct Timer {
    control: u32,
    load: u32,
    /// The count at `at`.
    value: u64,
    /// When it last counted, in ticks of the device's clock.
    at: u64,
    raised: bool,
    /// It has reached zero, and stays there until it is loaded.
    halted: bool,
}

impl Timer {
    const RESET: Self =
        Self { control: control::INTERRUPT, load: 0, value: 0xffff_ffff, at: 0, raised: false, halted: false };

    const fn has(&self, bit: u32) -> bool {
        self.control & bit != 0
    }

    /// log2 of what the clock is divided by. The fourth choice is undefined: it is the third here.
    fn prescale(&self) -> u32 {
        (self.control >> control::PRESCALE_SHIFT & 3).min(2) * 4
    }

    /// The largest count.
    const fn most(&self) -> u64 {
        if self.has(control::SIZE_32) { 0xffff_ffff } else { 0xffff }
    }

    const fn counts(&self) -> bool {
        self.has(control::ENABLE) && !self.halted
    }

    /// What the counter starts from when it is loaded.
    const fn loaded(&self) -> u64 {
        self.load as u64 & self.most()
    }

    /// Counts until zero comes next.
    fn until_zero(&self) -> u64 {
        let value = self.value & self.most();
        // A free-running counter that is at zero goes on at the top.
        if value == 0 && !self.has(control::PERIODIC | control::ONE_SHOT) { self.most() + 1 } else { value }
    }

    /// Counts up to `now`.
    fn advance(&mut self, now: u64) {
        if !self.counts() {
            self.at = now;
            return;
        }
        let steps = now.saturating_sub(self.at) >> self.prescale();
        self.at += steps << self.prescale();
        let until = self.until_zero();
        if steps < until {
            self.value = until - steps;
            return;
        }
        self.raised = true;
        let past = steps - until;
        self.value = match self.loaded() {
            _ if self.has(control::ONE_SHOT) => {
                self.halted = true;
                0
            }
            0 if self.has(control::PERIODIC) => 0,
            load if self.has(control::PERIODIC) => load - past % load,
            _ => (self.most() + 1 - past % (self.most() + 1)) & self.most(),
        };
    }

    /// When zero comes next.
    fn deadline(&self) -> Option<u64> {
        (self.counts() && self.has(control::INTERRUPT) && !self.raised)
            .then(|| self.at.saturating_add(self.until_zero() << self.prescale()))
    }

    fn read(&self, offset: u64) -> u32 {
        match offset {
            register::LOAD | register::BG_LOAD => self.load,
            register::VALUE => (self.value & self.most()) as u32,
            register::CONTROL => self.control,
            register::RIS => self.raised.into(),
            register::MIS => self.line().into(),
            _ => 0,
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        match offset {
            register::LOAD => {
                self.load = value;
                self.value = self.loaded();
                self.halted = false;
            }
            register::BG_LOAD => self.load = value,
            register::CONTROL => {
                self.control = value & control::IMPLEMENTED;
                self.halted &= self.has(control::ONE_SHOT);
            }
            register::INT_CLR => self.raised = false,
            _ => {}
        }
    }

    const fn line(&self) -> bool {
        self.raised && self.has(control::INTERRUPT)
    }
}

/// A dual timer. Its clock has [`APB_CLOCK`].
pub struct Sp804<C> {
    counter: C,
    timers: [Timer; 2],
}

impl<C: Counter> Sp804<C> {
    /// A timer that is driven by `counter`.
    pub fn new(counter: C) -> Self {
        Self { counter, timers: [Timer::RESET; 2] }
    }

    /// The time in ticks of the device's clock.
    fn ticks(&self) -> u64 {
        let ticks =
            u128::from(self.counter.now()) * u128::from(APB_CLOCK) / u128::from(self.counter.frequency().max(1));
        ticks as u64
    }

    fn advance(&mut self) {
        let now = self.ticks();
        self.timers.iter_mut().for_each(|timer| timer.advance(now));
    }
}

/// The timer whose registers are at `offset`, and the offset there.
const fn select(offset: u64) -> Option<(usize, u64)> {
    if offset < register::END { Some(((offset / register::SECOND) as usize, offset % register::SECOND)) } else { None }
}

impl<C: Counter> Device for Sp804<C> {
    fn name(&self) -> &'static str {
        "sp804"
    }

    fn read(&mut self, offset: u64) -> u32 {
        self.advance();
        match select(offset) {
            Some((timer, offset)) => self.timers[timer].read(offset),
            None => primecell::read(PERIPHERAL_ID, offset),
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        self.advance();
        if let Some((timer, offset)) = select(offset) {
            self.timers[timer].write(offset, value);
            // A load of zero has run out at once.
            self.advance();
        }
    }

    fn poll(&mut self) {
        self.advance();
    }

    fn line(&self) -> bool {
        self.timers.iter().any(Timer::line)
    }

    fn deadline(&self) -> Option<u64> {
        let ticks = self.timers.iter().filter_map(Timer::deadline).min()?;
        let counts = (u128::from(ticks) * u128::from(self.counter.frequency())).div_ceil(u128::from(APB_CLOCK));
        Some(u64::try_from(counts).unwrap_or(u64::MAX))
    }

    fn reset(&mut self) {
        self.timers = [Timer::RESET; 2];
    }
}

#[cfg(test)]
mod tests;
