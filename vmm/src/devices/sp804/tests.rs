//! Register by register, as DDI 0271 has them in chapter 3.

use super::*;
use core::cell::Cell;
use proptest::prelude::*;

/// A counter with two counts for each tick of the device's clock.
impl Counter for &Cell<u64> {
    fn now(&self) -> u64 {
        self.get()
    }

    fn frequency(&self) -> u64 {
        2 * u64::from(APB_CLOCK)
    }
}

const ENABLED: u32 = control::ENABLE | control::INTERRUPT | control::SIZE_32;

fn pass(time: &Cell<u64>, ticks: u64) {
    time.set(time.get() + 2 * ticks);
}

#[test]
fn it_is_as_after_reset() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    for base in [0, register::SECOND] {
        assert_eq!(timer.read(base + register::LOAD), 0);
        assert_eq!(timer.read(base + register::CONTROL), 0x20);
        assert_eq!(timer.read(base + register::RIS), 0);
        assert_eq!(timer.read(base + register::MIS), 0);
        assert_eq!(timer.read(base + register::BG_LOAD), 0);
    }
    pass(&time, 1000);
    assert_eq!(timer.read(register::VALUE), 0xffff, "it is not enabled, and 16 bits wide");
    assert!(!timer.line() && timer.deadline().is_none());
    let id = |timer: &mut Sp804<_>, base: u64| (0..4).rev().fold(0, |word, n| word << 8 | timer.read(base + 4 * n));
    assert_eq!((id(&mut timer, 0xfe0), id(&mut timer, 0xff0)), (0x0014_1804, 0xb105_f00d));
    timer.write(register::CONTROL, u32::MAX);
    assert_eq!(timer.read(register::CONTROL), 0xef, "bit 4 is reserved");
    timer.write(register::LOAD, 5);
    timer.reset();
    assert_eq!((timer.read(register::CONTROL), timer.read(register::LOAD)), (0x20, 0));
}

#[test]
fn a_periodic_one_starts_over_from_its_load() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    timer.write(register::LOAD, 100);
    timer.write(register::CONTROL, ENABLED | control::PERIODIC);
    assert_eq!(timer.deadline(), Some(200));
    pass(&time, 40);
    assert_eq!((timer.read(register::VALUE), timer.line()), (60, false));
    pass(&time, 60);
    timer.poll();
    assert!(timer.line() && timer.deadline().is_none());
    assert_eq!((timer.read(register::VALUE), timer.read(register::MIS)), (100, 1));
    timer.write(register::INT_CLR, 0);
    assert!(!timer.line());
    assert_eq!(timer.deadline(), Some(400));
    pass(&time, 1030);
    assert_eq!((timer.read(register::VALUE), timer.read(register::RIS)), (70, 1));
}

#[test]
fn a_free_running_one_goes_on_at_the_top() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    for (size, most) in [(control::SIZE_32, 0xffff_ffff), (0, 0xffff)] {
        timer.write(register::LOAD, 10);
        timer.write(register::CONTROL, control::ENABLE | control::INTERRUPT | size);
        pass(&time, 10);
        assert_eq!((timer.read(register::VALUE), timer.read(register::RIS)), (0, 1));
        timer.write(register::INT_CLR, 1);
        pass(&time, 1);
        assert_eq!((timer.read(register::VALUE), timer.read(register::RIS)), (most, 0));
        pass(&time, u64::from(most) + 1);
        assert_eq!((timer.read(register::VALUE), timer.read(register::RIS)), (most, 1));
        timer.write(register::INT_CLR, 1);
    }
}

#[test]
fn a_one_shot_stops_until_it_is_loaded_or_is_none_any_more() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    timer.write(register::LOAD, 10);
    timer.write(register::CONTROL, ENABLED | control::ONE_SHOT);
    pass(&time, 50);
    assert_eq!((timer.read(register::VALUE), timer.read(register::MIS)), (0, 1));
    timer.write(register::INT_CLR, 1);
    pass(&time, 50);
    assert_eq!((timer.read(register::RIS), timer.deadline()), (0, None));
    timer.write(register::LOAD, 7);
    assert_eq!(timer.deadline(), Some(time.get() + 14));
    pass(&time, 7);
    assert_eq!(timer.read(register::MIS), 1);
    timer.write(register::INT_CLR, 1);
    timer.write(register::CONTROL, ENABLED);
    pass(&time, 1);
    assert_eq!(timer.read(register::VALUE), 0xffff_ffff);
}

#[test]
fn the_background_load_counts_from_the_next_period_on() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    timer.write(register::LOAD, 100);
    timer.write(register::CONTROL, ENABLED | control::PERIODIC);
    pass(&time, 30);
    timer.write(register::BG_LOAD, 50);
    assert_eq!((timer.read(register::VALUE), timer.read(register::LOAD)), (70, 50));
    pass(&time, 80);
    assert_eq!((timer.read(register::VALUE), timer.read(register::BG_LOAD)), (40, 50));
}

#[test]
fn the_clock_is_divided() {
    for (bits, divisor) in [(0, 1), (1, 16), (2, 256)] {
        let time = Cell::new(0);
        let mut timer = Sp804::new(&time);
        timer.write(register::LOAD, 100);
        timer.write(register::CONTROL, ENABLED | control::PERIODIC | bits << control::PRESCALE_SHIFT);
        // What is left of a step counts.
        for _ in 0..10 {
            pass(&time, divisor);
            timer.poll();
        }
        assert_eq!(timer.read(register::VALUE), 90);
        assert_eq!(timer.deadline(), Some(2 * 100 * divisor));
    }
}

#[test]
fn a_load_of_zero_has_run_out_at_once() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    timer.write(register::CONTROL, ENABLED | control::PERIODIC);
    timer.write(register::LOAD, 0);
    assert!(timer.line());
}

#[test]
fn the_two_share_a_line_and_nothing_else() {
    let time = Cell::new(0);
    let mut timer = Sp804::new(&time);
    timer.write(register::SECOND + register::LOAD, 5);
    timer.write(register::SECOND + register::CONTROL, ENABLED | control::PERIODIC);
    pass(&time, 5);
    assert_eq!((timer.read(register::MIS), timer.read(register::SECOND + register::MIS)), (0, 1));
    assert!(timer.line());
    timer.write(register::INT_CLR, 1);
    assert!(timer.line());
    timer.write(register::SECOND + register::CONTROL, control::ENABLE | control::PERIODIC);
    assert!(!timer.line(), "it is masked");
    assert_eq!(timer.read(register::SECOND + register::RIS), 1);
}

proptest! {
    /// However often it is looked at, it shows the same.
    #[test]
    fn looking_changes_nothing(load: u32, control in 0u32..0x100, looks in proptest::collection::vec(0u64..5000, 1..20)) {
        let time = Cell::new(0);
        let (mut seen, mut unseen) = (Sp804::new(&time), Sp804::new(&time));
        for timer in [&mut seen, &mut unseen] {
            timer.write(register::CONTROL, control);
            timer.write(register::LOAD, load % 10_000);
        }
        for ticks in looks {
            time.set(time.get() + ticks);
            let deadline = seen.deadline();
            seen.poll();
            prop_assert!(!seen.line() || deadline.is_none_or(|deadline| deadline <= time.get()), "sooner than said");
        }
        for offset in [register::VALUE, register::RIS] {
            prop_assert_eq!(seen.read(offset), unseen.read(offset));
        }
    }
}
