//! What a PD receives, and the system calls of its event loop.

use core::fmt;

use sel4_abi::microkit::{badge, slot};

use crate::{Channel, Child, MessageInfo};

const INPUT: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::INPUT);
const REPLY: sel4::cap::Reply = sel4::Cap::from_bits(slot::REPLY);
const MONITOR: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::MONITOR_ENDPOINT);

/// What a PD receives, told apart by the badge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Notified(ChannelSet),
    Protected(Channel, MessageInfo),
    Fault(Child, MessageInfo),
}

impl Event {
    #[inline(always)]
    fn new((info, badge): (sel4::MessageInfo, sel4::Badge)) -> Self {
        let info = MessageInfo::from_inner(info);
        if badge & badge::PROTECTED_CALL != 0 {
            Self::Protected(Channel::new((badge & !badge::PROTECTED_CALL) as usize), info)
        } else if badge & badge::FAULT != 0 {
            Self::Fault(Child::new((badge & !badge::FAULT) as usize), info)
        } else {
            Self::Notified(ChannelSet(badge))
        }
    }
}

/// The channels that have notified the PD since it last received.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelSet(sel4::Badge);

impl ChannelSet {
    #[doc(hidden)]
    pub const fn from_badge(badge: sel4::Badge) -> Self {
        Self(badge)
    }

    /// Whether `channel` is one of them.
    #[inline(always)]
    pub const fn contains(&self, channel: Channel) -> bool {
        self.0 & (1 << channel.index()) != 0
    }

    /// The channels by number.
    pub const fn iter(&self) -> ChannelSetIter {
        ChannelSetIter(self.0)
    }

    /// The numbers, for messages.
    pub const fn display(&self) -> DisplayChannelSet<'_> {
        DisplayChannelSet(self)
    }
}

#[cfg(not(sel4_plain))]
impl IntoIterator for ChannelSet {
    type Item = Channel;
    type IntoIter = ChannelSetIter;

    fn into_iter(self) -> ChannelSetIter {
        self.iter()
    }
}

/// Iterator over the channels of a [`ChannelSet`].
#[derive(Debug, Clone)]
pub struct ChannelSetIter(sel4::Badge);

impl Iterator for ChannelSetIter {
    type Item = Channel;

    #[inline]
    fn next(&mut self) -> Option<Channel> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(Channel::new(index))
    }
}

/// A [`ChannelSet`] as `{1, 5}`.
#[derive(Debug)]
pub struct DisplayChannelSet<'a>(&'a ChannelSet);

impl fmt::Display for DisplayChannelSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, channel) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{}", channel.index())?;
        }
        f.write_str("}")
    }
}

/// A message that the loop sends together with its next receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreparedDeferredAction {
    cap: sel4::cap::Unspecified,
    info: sel4::MessageInfo,
}

impl PreparedDeferredAction {
    #[inline(always)]
    pub(crate) fn new<T: sel4::CapType>(cap: sel4::Cap<T>, info: sel4::MessageInfo) -> Self {
        Self { cap: cap.upcast(), info }
    }

    /// A passive server's request to the monitor: take my scheduling context away.
    pub(crate) fn forfeit_sc() -> Self {
        Self::new(MONITOR, sel4::MessageInfo::default())
    }
}

/// Waits for the next event, answering or sending first what there is to answer or send.
#[inline(always)]
pub(crate) fn next_event(reply: Option<MessageInfo>, action: Option<PreparedDeferredAction>) -> Event {
    Event::new(match (reply, action) {
        (Some(reply), action) => {
            if let Some(action) = action {
                send(action);
            }
            INPUT.reply_recv(reply.into_inner(), REPLY)
        }
        (None, Some(action)) => action.cap.nb_send_recv(action.info, INPUT, REPLY),
        (None, None) => INPUT.recv(REPLY),
    })
}

/// Sends without touching the message registers, which hold the answer to come.
fn send(action: PreparedDeferredAction) {
    action.cap.send_with_mrs(action.info, []);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::vec::Vec;

    #[test]
    fn badges_are_events() {
        let info = sel4::MessageInfo::new(5, 0, 0, 1);
        let message = MessageInfo::from_inner(info);
        assert_eq!(Event::new((info, 1 << 63 | 7)), Event::Protected(Channel::new(7), message));
        assert_eq!(Event::new((info, 1 << 62 | 9)), Event::Fault(Child::new(9), message));
        assert_eq!(Event::new((info, 0b1001)), Event::Notified(ChannelSet(0b1001)));
    }

    #[test]
    fn a_set_of_channels() {
        let set = ChannelSet::from_badge(1 << 61 | 1 << 5 | 1);
        assert_eq!(set.iter().map(|channel| channel.index()).collect::<Vec<_>>(), [0, 5, 61]);
        assert!(set.contains(Channel::new(5)) && !set.contains(Channel::new(6)));
        assert_eq!(format!("{}", set.display()), "{0, 5, 61}");
        assert_eq!(format!("{}", ChannelSet::from_badge(0).display()), "{}");
    }
}
