//! Messages of three words to a native program, which has no virtual CPU and so no mailbox in it: through memory that it shares with the
//! sender alone. Each channel has memory of its own, so nobody learns what others send.
//!
//! The other way, to a guest, the kernel brings them: `sel4_invocations::port_send`, or [`crate::guest::send`] of another guest.

use sel4_abi::quoll::port;

use crate::guest::{Refused, Words};
use crate::{Receiver, Region, RegionError, Sender};

/// The sender's end.
#[derive(Debug)]
pub struct Post<'m>(Sender<'m>);

/// The receiver's end.
#[derive(Debug)]
pub struct Mailbox<'m>(Receiver<'m>);

impl<'m> Post<'m> {
    /// Attaches to the memory.
    ///
    /// # Errors
    /// It has no room for a message.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        Sender::attach(region, port::WORDS).map(Self)
    }

    /// Sends a message. Returns whether the receiver waits for a signal.
    ///
    /// # Errors
    /// There is no room: the receiver has not taken those before.
    pub fn send(&mut self, message: Words) -> Result<bool, Refused> {
        let fill = |slot: crate::Words<'m>| message.iter().enumerate().for_each(|(index, word)| slot.set(index, *word));
        if self.0.send(fill) { Ok(self.0.owes_signal()) } else { Err(Refused::Busy) }
    }
}

impl<'m> Mailbox<'m> {
    /// Attaches to the memory. What was for a former life of the receiver is not for this one.
    ///
    /// # Errors
    /// It has no room for a message.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        Receiver::attach_empty(region, port::WORDS).map(Self)
    }

    /// Takes the oldest message. If there is none, a signal will tell of the next one.
    pub fn receive(&mut self) -> Option<Words> {
        loop {
            let message = self.0.receive(|slot| core::array::from_fn(|index| slot.get(index)));
            if message.is_some() || self.0.await_data() {
                return message;
            }
        }
    }

    /// Throws away what has come.
    pub fn discard(&mut self) {
        self.0.discard();
    }
}
