//! Messages of protected calls and faults.

/// A message's label.
pub type MessageLabel = sel4::Word;

/// A message register.
pub type MessageRegisterValue = sel4::Word;

/// Label and number of message registers of a message (`microkit_msginfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub struct MessageInfo {
    inner: sel4::MessageInfo,
}

impl MessageInfo {
    #[doc(hidden)]
    pub const fn from_inner(inner: sel4::MessageInfo) -> Self {
        Self { inner }
    }

    #[doc(hidden)]
    pub const fn inner(&self) -> &sel4::MessageInfo {
        &self.inner
    }

    #[doc(hidden)]
    pub const fn into_inner(self) -> sel4::MessageInfo {
        self.inner
    }

    /// A message with this label and `count` message registers.
    pub const fn new(label: MessageLabel, count: usize) -> Self {
        Self::from_inner(sel4::MessageInfo::new(label, 0, 0, count))
    }

    /// The label.
    pub const fn label(&self) -> MessageLabel {
        self.inner.label()
    }

    /// Width of a label in bits.
    pub const fn label_width() -> usize {
        sel4::MessageInfo::label_width()
    }

    /// Number of message registers.
    pub const fn count(&self) -> usize {
        self.inner.length()
    }

    /// The fault that the message tells; for [`Handler::fault`](crate::Handler::fault).
    ///
    /// # Panics
    ///
    /// When the label is no fault's.
    #[inline]
    pub fn fault(&self) -> sel4::Fault {
        sel4::with_ipc_buffer(|ipc_buffer| sel4::Fault::new(ipc_buffer, self.inner()))
    }
}

/// Access to the message registers.
#[inline(always)]
pub fn with_msg_regs<T>(f: impl FnOnce(&[MessageRegisterValue]) -> T) -> T {
    sel4::with_ipc_buffer(|ipc_buffer| f(ipc_buffer.msg_regs()))
}

/// Mutable access to the message registers.
#[inline(always)]
pub fn with_msg_regs_mut<T>(f: impl FnOnce(&mut [MessageRegisterValue]) -> T) -> T {
    sel4::with_ipc_buffer_mut(|ipc_buffer| f(ipc_buffer.msg_regs_mut()))
}

/// Access to the message registers as bytes.
#[inline(always)]
pub fn with_msg_bytes<T>(f: impl FnOnce(&[u8]) -> T) -> T {
    sel4::with_ipc_buffer(|ipc_buffer| f(ipc_buffer.msg_bytes()))
}

/// Mutable access to the message registers as bytes.
#[inline(always)]
pub fn with_msg_bytes_mut<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    sel4::with_ipc_buffer_mut(|ipc_buffer| f(ipc_buffer.msg_bytes_mut()))
}

/// Sets message register `i`.
///
/// # Panics
///
/// When there is no such message register.
#[inline(always)]
pub fn set_mr(i: usize, value: MessageRegisterValue) {
    with_msg_regs_mut(|regs| regs[i] = value);
}

/// Message register `i`.
///
/// # Panics
///
/// When there is no such message register.
#[inline(always)]
pub fn get_mr(i: usize) -> MessageRegisterValue {
    with_msg_regs(|regs| regs[i])
}
