//! A clock that one party keeps and others read: the time of day without asking for it, and a signal at a moment or each second.
//!
//! The first line of a region is the keeper's: the moment at which the date was 0, in ticks of the system counter. The second is the
//! user's: the second it wants to be signalled at, and whether it wants a signal each second. Everything is told in one word, so that
//! nothing is read half; a user that lies in its words is signalled at other times, and no one else notices.

use crate::{Region, RegionError, Words};

/// Bytes of each party's part.
const LINE: usize = 64;
/// In front of a second: there is one.
const WANTED: u64 = 1 << 32;

/// The user's words.
mod word {
    pub const ALARM: usize = 0;
    pub const TICK: usize = 1;
}

fn parts(region: Region<'_>) -> Result<(Words<'_>, Words<'_>), RegionError> {
    let (keeper, rest) = region.split(LINE);
    let (user, _) = rest.split(LINE);
    if user.size() < LINE {
        return Err(RegionError::TooSmall);
    }
    Ok((Words::over(keeper), Words::over(user)))
}

/// Whether a second has come. Seconds are counted in 32 bits; half of them are before, half behind any.
const fn has_come(second: u32, now: u32) -> bool {
    now.wrapping_sub(second) < 1 << 31
}

/// The keeper's view of one user.
#[derive(Debug)]
pub struct User<'m> {
    own: Words<'m>,
    user: Words<'m>,
    /// The alarm that was signalled last, as the user has written it.
    rung: u64,
    /// The second that was signalled last.
    ticked: u32,
}

impl<'m> User<'m> {
    /// The user behind a region.
    ///
    /// # Errors
    /// The region is too small: 128 bytes are needed.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let (own, user) = parts(region)?;
        Ok(Self { own, user, rung: 0, ticked: 0 })
    }

    /// Tells when the date was 0, in ticks.
    pub fn set_zero(&self, ticks: u64) {
        // 0 is what fresh memory has.
        self.own.set(0, ticks.max(1));
    }

    fn alarm(&self) -> u64 {
        match self.user.get(word::ALARM) {
            alarm if alarm & WANTED != 0 => alarm & (WANTED | u64::from(u32::MAX)),
            _ => 0,
        }
    }

    fn wants_ticks(&self) -> bool {
        self.user.get(word::TICK) != 0
    }

    /// Whether the user is to be signalled `now`. It counts as signalled then.
    #[must_use = "the user waits for this signal"]
    pub fn is_due(&mut self, now: u32) -> bool {
        let alarm = self.alarm();
        let rings = alarm != 0 && alarm != self.rung && has_come(alarm as u32, now);
        if rings || alarm == 0 {
            self.rung = alarm;
        }
        let ticks = self.wants_ticks() && self.ticked != now;
        if ticks {
            self.ticked = now;
        }
        rings || ticks
    }

    /// The next second after `now` at which the user is to be signalled.
    #[must_use]
    pub fn next(&self, now: u32) -> Option<u32> {
        let alarm = self.alarm();
        let ring = (alarm != 0 && alarm != self.rung).then_some(alarm as u32);
        let tick = self.wants_ticks().then(|| now.wrapping_add(1));
        ring.into_iter().chain(tick).min_by_key(|second| second.wrapping_sub(now))
    }
}

/// A user's view of the clock.
#[derive(Debug)]
pub struct Clock<'m> {
    keeper: Words<'m>,
    own: Words<'m>,
}

