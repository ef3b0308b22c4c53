//! The logic over the device.

use alloc::vec::Vec;

use clients::Signals;
use ivc::clock::User;

/// What the driver needs of the device.
pub trait Rtc {
    /// Seconds since 1970.
    fn seconds(&self) -> u32;

    /// Interrupts when the seconds are these, and no more for those before; `None`: never. If they are these already, it may interrupt
    /// or not.
    fn set_alarm(&mut self, second: Option<u32>);
}

/// The system counter.
pub trait Counter {
    /// What it shows.
    fn ticks(&self) -> u64;

    /// Ticks a second.
    fn frequency(&self) -> u64;
}

/// The driver's state between two interrupts or signals.
pub struct Driver<'m, R, C> {
    rtc: R,
    counter: C,
    /// The users with their channels.
    users: Vec<(usize, User<'m>)>,
    /// When the date was 0, in ticks, as far as is known: never too early. The device tells whole seconds; at an interrupt one has just begun.
    zero: Option<u64>,
}

impl<'m, R: Rtc, C: Counter> Driver<'m, R, C> {
    /// A driver of `rtc` for `users`, each with its channel. Begin with a [`run`](Self::run).
    pub fn new(rtc: R, counter: C, users: Vec<(usize, User<'m>)>) -> Self {
        Self { rtc, counter, users, zero: None }
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whom to signal.
    pub fn run(&mut self) -> Signals {
        let mut signals = Signals::default();
        loop {
            let now = self.rtc.seconds();
            self.tell_zero(now);
            for (channel, user) in &mut self.users {
                signals.add(*channel, user.is_due(now));
            }
            let next = self.users.iter().filter_map(|(_, user)| user.next(now));
            let next = next.min_by_key(|second| second.wrapping_sub(now));
            self.rtc.set_alarm(next);
            // The second may have passed before the device was told.
            if next.is_none() || self.rtc.seconds() == now {
                return signals;
            }
        }
    }

    /// Whoever is signalled must find by the counter that the second has come, so a moment that is earlier than the one told before
    /// replaces it. A clock that was set replaces it too.
    fn tell_zero(&mut self, now: u32) {
        let second = self.counter.frequency();
        let latest = self.counter.ticks().wrapping_sub(u64::from(now).wrapping_mul(second));
        let zero = match self.zero {
            Some(zero) if latest.wrapping_sub(zero) < second => zero,
            _ => latest,
        };
        if self.zero.replace(zero) != Some(zero) {
            self.users.iter().for_each(|(_, user)| user.set_zero(zero));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use core::cell::Cell;
    use ivc::{Block, Region, clock::Clock};
    use std::vec;

    const FREQUENCY: u64 = 1_000;

    /// A device whose seconds change `phase` ticks after the counter's.
    struct Machine {
        ticks: Cell<u64>,
        phase: u64,
        alarm: Cell<Option<u32>>,
        /// Ticks that pass with each access to the device.
        slow: u64,
    }

    impl Machine {
        fn new(phase: u64, slow: u64) -> Self {
            Self { ticks: Cell::new(50_000), phase, alarm: Cell::new(None), slow }
        }

        fn date(&self) -> u32 {
            1_000_000 + ((self.ticks.get() + self.phase) / FREQUENCY) as u32
        }

        fn pass(&self, ticks: u64) {
            self.ticks.set(self.ticks.get() + ticks);
        }
    }

    impl Rtc for &Machine {
        fn seconds(&self) -> u32 {
            self.pass(self.slow);
            self.date()
        }

        fn set_alarm(&mut self, second: Option<u32>) {
            self.pass(self.slow);
            self.alarm.set(second);
        }
    }

    impl Counter for &Machine {
        fn ticks(&self) -> u64 {
            self.ticks.get()
        }

        fn frequency(&self) -> u64 {
            FREQUENCY
        }
    }

    fn driver<'m>(machine: &'m Machine, memory: &'m [Block]) -> (Driver<'m, &'m Machine, &'m Machine>, Clock<'m>) {
        let user = User::attach(Region::over(memory)).expect("room");
        let driver = Driver::new(machine, machine, vec![(3, user)]);
        (driver, Clock::attach(Region::over(memory)).expect("room"))
    }

    fn is_signalled(signals: Signals) -> bool {
        signals.channels().eq([3])
    }

    #[test]
    fn the_alarm_is_set_when_somebody_wants_one() {
        let (machine, memory) = (Machine::new(0, 0), [const { Block::new() }; 2]);
        let (mut driver, clock) = driver(&machine, &memory);
        assert!(!is_signalled(driver.run()));
        assert_eq!(machine.alarm.get(), None);
        let wanted = machine.date() + 3;
        assert!(clock.set_alarm(Some(wanted)));
        assert!(!is_signalled(driver.run()));
        assert_eq!(machine.alarm.get(), Some(wanted));
        machine.pass(3 * FREQUENCY);
        assert!(is_signalled(driver.run()));
        assert_eq!(machine.alarm.get(), None);
    }

    #[test]
    fn a_second_that_passes_meanwhile_is_not_missed() {
        let (machine, memory) = (Machine::new(0, 0), [const { Block::new() }; 2]);
        let slow = Machine { slow: 400, ..Machine::new(0, 0) };
        machine.pass(1);
        let (mut driver, clock) = driver(&slow, &memory);
        assert!(clock.set_alarm(Some(slow.date() + 1)));
        let mut rang = is_signalled(driver.run());
        while slow.alarm.get().is_some_and(|second| slow.date() < second) {
            slow.pass(1);
        }
        rang |= is_signalled(driver.run());
        assert!(rang);
    }

    proptest::proptest! {
        /// Whoever is signalled finds that the second has come, and the date that is told is never ahead, nor a second behind.
        #[test]
        fn the_date_agrees_with_the_device(phase in 0..FREQUENCY, steps in proptest::collection::vec(1..1_700u64, 1..40), ticking: bool) {
            let (machine, memory) = (Machine::new(phase, 0), [const { Block::new() }; 2]);
            let (mut driver, clock) = driver(&machine, &memory);
            let told = || clock.seconds(machine.ticks.get(), FREQUENCY);
            let _ = driver.run();
            let _ = clock.set_ticks(ticking);
            for step in steps {
                let wanted = machine.date().wrapping_add(1);
                let _ = clock.set_alarm(Some(wanted));
                let _ = driver.run();
                machine.pass(step);
                let behind = machine.date() - told().expect("known");
                proptest::prop_assert!(behind <= 1, "{behind}");
                if machine.date() >= wanted {
                    proptest::prop_assert!(is_signalled(driver.run()));
                    proptest::prop_assert!(told() >= Some(wanted));
                }
            }
        }
    }
}
