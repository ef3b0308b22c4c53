//! The devices themselves, by the crate `virtio-drivers`.

use alloc::vec::Vec;
use core::fmt;
use core::ptr::NonNull;

use bitflags::bitflags;
use ivc::block::{self, Operation, Request};
use ivc::net::MAX_FRAME;
use virtio_dma::Dma;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};

use crate::disk::{SLOTS, request_type};
use crate::{Nic, Sectors, Source};

/// Devices in a page of registers, and the distance between them.
const DEVICES: usize = 8;
const STRIDE: usize = 0x200;

/// Why a device cannot be driven.
#[derive(Debug)]
pub enum Error {
    /// There is none of this kind in the page of registers.
    Missing(DeviceType),
    /// The driver's memory is too small.
    Memory,
    /// The device's or its driver's.
    Virtio(virtio_drivers::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(kind) => write!(f, "no device of kind {kind:?} in the page of registers"),
            Self::Memory => f.write_str("the memory for the device is too small"),
            Self::Virtio(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<virtio_drivers::Error> for Error {
    fn from(error: virtio_drivers::Error) -> Self {
        Self::Virtio(error)
    }
}

/// Finds the first device of a kind in a page of registers.
///
/// # Errors
/// There is none.
///
/// # Safety
/// `page` is a page with the registers of eight virtio devices, mapped for as long as the program lives, for it alone.
pub unsafe fn find(page: NonNull<u8>, kind: DeviceType) -> Result<MmioTransport<'static>, Error> {
    for device in 0..DEVICES {
        // SAFETY: within the page.
        let header: NonNull<VirtIOHeader> = unsafe { page.add(device * STRIDE) }.cast();
        // SAFETY: the registers of a device, which the transport that is kept uses alone.
        if let Ok(transport) = unsafe { MmioTransport::new(header, STRIDE) }
            && transport.device_type() == kind
        {
            return Ok(transport);
        }
    }
    Err(Error::Missing(kind))
}

bitflags! {
    /// Feature bits that matter here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Feature: u64 {
        const READ_ONLY = 1 << 5;
        const FLUSH = 1 << 9;
        const EVENT_INDEX = 1 << 29;
        const VERSION_1 = 1 << 32;
    }
}

/// Bytes of the header of a disk's request.
const HEADER: usize = 16;
/// A request takes three descriptors at most.
const DISK_QUEUE: usize = 64;
const _: () = assert!(3 * SLOTS <= DISK_QUEUE);

/// A disk.
pub struct VirtioDisk {
    transport: MmioTransport<'static>,
    queue: VirtQueue<Dma, DISK_QUEUE>,
    features: Feature,
    disk: block::Disk,
    /// The memory for data, which is shared with the user.
    data: NonNull<u8>,
    headers: NonNull<[u8; HEADER]>,
    statuses: NonNull<u8>,
    /// The request in each slot, with the queue's name for it.
    open: [Option<(u16, Request)>; SLOTS],
}

impl VirtioDisk {
    /// Sets the device up. `data` is where requests' data are, in memory that the device reaches ([`Dma::set_shared`]).
    ///
    /// # Errors
    /// The device does not do what it should, or the driver has too little memory.
    pub fn new(mut transport: MmioTransport<'static>, data: NonNull<u8>) -> Result<Self, Error> {
        let features = transport.begin_init(Feature::all());
        let sectors = transport.read_consistent(|| {
            let halves = [0, 4].map(|offset| transport.read_config_space::<u32>(offset).map(u64::from));
            let [low, high] = halves;
            Ok(low? | high? << 32)
        })?;
        let queue = VirtQueue::new(&mut transport, 0, false, features.contains(Feature::EVENT_INDEX))?;
        transport.finish_init();
        let headers = Dma::take(HEADER * SLOTS, HEADER).ok_or(Error::Memory)?.cast();
        let statuses = Dma::take(SLOTS, 1).ok_or(Error::Memory)?;
        let read_only = features.contains(Feature::READ_ONLY);
        let disk = block::Disk { sectors, read_only, name: *b"disk\0\0\0\0\0\0\0\0\0\0\0\0" };
        Ok(Self { transport, queue, features, disk, data, headers, statuses, open: [None; SLOTS] })
    }

