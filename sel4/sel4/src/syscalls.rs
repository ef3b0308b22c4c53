//! System calls on endpoints, notifications and reply objects (seL4 manual, "System Calls").

use crate::abi::message;
use crate::abi::syscall::Syscall;
use crate::arch::{self, FastMessage, Received};
use crate::{Cap, CapType, InvocationContext, IpcBuffer, MessageInfo, NoExplicitInvocationContext, Word, cap};

/// Message registers of a message.
pub const NUM_MESSAGE_REGISTERS: usize = message::MAX_LENGTH;

/// Message registers that travel in machine registers.
pub const NUM_FAST_MESSAGE_REGISTERS: usize = message::FAST_REGISTERS;

/// The badge of the capability that a message was sent with, or the notification's word.
pub type Badge = Word;

/// What `Wait` brings beside the badge.
pub type WaitMessageInfo = MessageInfo;

/// What lets a receiver answer: on this kernel a reply object.
pub type ReplyAuthority<C = NoExplicitInvocationContext> = cap::Reply<C>;

/// What conveys a [`ReplyAuthority`].
pub trait ConveysReplyAuthority {
    /// How it finds the IPC buffer.
    type C;

    /// The authority.
    fn into_reply_authority(self) -> ReplyAuthority<Self::C>;
}

impl<C> ConveysReplyAuthority for ReplyAuthority<C> {
    type C = C;

    fn into_reply_authority(self) -> ReplyAuthority<Self::C> {
        self
    }
}

/// Puts a message that was received into the IPC buffer.
#[inline(always)]
fn deliver(received: Received, ipc_buffer: &mut IpcBuffer) -> (MessageInfo, Badge) {
    ipc_buffer.set_fast_message(received.mrs);
    (MessageInfo::from_word(received.info), received.badge)
}

/// A receive with the reply object `reply` (0: none).
#[inline(always)]
fn receive(call: Syscall, src: Word, reply: Word, ipc_buffer: &mut IpcBuffer) -> (MessageInfo, Badge) {
    deliver(arch::recv(call, src, reply, ipc_buffer), ipc_buffer)
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// `seL4_Send`: sends the message in the IPC buffer; waits until it is received.
    #[inline]
    pub fn send(self, info: MessageInfo) {
        self.invoke(|cptr, ipc_buffer| {
            arch::send(Syscall::Send, cptr.bits(), info.word(), ipc_buffer.fast_message(), ipc_buffer);
        });
    }

    /// `seL4_NBSend`: sends the message if somebody waits for it, else drops it.
    #[inline]
    pub fn nb_send(self, info: MessageInfo) {
        self.invoke(|cptr, ipc_buffer| {
            arch::send(Syscall::NBSend, cptr.bits(), info.word(), ipc_buffer.fast_message(), ipc_buffer);
        });
    }

    /// `seL4_NBSendRecv`: [`nb_send`](Self::nb_send) on this capability, then `recv` on `src`.
    #[inline]
    pub fn nb_send_recv<U: CapType>(
        self,
        info: MessageInfo,
        src: Cap<U>,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| {
            let mrs = ipc_buffer.fast_message();
            let call = Syscall::NBSendRecv;
            let received = arch::nb_send_recv(call, src.bits(), info.word(), mrs, reply, cptr.bits(), ipc_buffer);
            deliver(received, ipc_buffer)
        })
    }

    /// `seL4_NBSendWait`: [`nb_send`](Self::nb_send) on this capability, then `wait` on `src`.
    #[cfg(not(sel4_plain))]
    #[inline]
    pub fn nb_send_wait<U: CapType>(self, info: MessageInfo, src: Cap<U>) -> (MessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| {
            let mrs = ipc_buffer.fast_message();
            let call = Syscall::NBSendWait;
            let received = arch::nb_send_recv(call, src.bits(), info.word(), mrs, cptr.bits(), 0, ipc_buffer);
            deliver(received, ipc_buffer)
        })
    }

    /// `seL4_Recv`: waits for a message, or a signal of the bound notification.
    #[inline]
    pub fn recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| receive(Syscall::Recv, cptr.bits(), reply, ipc_buffer))
    }

    /// `seL4_NBRecv`: as [`recv`](Self::recv) without waiting; badge 0 when nothing is there.
    #[inline]
    pub fn nb_recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| receive(Syscall::NBRecv, cptr.bits(), reply, ipc_buffer))
    }

    /// `seL4_Call`: sends the message in the IPC buffer and waits for the answer.
    #[inline]
    pub fn call(self, info: MessageInfo) -> MessageInfo {
        self.invoke(|cptr, ipc_buffer| {
            let mrs = ipc_buffer.fast_message();
            let received = arch::call(cptr.bits(), info.word(), mrs, ipc_buffer);
            deliver(received, ipc_buffer).0
        })
    }

    /// `seL4_ReplyRecv`: answers the caller that `reply_authority` holds, then
    /// [`recv`](Self::recv).
    #[inline]
    pub fn reply_recv(self, info: MessageInfo, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| {
            let mrs = ipc_buffer.fast_message();
            let received = arch::reply_recv(cptr.bits(), info.word(), mrs, reply, ipc_buffer);
            deliver(received, ipc_buffer)
        })
    }

    /// [`send`](Self::send) of a message of at most [`NUM_FAST_MESSAGE_REGISTERS`] words that is
    /// not in the IPC buffer.
    #[inline]
    pub fn send_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) {
        self.invoke(|cptr, ipc_buffer| {
            arch::send(Syscall::Send, cptr.bits(), info.word(), messages.into_registers(), ipc_buffer);
        });
    }

    /// [`recv`](Self::recv) that leaves the first message registers out of the IPC buffer.
    #[inline]
    pub fn recv_with_mrs(self, reply_authority: impl ConveysReplyAuthority) -> RecvWithMRs {
        let reply = reply_authority.into_reply_authority().bits();
        let received = self.invoke(|cptr, ipc_buffer| arch::recv(Syscall::Recv, cptr.bits(), reply, ipc_buffer));
        RecvWithMRs { info: MessageInfo::from_word(received.info), badge: received.badge, msg: received.mrs }
    }

    /// [`call`](Self::call) with a message and an answer that bypass the IPC buffer.
    #[inline]
    pub fn call_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) -> CallWithMRs {
        let mrs = messages.into_registers();
        let received = self.invoke(|cptr, ipc_buffer| arch::call(cptr.bits(), info.word(), mrs, ipc_buffer));
        CallWithMRs { info: MessageInfo::from_word(received.info), msg: received.mrs }
    }
}

