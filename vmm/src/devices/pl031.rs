//! The PL031 real-time clock (Arm DDI 0224).

use super::{Device, primecell};

/// Seconds since 1970, or since anything if nobody knows the date.
pub trait Clock {
    /// The time now.
    fn seconds(&self) -> u32;

    /// Asks to be polled when the time is this, in place of the moment before. False: that will not happen. Then an alarm is noticed when
    /// the guest's virtual timer fires or a device has work.
    fn wake_at(&mut self, _second: Option<u32>) -> bool {
        false
    }
}

mod register {
    pub const DR: u64 = 0x00;
    pub const MR: u64 = 0x04;
    pub const LR: u64 = 0x08;
    pub const CR: u64 = 0x0c;
    pub const IMSC: u64 = 0x10;
    pub const RIS: u64 = 0x14;
    pub const MIS: u64 = 0x18;
    pub const ICR: u64 = 0x1c;
}

const PERIPHERAL_ID: [u8; 4] = [0x31, 0x10, 0x04, 0x00];

/// A real-time clock.
pub struct Pl031<C> {
    clock: C,
    /// What the guest has set the clock forward, in seconds.
    offset: u32,
    load: u32,
    alarm: u32,
    mask: bool,
    raised: bool,
    /// The time when the alarm was last looked at.
    seen: u32,
    /// The clock will tell when the alarm is due.
    awaited: bool,
}

impl<C: Clock> Pl031<C> {
    /// A clock that shows `clock`'s time until the guest sets it.
    pub fn new(clock: C) -> Self {
        let seen = clock.seconds();
        Self { clock, offset: 0, load: 0, alarm: 0, mask: false, raised: false, seen, awaited: false }
    }

    fn now(&self) -> u32 {
        self.clock.seconds().wrapping_add(self.offset)
    }

    /// Raises the alarm if its moment lies between the last look (exclusive) and now.
    fn check_alarm(&mut self) {
        let now = self.now();
        let passed = now.wrapping_sub(self.seen);
        if passed != 0 && now.wrapping_sub(self.alarm) < passed {
            self.raised = true;
        }
        self.seen = now;
    }

    fn set_time(&mut self, value: u32) {
        self.load = value;
        self.offset = value.wrapping_sub(self.clock.seconds());
        self.seen = value;
    }

    /// Has the clock tell when the alarm is due, if the guest would hear of it.
    fn await_alarm(&mut self) {
        let due = (self.mask && !self.raised).then(|| self.alarm.wrapping_sub(self.offset));
        self.awaited = self.clock.wake_at(due);
    }

    fn set_alarm(&mut self, value: u32) {
        self.check_alarm();
        self.alarm = value;
        self.raised |= self.now() == value;
    }
}

impl<C: Clock> Device for Pl031<C> {
    fn name(&self) -> &'static str {
        "pl031"
    }

    fn read(&mut self, offset: u64) -> u32 {
        self.check_alarm();
        match offset {
            register::DR => self.now(),
            register::MR => self.alarm,
            register::LR => self.load,
            register::CR => 1, // It cannot be stopped.
            register::IMSC => self.mask.into(),
            register::RIS => self.raised.into(),
            register::MIS => self.line().into(),
            _ => primecell::read(PERIPHERAL_ID, offset),
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        match offset {
            register::MR => self.set_alarm(value),
            register::LR => self.set_time(value),
            register::IMSC => self.mask = value & 1 != 0,
            register::ICR if value & 1 != 0 => self.raised = false,
            _ => return,
        }
        self.await_alarm();
    }

    fn poll(&mut self) {
        self.check_alarm();
        self.await_alarm();
    }

    fn line(&self) -> bool {
        self.raised && self.mask
    }

    fn is_timed(&self) -> bool {
        self.mask && !self.awaited
    }

    fn reset(&mut self) {
        // A real one is battery-backed: the time that the guest has set stays.
        self.alarm = 0;
        self.mask = false;
        self.raised = false;
        self.await_alarm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    impl Clock for &Cell<u32> {
        fn seconds(&self) -> u32 {
            self.get()
        }
    }

    #[test]
    fn time_goes_on_and_can_be_set() {
        let time = Cell::new(1000);
        let mut rtc = Pl031::new(&time);
        assert_eq!(rtc.read(register::DR), 1000);
        rtc.write(register::LR, 5);
        time.set(1010);
        assert_eq!(rtc.read(register::DR), 15);
        assert_eq!(rtc.read(register::LR), 5);
    }

    #[test]
    fn the_alarm_rings_once_and_is_not_missed() {
        let time = Cell::new(1000);
        let mut rtc = Pl031::new(&time);
        rtc.write(register::MR, 1005);
        rtc.write(register::IMSC, 1);
        time.set(1004);
        rtc.poll();
        assert!(!rtc.line());
        time.set(1009); // past it
        rtc.poll();
        assert!(rtc.line());
        assert_eq!(rtc.read(register::MIS), 1);
        rtc.write(register::ICR, 1);
        time.set(1020);
        rtc.poll();
        assert!(!rtc.line());
    }

    #[test]
    fn a_masked_alarm_is_seen_in_the_raw_status_only() {
        let time = Cell::new(7);
        let mut rtc = Pl031::new(&time);
        rtc.write(register::MR, 7);
        assert_eq!(rtc.read(register::RIS), 1);
        assert_eq!(rtc.read(register::MIS), 0);
        assert!(!rtc.line());
    }

    /// A clock that can wake the monitor.
    struct Waking<'a>(&'a Cell<u32>, &'a Cell<Option<u32>>);

    impl Clock for Waking<'_> {
        fn seconds(&self) -> u32 {
            self.0.get()
        }

        fn wake_at(&mut self, second: Option<u32>) -> bool {
            self.1.set(second);
            true
        }
    }

    #[test]
    fn the_clock_is_asked_for_the_alarm_in_its_own_time_while_the_guest_would_hear_of_it() {
        let (time, asked) = (Cell::new(1000), Cell::new(None));
        let mut rtc = Pl031::new(Waking(&time, &asked));
        rtc.write(register::LR, 5000);
        rtc.write(register::MR, 5010);
        assert_eq!(asked.get(), None, "masked");
        rtc.write(register::IMSC, 1);
        assert_eq!((asked.get(), rtc.is_timed()), (Some(1010), false));
        time.set(1010);
        rtc.poll();
        assert_eq!((rtc.line(), asked.get()), (true, None));
        rtc.write(register::ICR, 1);
        rtc.write(register::MR, 5020);
        assert_eq!(asked.get(), Some(1020));
        rtc.reset();
        assert_eq!(asked.get(), None);
    }

    #[test]
    fn the_time_survives_a_reset() {
        let time = Cell::new(100);
        let mut rtc = Pl031::new(&time);
        rtc.write(register::LR, 50);
        rtc.write(register::IMSC, 1);
        rtc.reset();
        assert_eq!((rtc.read(register::DR), rtc.read(register::IMSC)), (50, 0));
    }
}
