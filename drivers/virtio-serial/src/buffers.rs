//! A queue and the buffers that go round in it.

use core::ptr::NonNull;
use core::slice;

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::Transport;
use virtio_drivers::{BufferDirection, Error, Hal, PAGE_SIZE, Result};

/// Buffers in a queue, a power of two.
pub const BUFFERS: usize = 8;

/// A queue of the device in one direction. Each buffer is with the device, or here.
#[derive(Debug)]
pub struct Buffers<H: Hal> {
    queue: VirtQueue<H, BUFFERS>,
    index: u16,
    memory: NonNull<u8>,
    /// Bytes in a buffer.
    size: usize,
    /// Which buffer the device has under each of the queue's numbers.
    with_device: [Option<usize>; BUFFERS],
    /// The buffer that the device has filled and that is being read, and how many bytes that are.
    current: Option<(usize, usize)>,
}

impl<H: Hal> Buffers<H> {
    /// The queue number `index`, with buffers of `size` bytes that are all here.
    ///
    /// # Errors
    /// The device has no such queue, or there is too little memory.
    pub fn new(transport: &mut impl Transport, index: u16, size: usize) -> Result<Self> {
        let queue = VirtQueue::new(transport, index, false, false)?;
        let (device_address, memory) = H::dma_alloc((BUFFERS * size).div_ceil(PAGE_SIZE), BufferDirection::Both);
        if device_address == 0 {
            return Err(Error::DmaError);
        }
        Ok(Self { queue, index, memory, size, with_device: [None; BUFFERS], current: None })
    }

    /// Gives the device all buffers to fill.
    ///
    /// # Errors
    /// The device breaks the rules of queues, here and below.
    pub fn give_all(&mut self, transport: &mut impl Transport) -> Result<()> {
        (0..BUFFERS).try_for_each(|buffer| self.give(buffer, transport))
    }

    /// What the device has filled and nobody has taken yet: one buffer's bytes.
    ///
    /// # Errors
    /// As above.
    pub fn filled(&mut self) -> Result<Option<&[u8]>> {
        if self.current.is_none() {
            self.current = self.pop(true)?;
        }
        let Some((buffer, length)) = self.current else { return Ok(None) };
        // SAFETY: the buffer is here, and only shared while `self` is.
        Ok(Some(unsafe { slice::from_raw_parts(self.start(buffer), length) }))
    }

    /// Gives the buffer that was [`filled`](Self::filled) back to the device.
    ///
    /// # Errors
    /// As above.
    pub fn take(&mut self, transport: &mut impl Transport) -> Result<()> {
        match self.current.take() {
            Some((buffer, _)) => self.give(buffer, transport),
            None => Ok(()),
        }
    }

    /// Has the device read as many of `bytes` as one buffer holds, and returns how many; 0: the device has all buffers.
    ///
    /// # Errors
    /// As above.
    pub fn send(&mut self, bytes: &[u8], transport: &mut impl Transport) -> Result<usize> {
        while self.pop(false)?.is_some() {}
        let length = bytes.len().min(self.size);
        let free = (0..BUFFERS).find(|buffer| !self.with_device.contains(&Some(*buffer)));
        let Some(buffer) = free.filter(|_| length > 0) else { return Ok(0) };
        let start = self.start(buffer);
        // SAFETY: the buffer is here and large enough, and nobody else refers to it.
        let content = unsafe { slice::from_raw_parts_mut(start, length) };
        content.copy_from_slice(&bytes[..length]);
        // SAFETY: the buffer stays where it is and is not touched until the device has given it back.
        let token = unsafe { self.queue.add(&[content], &mut []) }?;
        self.lend(token, buffer, transport);
        Ok(length)
    }

    fn give(&mut self, buffer: usize, transport: &mut impl Transport) -> Result<()> {
        // SAFETY: the buffer is here, and nobody else refers to it.
        let content = unsafe { slice::from_raw_parts_mut(self.start(buffer), self.size) };
        // SAFETY: the buffer stays where it is and is not touched until the device has given it back.
        let token = unsafe { self.queue.add(&[], &mut [content]) }?;
        self.lend(token, buffer, transport);
        Ok(())
    }

    fn lend(&mut self, token: u16, buffer: usize, transport: &mut impl Transport) {
        self.with_device[usize::from(token)] = Some(buffer);
        if self.queue.should_notify() {
            transport.notify(self.index);
        }
    }

    /// Takes back the next buffer that the device has filled, or read, and the number of bytes in it.
    fn pop(&mut self, filled: bool) -> Result<Option<(usize, usize)>> {
        let Some(token) = self.queue.peek_used() else { return Ok(None) };
        let buffer = self.with_device.get(usize::from(token)).copied().flatten().ok_or(Error::WrongToken)?;
        // SAFETY: the device has given the buffer back.
        let content = unsafe { slice::from_raw_parts_mut(self.start(buffer), self.size) };
        // SAFETY: this is the buffer that was added under this number; of one that was to be read the length is of no account.
        let length = unsafe {
            match filled {
                true => self.queue.pop_used(token, &[], &mut [content]),
                false => self.queue.pop_used(token, &[content], &mut []),
            }
        }?;
        self.with_device[usize::from(token)] = None;
        Ok(Some((buffer, (length as usize).min(self.size))))
    }

    fn start(&self, buffer: usize) -> *mut u8 {
        // SAFETY: `memory` has room for all buffers.
        unsafe { self.memory.add(buffer * self.size) }.as_ptr()
    }
}

// SAFETY: the memory is this queue's alone.
unsafe impl<H: Hal> Send for Buffers<H> {}
