//! The PD's own part of its event loop, and the loop.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;

use sel4_abi::quoll::reload::LOST_CALL;

use crate::ipc::{self, Event, PreparedDeferredAction};
use crate::{Channel, ChannelSet, Child, DeferredAction, MessageInfo, pd_is_passive, symbols};

pub use core::convert::Infallible;

/// What a PD does when it is notified or called, or when a child of it faults. The methods run to completion, one at a
/// time; each default panics.
pub trait Handler {
    /// What the methods fail with; a failure ends the PD.
    type Error: fmt::Display;

    /// Channels have notified the PD, or interrupts have come.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        panic!("unexpected notification from channels {}", channels.display())
    }

    /// A PD calls this one with the message in the message registers; the answer is what is returned, with the
    /// message registers then.
    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        panic!("unexpected protected procedure call from channel {channel:?} with msg_info={msg_info:?}")
    }

    /// A child has faulted ([`MessageInfo::fault`]). The child goes on when a message is returned; what it does to
    /// the child depends on the fault (seL4 manual, "Faults").
    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, Self::Error> {
        panic!("unexpected fault from protection domain {child:?} with msg_info={msg_info:?}")
    }

    /// A notification or acknowledgement that the loop is to send together with its next receive, which saves a
    /// system call. It is asked for after each of the other methods.
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }

    #[doc(hidden)]
    #[inline]
    fn run(&mut self) -> Result<Never, Self::Error> {
        // Who called the PD's former life must not wait for ever; if nobody did, the answer goes nowhere.
        let mut reply = (symbols::pd_life() > 0).then(|| MessageInfo::new(LOST_CALL, 0));
        let mut action = pd_is_passive().then(PreparedDeferredAction::forfeit_sc);
        ack_irqs();
        loop {
            match ipc::next_event(reply.take(), action.take()) {
                Event::Notified(channels) => self.notified(channels)?,
                Event::Protected(channel, msg_info) => reply = Some(self.protected(channel, msg_info)?),
                Event::Fault(child, msg_info) => reply = self.fault(child, msg_info)?,
            }
            action = self.take_deferred_action().as_ref().map(DeferredAction::prepare);
        }
    }
}

/// Acknowledges every interrupt once: one that came before the PD could take it is told again.
fn ack_irqs() {
    for irq in ChannelSet::from_badge(symbols::pd_irqs()).iter() {
        if let Err(error) = irq.irq_ack() {
            panic!("cannot acknowledge the interrupt of channel '{}': {error}", irq.index());
        }
    }
}

/// No value: what an endless loop returns.
#[derive(Debug)]
pub enum Never {}

impl Handler for Never {
    type Error = Infallible;
}

/// A [`Handler`] that expects nothing.
#[derive(Debug)]
pub struct NullHandler(());

impl NullHandler {
    /// The one value.
    #[allow(clippy::new_without_default, reason = "as upstream")]
    pub fn new() -> Self {
        Self(())
    }
}

impl Handler for NullHandler {
    type Error = Infallible;
}

#[cfg(feature = "alloc")]
impl<T: Handler + ?Sized> Handler for Box<T> {
    type Error = T::Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        (**self).notified(channels)
    }

    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        (**self).protected(channel, msg_info)
    }

    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, Self::Error> {
        (**self).fault(child, msg_info)
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        (**self).take_deferred_action()
    }
}
