//! The network device: batches of frames.

use core::ptr::NonNull;
use core::slice;

use marker::throughput::{DATA, ETHERTYPE, KIND, Work};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{Transport, mmio::MmioTransport};

use crate::virtio::{Feature, Identity, take, transport};

/// Where the device is, and its interrupt.
const BASE: usize = 0x0a00_0400;
pub const SPI: u32 = 32 + 18;

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// Frames that can come in at once: more than ever are on the way to this guest, so that the device never runs out of buffers.
const INPUT: usize = 64;
/// Frames of a batch at most.
const OUTPUT: usize = 16;
const _: () = assert!(2 * OUTPUT < INPUT && Work::LongFrames.batch() <= OUTPUT);
/// Bytes of a buffer, and of what precedes the frame in it.
const BUFFER: usize = 2048;
const HEADER: usize = 12;
/// The shortest frame.
const MIN: usize = 60;

/// The driver.
pub struct Net {
    transport: MmioTransport<'static>,
    receive: VirtQueue<Identity, INPUT>,
    transmit: VirtQueue<Identity, OUTPUT>,
    /// Buffers of frames that come in, then of those that go out.
    buffers: NonNull<[u8; BUFFER]>,
    /// The buffer behind each of the queues' names.
    incoming: [usize; INPUT],
    outgoing: [(usize, usize); OUTPUT],
    address: [u8; 6],
    /// Frames of data that have come.
    pub data: usize,
    /// Others that have come.
    pub others: usize,
}

impl Net {
    /// Call it once.
    pub fn set_up() -> Self {
        // SAFETY: the monitor puts the device there, and nobody else uses it.
        let mut transport = unsafe { transport(BASE) };
        let features = transport.begin_init(Feature::all());
        let events = features.contains(Feature::EVENT_INDEX);
        let [low, high] = [0, 4].map(|offset| transport.read_config_space::<u32>(offset).expect("an address"));
        let [a, b, c, d] = low.to_le_bytes();
        let [e, f, ..] = high.to_le_bytes();
        let receive = VirtQueue::new(&mut transport, RECEIVE, false, events).expect("a queue");
        let transmit = VirtQueue::new(&mut transport, TRANSMIT, false, events).expect("a queue");
        transport.finish_init();
        let mut net = Self {
            transport,
            receive,
            transmit,
            buffers: take((INPUT + OUTPUT) * BUFFER).cast(),
            incoming: [0; INPUT],
            outgoing: [(0, 0); OUTPUT],
            address: [a, b, c, d, e, f],
            data: 0,
            others: 0,
        };
        (0..INPUT).for_each(|index| net.offer(index));
        net.transport.notify(RECEIVE);
        net
    }

    /// The last byte of the address: the guest's number.
    pub fn number(&self) -> u8 {
        self.address[5]
    }

    /// Acknowledges the device's interrupt.
    pub fn acknowledge(&mut self) {
        self.transport.ack_interrupt();
    }

    fn buffer(&mut self, index: usize) -> &'static mut [u8; BUFFER] {
        // SAFETY: the index is below `INPUT + OUTPUT`; the callers let go of it before the device gets it.
        unsafe { self.buffers.add(index).as_mut() }
    }

    fn offer(&mut self, index: usize) {
        let buffer = &mut self.buffer(index)[..];
        // SAFETY: the buffer is touched again only when the device is through with it.
        let token = unsafe { self.receive.add(&[], &mut [buffer]) }.expect("room for all buffers");
        self.incoming[usize::from(token)] = index;
    }

    /// Sends `count` frames of `length` bytes, of which the device is told at once. Those before are on their way.
    pub fn send(&mut self, to: [u8; 6], kind: u8, count: usize, length: usize) {
        self.reclaim();
        for index in 0..count {
            let address = self.address;
            let frame = &mut self.buffer(INPUT + index)[..HEADER + length];
            let (header, frame) = frame.split_at_mut(HEADER);
            header.fill(0);
            frame[..6].copy_from_slice(&to);
            frame[6..12].copy_from_slice(&address);
            frame[12..KIND].copy_from_slice(&ETHERTYPE);
            frame[KIND] = kind;
            // SAFETY: the same bytes; the buffer is touched again only when the device is through with it.
            let bytes = unsafe { slice::from_raw_parts(header.as_ptr(), HEADER + length) };
            // SAFETY: as above.
            let token = unsafe { self.transmit.add(&[bytes], &mut []) }.expect("room for a batch");
            self.outgoing[usize::from(token)] = (index, HEADER + length);
        }
        if self.transmit.should_notify() {
            self.transport.notify(TRANSMIT);
        }
    }

    /// Sends one short frame.
    pub fn tell(&mut self, to: [u8; 6], kind: u8) {
        self.send(to, kind, 1, MIN);
    }

    /// Takes back the buffers of frames that are sent.
    fn reclaim(&mut self) {
        while let Some(token) = self.transmit.peek_used() {
            let (index, length) = self.outgoing[usize::from(token)];
            let bytes = &self.buffer(INPUT + index)[..length];
            // SAFETY: the same bytes as in `send`.
            unsafe { self.transmit.pop_used(token, &[bytes], &mut []) }.expect("a frame that was sent");
        }
    }

    /// Counts what has come.
    pub fn receive(&mut self) {
        while let Some(token) = self.receive.peek_used() {
            let index = self.incoming[usize::from(token)];
            let buffer = &mut self.buffer(index)[..];
            // SAFETY: the same buffer as in `offer`.
            unsafe { self.receive.pop_used(token, &[], &mut [buffer]) }.expect("a buffer that was offered");
            match self.buffer(index)[HEADER + KIND] {
                DATA => self.data += 1,
                _ => self.others += 1,
            }
            self.offer(index);
        }
    }
}
