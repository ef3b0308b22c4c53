//! Ports to the mailboxes of virtual CPUs ([`crate::abi::quoll::port`]).

use super::call_numbered;
use crate::abi::quoll::port;
use crate::{InvocationContext, Result, Word, quoll::Port};

impl<C: InvocationContext> Port<C> {
    /// Sends a message. [`crate::Error::DeleteFirst`] says that the receiver has not yet acknowledged the one before.
    #[inline]
    pub fn port_send(self, message: [Word; port::WORDS]) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| call_numbered(ipc_buffer, cptr, port::SEND, [], message))?;
        Ok(())
    }

    /// Signals: the receiver finds that something has come, however often it was signalled.
    #[inline]
    pub fn port_signal(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| call_numbered(ipc_buffer, cptr, port::SIGNAL, [], []))?;
        Ok(())
    }
}
