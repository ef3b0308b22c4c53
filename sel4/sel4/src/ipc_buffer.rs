//! The page through which thread and kernel pass what does not fit in registers.

use core::slice;

use crate::{AbsoluteCPtr, Word, cap, sys};

/// A thread's IPC buffer (`seL4_IPCBuffer`).
///
/// Message registers 0 to 3 travel in machine registers. Receiving system calls of this crate copy
/// them here, sending ones take them from here, so that [`msg_regs`](Self::msg_regs) is the whole
/// message; invocations leave them alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct IpcBuffer(sys::seL4_IPCBuffer);

impl IpcBuffer {
    newtype_methods!(pub sys::seL4_IPCBuffer);

    /// The message registers.
    #[inline(always)]
    pub const fn msg_regs(&self) -> &[Word] {
        &self.0.msg
    }

    /// The message registers.
    #[inline(always)]
    pub const fn msg_regs_mut(&mut self) -> &mut [Word] {
        &mut self.0.msg
    }

    /// The message registers as bytes.
    pub const fn msg_bytes(&self) -> &[u8] {
        let msg = &self.0.msg;
        // SAFETY: the words are initialised, and any word is bytes.
        unsafe { slice::from_raw_parts(msg.as_ptr().cast(), size_of_val(msg)) }
    }

    /// The message registers as bytes.
    pub const fn msg_bytes_mut(&mut self) -> &mut [u8] {
        let msg = &mut self.0.msg;
        // SAFETY: the words are initialised, any word is bytes, and any bytes are words.
        unsafe { slice::from_raw_parts_mut(msg.as_mut_ptr().cast(), size_of_val(msg)) }
    }

    /// A word that the kernel leaves alone.
    pub const fn user_data(&self) -> Word {
        self.0.userData
    }

    /// Sets [`user_data`](Self::user_data).
    pub const fn set_user_data(&mut self, data: Word) {
        self.0.userData = data;
    }

    /// Capabilities to send along; badges of those that arrived unwrapped.
    pub const fn caps_or_badges(&self) -> &[Word] {
        &self.0.caps_or_badges
    }

    /// Capabilities to send along; badges of those that arrived unwrapped.
    #[inline(always)]
    pub const fn caps_or_badges_mut(&mut self) -> &mut [Word] {
        &mut self.0.caps_or_badges
    }

    /// The slot that takes a capability that arrives.
    pub fn recv_slot(&self) -> AbsoluteCPtr {
        cap::CNode::from_bits(self.0.receiveCNode)
            .absolute_cptr_from_bits_with_depth(self.0.receiveIndex, self.0.receiveDepth as usize)
    }

    /// Sets [`recv_slot`](Self::recv_slot).
    pub const fn set_recv_slot(&mut self, slot: &AbsoluteCPtr) {
        self.0.receiveCNode = slot.root().bits();
        self.0.receiveIndex = slot.path().bits();
        self.0.receiveDepth = slot.path().depth() as Word;
    }

    /// Message registers 0 to 3.
    #[inline(always)]
    pub(crate) fn fast_message(&self) -> crate::arch::FastMessage {
        let [mr0, mr1, mr2, mr3, ..] = self.0.msg;
        [mr0, mr1, mr2, mr3]
    }

    /// Sets message registers 0 to 3.
    #[inline(always)]
    pub(crate) fn set_fast_message(&mut self, mrs: crate::arch::FastMessage) {
        self.0.msg[..mrs.len()].copy_from_slice(&mrs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CPtr;

    #[test]
    fn bytes_and_words_are_the_same_message() {
        let mut buffer = IpcBuffer::default();
        buffer.msg_bytes_mut()[8..16].copy_from_slice(&7u64.to_le_bytes());
        assert_eq!(buffer.msg_regs()[1], 7);
        assert_eq!(buffer.msg_bytes().len(), buffer.msg_regs().len() * 8);
    }

    #[test]
    fn the_receive_slot_comes_back() {
        let mut buffer = IpcBuffer::default();
        let slot = cap::CNode::from_bits(2).absolute_cptr(CPtr::from_bits(300));
        buffer.set_recv_slot(&slot);
        assert_eq!(buffer.recv_slot(), slot);
    }
}
