//! The disk: batches of requests, each in segments as Linux makes them.

use core::array;
use core::ptr::NonNull;
use core::slice;

use marker::throughput::Work;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{Transport, mmio::MmioTransport};

use crate::virtio::{Feature, Identity, take, transport};

/// Where the device is, and its interrupt.
const BASE: usize = 0x0a00_0200;
pub const SPI: u32 = 32 + 17;

const SECTOR: usize = 512;
/// The largest segment that the device takes.
const SEGMENT: usize = 4096;
/// Bytes of the header of a request.
const HEADER: usize = 16;
/// Descriptors of a batch at most: header, segments and status of each request.
const QUEUE: usize = 128;
/// Requests of a batch at most.
const REQUESTS: usize = 8;
const _: () = assert!(Work::Write.batch() * (2 + Work::Write.size() / SEGMENT) <= QUEUE);
const _: () = assert!(Work::SmallRead.batch() <= REQUESTS);
/// Segments of a request at most.
const SEGMENTS: usize = Work::Write.size() / SEGMENT;
/// Bytes of the part of the disk that is used, again and again.
const PART: usize = 1 << 20;

/// What a request is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Read = 0,
    Write = 1,
}

/// The driver.
pub struct Disk {
    transport: MmioTransport<'static>,
    queue: VirtQueue<Identity, QUEUE>,
    headers: NonNull<[u8; HEADER]>,
    statuses: NonNull<u8>,
    data: NonNull<u8>,
    /// The queue's names for the requests of a batch.
    open: [Option<u16>; REQUESTS],
    /// Where the next batch begins.
    position: usize,
}

type Queue = VirtQueue<Identity, QUEUE>;

impl Disk {
    /// Call it once.
    pub fn set_up() -> Self {
        // SAFETY: the monitor puts the device there, and nobody else uses it.
        let mut transport = unsafe { transport(BASE) };
        let features = transport.begin_init(Feature::all());
        let queue = VirtQueue::new(&mut transport, 0, false, features.contains(Feature::EVENT_INDEX)).expect("a queue");
        transport.finish_init();
        let headers = take(HEADER * REQUESTS).cast();
        let statuses = take(REQUESTS);
        let data = take(Work::Write.batch() * Work::Write.size());
        Self { transport, queue, headers, statuses, data, open: [None; REQUESTS], position: 0 }
    }

    /// Acknowledges the device's interrupt.
    pub fn acknowledge(&mut self) {
        self.transport.ack_interrupt();
    }

    /// Begins a batch of requests, of which the device is told at once. The one before is over.
    pub fn begin(&mut self, work: Work, direction: Direction) {
        for slot in 0..work.batch() {
            let sector = (self.position + slot * work.size()) / SECTOR;
            let header = direction as u128 | (sector as u128) << 64;
            // SAFETY: slots are below `REQUESTS`; the device has no request in this one.
            unsafe { self.headers.add(slot).write_volatile(header.to_le_bytes()) };
            // SAFETY: the buffers stay until `finished`, and are not touched.
            let token = unsafe { self.buffers(slot, work, direction, |queue, input, output| queue.add(input, output)) };
            self.open[slot] = Some(token.expect("room for a batch"));
        }
        self.position = (self.position + work.batch() * work.size()) % PART;
        if self.queue.should_notify() {
            self.transport.notify(0);
        }
    }

    /// Takes back what is done. Whether all of the batch is.
    pub fn finished(&mut self, work: Work, direction: Direction) -> bool {
        while let Some(token) = self.queue.peek_used() {
            let slot = self.open.iter().position(|&open| open == Some(token)).expect("a request of the batch");
            self.open[slot] = None;
            // SAFETY: the same buffers as in `begin`.
            let popped = unsafe {
                self.buffers(slot, work, direction, |queue, input, output| queue.pop_used(token, input, output))
            };
            // SAFETY: the device is through with it.
            let status = unsafe { self.statuses.add(slot).read_volatile() };
            assert!(popped.is_ok() && status == 0, "the disk works");
        }
        self.open.iter().all(Option::is_none)
    }

    /// Calls `with` with the buffers of the request in a slot.
    ///
    /// # Safety
    /// `with` hands them to the queue, which wants their addresses only.
    unsafe fn buffers<T>(
        &mut self,
        slot: usize,
        work: Work,
        direction: Direction,
        with: impl for<'a> FnOnce(&mut Queue, &'a [&'a [u8]], &'a mut [&'a mut [u8]]) -> T,
    ) -> T {
        let segments = work.size() / SEGMENT;
        let (data, status) = (self.data, self.statuses);
        let segment = |n: usize| match n {
            // SAFETY: within the data. Nobody but the device touches them while it has the request.
            n if n < segments => unsafe { data.add(slot * work.size() + n * SEGMENT) },
            // SAFETY: slots are below `REQUESTS`.
            _ => unsafe { status.add(slot) },
        };
        let length = |n| if n < segments { SEGMENT } else { 1 };
        // SAFETY: slots are below `REQUESTS`.
        let header = unsafe { self.headers.add(slot).as_ref() };
        match direction {
            Direction::Read => {
                let mut output: [&mut [u8]; SEGMENTS + 1] =
                    // SAFETY: as above; what is behind the status is not used.
                    array::from_fn(|n| unsafe { slice::from_raw_parts_mut(segment(n).as_ptr(), length(n)) });
                with(&mut self.queue, &[header], &mut output[..=segments])
            }
            Direction::Write => {
                let input: [&[u8]; SEGMENTS + 1] = array::from_fn(|n| match n {
                    0 => &header[..],
                    // SAFETY: as above; what is behind the data is not used.
                    n => unsafe { slice::from_raw_parts(segment(n - 1).as_ptr(), length(n - 1)) },
                });
                // SAFETY: as above.
                let status = unsafe { slice::from_raw_parts_mut(status.add(slot).as_ptr(), 1) };
                with(&mut self.queue, &input[..=segments], &mut [status])
            }
        }
    }
}