impl<C: InvocationContext> cap::Notification<C> {
    /// `seL4_Signal`: adds the capability's badge to the notification's word and wakes a waiter.
    #[inline]
    pub fn signal(self) {
        arch::signal(self.bits());
    }

    /// `seL4_Wait`: waits until the word is not 0; takes it.
    #[inline]
    pub fn wait(self) -> (WaitMessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| receive(Syscall::Wait, cptr.bits(), 0, ipc_buffer))
    }

    /// `seL4_Poll`: takes the word, which may be 0.
    #[inline]
    pub fn poll(self) -> (MessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| receive(Syscall::NBWait, cptr.bits(), 0, ipc_buffer))
    }
}

/// `seL4_Yield`: gives up the rest of the budget of this period.
pub fn r#yield() {
    arch::simple(Syscall::Yield, 0, core::ptr::null_mut());
}

/// What [`Cap::recv_with_mrs`] brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecvWithMRs {
    /// The message's info.
    pub info: MessageInfo,
    /// The sender's badge.
    pub badge: Badge,
    /// The first message registers.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// What [`Cap::call_with_mrs`] brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallWithMRs {
    /// The answer's info.
    pub info: MessageInfo,
    /// The first message registers.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// At most [`NUM_FAST_MESSAGE_REGISTERS`] words: an array, or a slice that is checked at run time.
pub trait FastMessages: sealed::Sealed {
    /// The message registers; those beyond the words are 0.
    ///
    /// # Panics
    ///
    /// When a slice is too long.
    fn into_registers(self) -> FastMessage;
}

impl<const N: usize> FastMessages for [Word; N]
where
    [Word; N]: sealed::Sealed,
{
    #[inline(always)]
    fn into_registers(self) -> FastMessage {
        self.as_slice().into_registers()
    }
}

impl FastMessages for &[Word] {
    #[inline(always)]
    fn into_registers(self) -> FastMessage {
        let mut registers = [0; NUM_FAST_MESSAGE_REGISTERS];
        registers[..self.len()].copy_from_slice(self);
        registers
    }
}

mod sealed {
    use super::Word;

    pub trait Sealed {}

    impl Sealed for [Word; 0] {}
    impl Sealed for [Word; 1] {}
    impl Sealed for [Word; 2] {}
    impl Sealed for [Word; 3] {}
    impl Sealed for [Word; 4] {}
    impl Sealed for &[Word] {}
}
