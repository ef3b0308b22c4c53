//! Channels: what a PD may notify, call, or be interrupted by.

use core::fmt;

use sel4_abi::microkit::{limit::MAX_CHANNELS, slot};

use crate::MessageInfo;
use crate::symbols::{pd_irqs, pd_notifications, pd_pps};

/// One end of a channel to another PD, or an interrupt; the number is the `id` of the system description.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Channel {
    index: usize,
}

impl Channel {
    /// The channel with this number.
    ///
    /// # Panics
    ///
    /// When the number is above 61.
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CHANNELS);
        Self { index }
    }

    /// The channel's number.
    pub const fn index(&self) -> usize {
        self.index
    }

    #[inline(always)]
    fn cap<T: ChannelFacet>(&self) -> sel4::Cap<T> {
        if T::mask() & (1 << self.index) == 0 {
            invalid(T::METHOD_NAME, self.index);
        }
        sel4::Cap::from_bits(T::BASE_SLOT + self.index as sel4::CPtrBits)
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn notification(&self) -> sel4::cap::Notification {
        self.cap()
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn irq_handler(&self) -> sel4::cap::IrqHandler {
        self.cap()
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn endpoint(&self) -> sel4::cap::Endpoint {
        self.cap()
    }

    /// The port to the guest at the other end, if there is one: what quoll has for messages.
    ///
    /// # Panics
    ///
    /// When this end may not notify the other.
    #[cfg(not(sel4_plain))]
    #[inline]
    pub fn port(&self) -> sel4::quoll::Port {
        self.notification().cast()
    }

    /// Notifies the PD at the other end.
    ///
    /// # Panics
    ///
    /// When this end has no such right.
    #[inline]
    pub fn notify(&self) {
        self.notification().signal();
    }

    /// Lets the interrupt come again.
    ///
    /// # Panics
    ///
    /// When the channel is no interrupt.
    #[inline]
    pub fn irq_ack(&self) -> Result<(), IrqAckError> {
        self.irq_handler().irq_handler_ack().map_err(IrqAckError)
    }

    /// Calls the PD at the other end with the message in the message registers, and waits for its answer.
    ///
    /// # Panics
    ///
    /// When this end has no such right.
    #[inline]
    pub fn pp_call(&self, msg_info: MessageInfo) -> MessageInfo {
        MessageInfo::from_inner(self.endpoint().call(msg_info.into_inner()))
    }
}

#[cold]
#[inline(never)]
fn invalid(method: &str, index: usize) -> ! {
    panic!("{method}: not valid for channel '{index}'")
}

/// What can be done with a channel: where its capabilities start and which channels have one.
trait ChannelFacet: sel4::CapType {
    const METHOD_NAME: &str;
    const BASE_SLOT: sel4::CPtrBits;

    fn mask() -> u64;
}

impl ChannelFacet for sel4::cap_type::Notification {
    const METHOD_NAME: &str = "notify";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_OUTPUT_NOTIFICATION;

    #[inline(always)]
    fn mask() -> u64 {
        pd_notifications()
    }
}

impl ChannelFacet for sel4::cap_type::IrqHandler {
    const METHOD_NAME: &str = "irq_ack";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_IRQ;

    #[inline(always)]
    fn mask() -> u64 {
        pd_irqs()
    }
}

impl ChannelFacet for sel4::cap_type::Endpoint {
    const METHOD_NAME: &str = "pp_call";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_ENDPOINT;

    #[inline(always)]
    fn mask() -> u64 {
        pd_pps()
    }
}

/// The kernel refused [`Channel::irq_ack`].
#[derive(Debug, PartialEq, Eq)]
pub struct IrqAckError(sel4::Error);

impl fmt::Display for IrqAckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "irq ack error: {:?}", self.0)
    }
}

#[cfg(not(sel4_plain))]
impl core::error::Error for IrqAckError {}