    /// Calls `with` with the buffers of the request in a slot.
    ///
    /// # Safety
    /// `with` hands them to the queue, which wants their addresses only.
    unsafe fn buffers<T>(
        &mut self,
        slot: usize,
        request: &Request,
        with: impl for<'a> FnOnce(&mut VirtQueue<Dma, DISK_QUEUE>, &'a [&'a [u8]], &'a mut [&'a mut [u8]]) -> T,
    ) -> T {
        let data = if request.operation == Operation::Flush { 0 } else { request.length };
        // SAFETY: slots are below `SLOTS`, requests lie within the data. The slices' bytes are touched by nobody but the device
        // while it has the request, and by the user, who is not this program.
        unsafe {
            let header = &*self.headers.add(slot).as_ptr();
            let status = core::slice::from_raw_parts_mut(self.statuses.add(slot).as_ptr(), 1);
            let data = core::slice::from_raw_parts_mut(self.data.add(request.offset).as_ptr(), data);
            match request.operation {
                Operation::Read => with(&mut self.queue, &[header], &mut [data, status]),
                Operation::Write => with(&mut self.queue, &[header, data], &mut [status]),
                Operation::Flush => with(&mut self.queue, &[header], &mut [status]),
            }
        }
    }

    /// Acknowledges the device's interrupt.
    pub fn acknowledge(&mut self) {
        self.transport.ack_interrupt();
    }
}

impl Sectors for VirtioDisk {
    fn disk(&self) -> block::Disk {
        self.disk
    }

    fn start(&mut self, slot: usize, request: &Request) {
        let flushes = self.features.contains(Feature::FLUSH);
        // A disk without a cache is flushed by reading something: it ends behind what was before.
        let kind = if request.operation == Operation::Flush && !flushes { 8 } else { request_type(request.operation) };
        let header = u128::from(kind) | u128::from(request.sector) << 64;
        // SAFETY: slots are below `SLOTS`; the device has no request in this one.
        unsafe { self.headers.add(slot).write_volatile(header.to_le_bytes()) };
        // SAFETY: as above.
        unsafe { self.statuses.add(slot).write_volatile(u8::MAX) };
        // SAFETY: the queue takes addresses; the buffers stay until `finish`.
        let token = unsafe { self.buffers(slot, request, |queue, input, output| queue.add(input, output)) };
        // There is room for all slots.
        self.open[slot] = token.ok().map(|token| (token, *request));
        if self.queue.should_notify() {
            self.transport.notify(0);
        }
    }

    fn finish(&mut self) -> Option<(usize, bool)> {
        let token = self.queue.peek_used()?;
        let slot = self.open.iter().position(|open| open.is_some_and(|(name, _)| name == token))?;
        let (token, request) = self.open[slot].take()?;
        // SAFETY: the same buffers as in `start`.
        let popped =
            unsafe { self.buffers(slot, &request, |queue, input, output| queue.pop_used(token, input, output)) };
        // SAFETY: the device is through with it.
        let status = unsafe { self.statuses.add(slot).read_volatile() };
        Some((slot, popped.is_ok() && status == 0))
    }
}

/// Bytes that are asked for at once.
const RANDOM: usize = 256;

/// An entropy device.
pub struct VirtioEntropy {
    transport: MmioTransport<'static>,
    queue: VirtQueue<Dma, 2>,
    buffer: NonNull<[u8; RANDOM]>,
    open: Option<u16>,
}

impl VirtioEntropy {
    /// Sets the device up.
    ///
    /// # Errors
    /// As [`VirtioDisk::new`].
    pub fn new(mut transport: MmioTransport<'static>) -> Result<Self, Error> {
        let features = transport.begin_init(Feature::EVENT_INDEX | Feature::VERSION_1);
        let queue = VirtQueue::new(&mut transport, 0, false, features.contains(Feature::EVENT_INDEX))?;
        transport.finish_init();
        let buffer = Dma::take(RANDOM, 64).ok_or(Error::Memory)?.cast();
        Ok(Self { transport, queue, buffer, open: None })
    }

    /// Acknowledges the device's interrupt.
    pub fn acknowledge(&mut self) {
        self.transport.ack_interrupt();
    }
}

impl Source for VirtioEntropy {
    fn request(&mut self) {
        if self.open.is_some() {
            return;
        }
        // SAFETY: it is the driver's own, and the device does not have it.
        let buffer = unsafe { self.buffer.as_mut() };
        // SAFETY: the buffer is not touched before `finish`.
        self.open = unsafe { self.queue.add(&[], &mut [buffer]) }.ok();
        if self.queue.should_notify() {
            self.transport.notify(0);
        }
    }

    fn finish(&mut self) -> Option<Vec<u8>> {
        let token = self.queue.peek_used().filter(|&token| self.open == Some(token))?;
        self.open = None;
        // SAFETY: as in `request`: the device is through with it, and told so.
        let buffer = unsafe { self.buffer.as_mut() };
        // SAFETY: the same buffer as in `request`.
        let length = unsafe { self.queue.pop_used(token, &[], &mut [buffer]) }.ok()?;
        let bytes = buffer[..RANDOM.min(length as usize)].to_vec();
        // What was given out is not kept.
        buffer.fill(0);
        Some(bytes)
    }
}

/// Frames that the device has in each direction.
const FRAMES: usize = 32;
/// Bytes of a frame's buffer, more than the longest frame with its header.
const BUFFER: usize = 2048;
/// Bytes in front of a frame.
const NET_HEADER: usize = 12;

/// A network device.
pub struct VirtioNic {
    device: VirtIONetRaw<Dma, MmioTransport<'static>, FRAMES>,
    /// Buffers of frames that come in, and of frames that go out, each with the queue's name for it.
    input: [Option<u16>; FRAMES],
    output: [Option<(u16, usize)>; FRAMES],
    buffers: NonNull<[u8; BUFFER]>,
}

impl VirtioNic {
    /// Sets the device up.
    ///
    /// # Errors
    /// As [`VirtioDisk::new`].
    pub fn new(transport: MmioTransport<'static>) -> Result<Self, Error> {
        let device = VirtIONetRaw::new(transport)?;
        let buffers = Dma::take(2 * FRAMES * BUFFER, BUFFER).ok_or(Error::Memory)?.cast();
        let mut nic = Self { device, input: [None; FRAMES], output: [None; FRAMES], buffers };
        nic.device.enable_interrupts();
        for index in 0..FRAMES {
            nic.offer(index)?;
        }
        Ok(nic)
    }

    /// A buffer: those below [`FRAMES`] are for frames that come in.
    fn buffer(&mut self, index: usize) -> &'static mut [u8; BUFFER] {
        // SAFETY: the index is below twice `FRAMES`; the callers let go of it before the device gets it.
        unsafe { &mut *self.buffers.add(index).as_ptr() }
    }

    fn offer(&mut self, index: usize) -> Result<(), Error> {
        let buffer = self.buffer(index);
        // SAFETY: the buffer is touched again only when the device is through with it.
        self.input[index] = Some(unsafe { self.device.receive_begin(buffer)? });
        Ok(())
    }

    /// Acknowledges the device's interrupt.
    pub fn acknowledge(&mut self) {
        self.device.ack_interrupt();
    }

    /// Takes back the buffers of frames that were sent.
    fn reclaim(&mut self) {
        while let Some(token) = self.device.poll_transmit() {
            let Some(index) = self.output.iter().position(|open| open.is_some_and(|(name, _)| name == token)) else {
                return;
            };
            let Some((_, length)) = self.output[index].take() else { return };
            let buffer = &self.buffer(FRAMES + index)[..length];
            // SAFETY: the same buffer as it was sent with. Its length says nothing.
            let _ = unsafe { self.device.transmit_complete(token, buffer) };
        }
    }
}

impl Nic for VirtioNic {
    fn send(&mut self, frame: &[u8]) -> bool {
        self.reclaim();
        let Some(index) = self.output.iter().position(Option::is_none) else { return false };
        let length = NET_HEADER + frame.len();
        let buffer = &mut self.buffer(FRAMES + index)[..length];
        buffer[..NET_HEADER].fill(0);
        buffer[NET_HEADER..].copy_from_slice(frame);
        // SAFETY: the buffer is touched again only when the device is through with it.
        match unsafe { self.device.transmit_begin(buffer) } {
            Ok(token) => self.output[index] = Some((token, length)),
            // There is a place in the queue for each buffer.
            Err(_) => return false,
        }
        true
    }

    fn receive(&mut self, buffer: &mut [u8; MAX_FRAME]) -> Option<usize> {
        self.reclaim();
        loop {
            let token = self.device.poll_receive()?;
            let index = self.input.iter().position(|open| *open == Some(token))?;
            let received = self.buffer(index);
            // SAFETY: the same buffer as it was offered with.
            let lengths = unsafe { self.device.receive_complete(token, received) };
            let frame = lengths.ok().and_then(|(header, length)| received.get(header..header + length));
            let length = frame.and_then(|frame| {
                buffer.get_mut(..frame.len())?.copy_from_slice(frame);
                Some(frame.len())
            });
            self.input[index] = None;
            // It has just been in the queue: there is a place for it.
            self.offer(index).ok()?;
            if length.is_some() {
                return length;
            }
        }
    }
}
