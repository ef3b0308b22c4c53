//! A notification or interrupt acknowledgement that rides on the PD's next system call.

use sel4_abi::label::InvocationLabel;

use crate::ipc::PreparedDeferredAction;
use crate::{Channel, IrqAckError};

/// What [`Handler::take_deferred_action`](crate::Handler::take_deferred_action) hands to the event loop.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct DeferredAction {
    channel: Channel,
    interface: DeferredActionInterface,
}

/// What can be deferred.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum DeferredActionInterface {
    /// [`Channel::notify`].
    Notify,
    /// [`Channel::irq_ack`].
    IrqAck,
}

impl DeferredAction {
    /// An action on a channel.
    pub const fn new(channel: Channel, interface: DeferredActionInterface) -> Self {
        Self { channel, interface }
    }

    /// [`Channel::notify`], later.
    pub const fn new_notify(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::Notify)
    }

    /// [`Channel::irq_ack`], later.
    pub const fn new_irq_ack(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::IrqAck)
    }

    /// The channel.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// What is to be done.
    pub const fn interface(&self) -> DeferredActionInterface {
        self.interface
    }

    /// Does it now.
    pub fn execute_now(self) -> Result<(), IrqAckError> {
        match self.interface {
            DeferredActionInterface::Notify => {
                self.channel.notify();
                Ok(())
            }
            DeferredActionInterface::IrqAck => self.channel.irq_ack(),
        }
    }

    #[inline(always)]
    pub(crate) fn prepare(&self) -> PreparedDeferredAction {
        match self.interface {
            DeferredActionInterface::Notify => {
                PreparedDeferredAction::new(self.channel.notification(), sel4::MessageInfo::default())
            }
            DeferredActionInterface::IrqAck => {
                let info = sel4::MessageInfo::new(InvocationLabel::IRQAckIRQ as sel4::Word, 0, 0, 0);
                PreparedDeferredAction::new(self.channel.irq_handler(), info)
            }
        }
    }
}

/// Room for one action: for the implementation of
/// [`Handler::take_deferred_action`](crate::Handler::take_deferred_action).
#[derive(Debug, Default)]
pub struct DeferredActionSlot {
    inner: Option<DeferredAction>,
}

impl DeferredActionSlot {
    /// An empty slot.
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// The action, if there is one.
    pub const fn take(&mut self) -> Option<DeferredAction> {
        self.inner.take()
    }

    /// Puts an action in; does the one that was there now.
    pub fn defer(&mut self, action: DeferredAction) -> Result<(), IrqAckError> {
        self.inner.replace(action).map_or(Ok(()), DeferredAction::execute_now)
    }

    /// Defers [`Channel::notify`].
    pub fn defer_notify(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_notify(channel))
    }

    /// Defers [`Channel::irq_ack`].
    pub fn defer_irq_ack(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_irq_ack(channel))
    }
}