impl<'m> Clock<'m> {
    /// The clock behind a region. It is asked for nothing yet, whatever a former life of the user has asked for.
    ///
    /// # Errors
    /// The region is too small: 128 bytes are needed.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let (keeper, own) = parts(region)?;
        own.set(word::ALARM, 0);
        own.set(word::TICK, 0);
        Ok(Self { keeper, own })
    }

    /// Seconds since 1970 when the counter, which makes `frequency` ticks a second, shows `counter`. `None` while the keeper has told
    /// nothing.
    #[must_use]
    pub fn seconds(&self, counter: u64, frequency: u64) -> Option<u32> {
        match self.keeper.get(0) {
            0 => None,
            zero => Some((counter.wrapping_sub(zero) / frequency.max(1)) as u32),
        }
    }

    /// Asks for a signal at a second, in place of the one before. Whether the keeper is to be signalled: it does not know yet.
    #[must_use = "the keeper does not look before it is signalled"]
    pub fn set_alarm(&self, second: Option<u32>) -> bool {
        self.ask(word::ALARM, second.map_or(0, |second| WANTED | u64::from(second)))
    }

    /// Asks for a signal each second, or for no more of them. Whether the keeper is to be signalled: it does not know yet.
    #[must_use = "the keeper does not look before it is signalled"]
    pub fn set_ticks(&self, wanted: bool) -> bool {
        self.ask(word::TICK, wanted.into())
    }

    fn ask(&self, index: usize, value: u64) -> bool {
        let changed = self.own.get(index) != value;
        self.own.set(index, value);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;

    fn pair(memory: &[Block]) -> (User<'_>, Clock<'_>) {
        (User::attach(Region::over(memory)).expect("room"), Clock::attach(Region::over(memory)).expect("room"))
    }

    #[test]
    fn the_date_is_read_without_asking() {
        let memory = [const { Block::new() }; 2];
        let (user, clock) = pair(&memory);
        assert_eq!(clock.seconds(5, 10), None);
        user.set_zero(0_u64.wrapping_sub(1_000));
        assert_eq!(
            (clock.seconds(0, 10), clock.seconds(9, 10), clock.seconds(10, 10)),
            (Some(100), Some(100), Some(101))
        );
        assert_eq!(clock.seconds(0, 0), Some(1_000), "a counter without frequency stops nobody");
    }

    #[test]
    fn an_alarm_rings_once() {
        let memory = [const { Block::new() }; 2];
        let (mut user, clock) = pair(&memory);
        assert_eq!(user.next(100), None);
        assert!(clock.set_alarm(Some(105)) && !clock.set_alarm(Some(105)), "nothing new");
        assert_eq!(user.next(100), Some(105));
        assert!(!user.is_due(104) && user.is_due(106) && !user.is_due(107));
        assert_eq!(user.next(107), None);
        assert!(clock.set_alarm(None) && !user.is_due(108));
        assert!(clock.set_alarm(Some(105)) && user.is_due(109), "asked for again, and it has come");
    }

    #[test]
    fn an_alarm_behind_the_end_of_the_count_is_ahead() {
        let memory = [const { Block::new() }; 2];
        let (mut user, clock) = pair(&memory);
        assert!(clock.set_alarm(Some(3)));
        assert!(!user.is_due(u32::MAX - 1) && user.is_due(3));
    }

    #[test]
    fn ticks_come_once_a_second_until_they_are_stopped() {
        let memory = [const { Block::new() }; 2];
        let (mut user, clock) = pair(&memory);
        assert!(clock.set_ticks(true) && clock.set_alarm(Some(200)));
        assert_eq!(user.next(100), Some(101));
        assert!(user.is_due(100) && !user.is_due(100) && user.is_due(101));
        assert!(clock.set_ticks(false) && !user.is_due(102));
        assert_eq!(user.next(102), Some(200));
    }

    #[test]
    fn a_user_that_starts_anew_has_asked_for_nothing() {
        let memory = [const { Block::new() }; 2];
        let (mut user, clock) = pair(&memory);
        assert!(clock.set_ticks(true) && clock.set_alarm(Some(1)));
        let _ = Clock::attach(Region::over(&memory)).expect("room");
        assert!(!user.is_due(100));
        assert_eq!(user.next(100), None);
    }

    #[test]
    fn a_line_has_no_room_for_two() {
        let memory = [const { Block::new() }; 1];
        assert_eq!(Clock::attach(Region::over(&memory)).err(), Some(RegionError::TooSmall));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_user_writes_it_is_signalled_or_not(alarm: u64, tick: u64, seconds: [u32; 4]) {
            let memory = [const { Block::new() }; 2];
            let (mut user, _) = pair(&memory);
            memory[1].scribble(word::ALARM, alarm);
            memory[1].scribble(word::TICK, tick);
            for now in seconds {
                let _ = user.is_due(now);
                // What is due now has been signalled: the next is another second, so that the keeper never spins.
                proptest::prop_assert!(user.next(now).is_none_or(|next| !has_come(next, now)));
            }
        }
    }
}
