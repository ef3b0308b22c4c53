//! The block device (specification, 5.2): its sectors are somebody else's, who is asked by messages. A request's data go
//! through memory that is shared with that server; the guest's own memory stays between guest and monitor.

use alloc::{vec, vec::Vec};

use ivc::{
    Aligned, RegionError,
    block::{Answer, Client, Disk, Lost, NAME, Operation, Request, SECTOR, Status},
};

use super::{Bell, Fault, Model, Queues, queue::Chain};
use crate::memory::Memory;

const QUEUE_SIZE: u16 = 128;
/// Bytes of the header: type, reserved, sector.
const HEADER: usize = 16;
/// Bytes of what `GET_ID` answers.
const ID_SIZE: usize = 20;
/// What one segment of a request has at most, as the driver is told.
const SEGMENT: usize = 4096;
/// Segments of a request at most.
const SEGMENTS: usize = 16;
/// Bytes that are copied at once.
const PIECE: usize = SEGMENT;

/// The driver keeps to a largest segment, to a number of segments; the disk cannot be written; it can be flushed.
const FEATURE_SIZE_MAX: u64 = 1 << 1;
const FEATURE_SEG_MAX: u64 = 1 << 2;
const FEATURE_RO: u64 = 1 << 5;
const FEATURE_FLUSH: u64 = 1 << 9;

/// Types of requests.
mod kind {
    pub const IN: u32 = 0;
    pub const OUT: u32 = 1;
    pub const FLUSH: u32 = 4;
    pub const GET_ID: u32 = 8;
}

/// How requests end.
mod status {
    pub const OK: u8 = 0;
    pub const IO_ERROR: u8 = 1;
    pub const UNSUPPORTED: u8 = 2;
}

/// A request that the server has.
struct Open {
    request: Request,
    /// Its position at the server.
    position: u64,
    /// `None`: the driver that wanted it is no more.
    chain: Option<Chain>,
}

/// A disk.
pub struct Blk<'a> {
    client: Client<'a>,
    bell: Bell<'a>,
    disk: Option<Disk>,
    changed: bool,
    /// Segments that a part of the shared data has room for.
    segments: usize,
    /// The parts of the shared data, each with the request that it belongs to.
    open: Vec<Option<Open>>,
    /// What is on its way between guest and server.
    piece: Aligned<[u8; PIECE]>,
    /// Counts requests, so that an answer to one of a former life is told from one of this.
    count: u32,
}

impl<'a> Blk<'a> {
    /// A disk; `bell` signals the server.
    ///
    /// # Errors
    /// The region that is shared with the server has no room for one segment.
    pub fn new(client: Client<'a>, bell: Bell<'a>) -> Result<Self, RegionError> {
        let size = client.data().size();
        // Four requests at a time at least, if they can have a segment each.
        let segments = (size / 4 / SEGMENT).clamp(1, SEGMENTS);
        let parts = (size / (segments * SEGMENT)).min(usize::from(QUEUE_SIZE) / 2);
        if parts == 0 {
            return Err(RegionError::TooSmall);
        }
        let disk = client.disk();
        let open = (0..parts).map(|_| None).collect();
        let count = client.life() << 16;
        Ok(Self { client, bell, disk, changed: false, segments, open, piece: Aligned([0; PIECE]), count })
    }

    fn part_size(&self) -> usize {
        self.segments * SEGMENT
    }

    /// Ends a request.
    fn finish<M: Memory>(queues: &mut Queues<'_, M>, chain: &Chain, status: u8, written: u32) {
        // The status is the last byte of what may be written.
        chain.write(queues.memory(), chain.write_length() - 1, &[status]);
        queues.push(0, chain.token(), written + 1);
    }

    /// Takes the server's answers.
    fn answers<M: Memory>(&mut self, queues: &mut Queues<'_, M>) {
        while let Some(Answer { tag, status }) = self.client.receive() {
            let part = tag as usize % self.open.len();
            let Some(open) = self.open.get_mut(part) else { continue };
            if open.as_ref().is_none_or(|open| open.request.tag != tag) {
                continue;
            }
            let Some(Open { request, chain: Some(chain), .. }) = open.take() else { continue };
            if status != Status::Done {
                Self::finish(queues, &chain, status::IO_ERROR, 0);
                continue;
            }
            let read = if request.operation == Operation::Read { request.length } else { 0 };
            for done in (0..read).step_by(PIECE) {
                let piece = &mut self.piece.0[..PIECE.min(read - done)];
                // The part lies within the data.
                let _ = self.client.data().read(request.offset + done, piece);
                chain.write(queues.memory(), done as u32, piece);
            }
            Self::finish(queues, &chain, status::OK, read as u32);
        }
    }

    /// Starts one of the driver's requests in a part of the data that is free.
    fn start<M: Memory>(&mut self, queues: &mut Queues<'_, M>, part: usize, chain: Chain) -> Result<(), Fault> {
        let mut header = [0; HEADER];
        if chain.read(queues.memory(), 0, &mut header) < HEADER || chain.write_length() == 0 {
            return Err(queues.blame(0, Fault::Request));
        }
        let header = u128::from_le_bytes(header);
        let (kind, sector) = (header as u32, (header >> 64) as u64);
        let (operation, length) = match kind {
            kind::IN => (Operation::Read, chain.write_length() as usize - 1),
            kind::OUT => (Operation::Write, chain.read_length() as usize - HEADER),
            kind::FLUSH => (Operation::Flush, 0),
            kind::GET_ID => {
                let mut id = [0; ID_SIZE];
                id[..NAME].copy_from_slice(&self.disk.unwrap_or_default().name);
                let room = (chain.write_length() as usize - 1).min(ID_SIZE);
                chain.write(queues.memory(), 0, &id[..room]);
                Self::finish(queues, &chain, status::OK, room as u32);
                return Ok(());
            }
            _ => {
                Self::finish(queues, &chain, status::UNSUPPORTED, 0);
                return Ok(());
            }
        };
        let parts = self.open.len() as u32;
        self.count = self.count.wrapping_add(1) % (u32::MAX / parts);
        let request = Request {
            tag: self.count * parts + part as u32,
            operation,
            sector,
            offset: part * self.part_size(),
            length,
        };
        let position = self.client.position();
        let valid = length <= self.part_size() && request.is_valid(&self.disk.unwrap_or_default(), usize::MAX);
        if !valid || !self.send(queues, &chain, request) {
            Self::finish(queues, &chain, status::IO_ERROR, 0);
            return Ok(());
        }
        self.open[part] = Some(Open { request, position, chain: Some(chain) });
        Ok(())
    }

    /// Hands a request to the server, with its data. False if that does not take any, for which it has no reason.
    fn send<M: Memory>(&mut self, queues: &mut Queues<'_, M>, chain: &Chain, request: Request) -> bool {
        let write = if request.operation == Operation::Write { request.length } else { 0 };
        for done in (0..write).step_by(PIECE) {
            let piece = &mut self.piece.0[..PIECE.min(write - done)];
            chain.read(queues.memory(), (HEADER + done) as u32, piece);
            // The part lies within the data.
            let _ = self.client.data().write(request.offset + done, piece);
        }
        self.client.send(request)
    }

    /// A part of the data that is free. What a driver of a former life wanted is waited for: it must not happen after what
    /// this one wants.
    fn free(&mut self) -> Option<usize> {
        let settled = self.client.is_served() && self.open.iter().flatten().all(|open| open.chain.is_some());
        if settled { self.open.iter().position(Option::is_none) } else { None }
    }

    /// Asks a server that has started anew for what its former life did not answer. The data are still there.
    fn repeat(&mut self, lost: Lost) {
        for open in self.open.iter_mut().flatten().filter(|open| lost.has(open.position)) {
            open.position = self.client.position();
            // The server has thrown away what was in the ring: there is room.
            let _ = self.client.send(open.request);
        }
    }

    fn update_disk(&mut self) {
        let disk = self.client.disk();
        self.changed |= disk != self.disk;
        self.disk = disk;
    }
}

impl Model for Blk<'_> {
    const ID: u32 = 2;
    const NAME: &'static str = "disk";

    fn features(&self) -> u64 {
        let read_only = if self.client.disk().is_some_and(|disk| disk.read_only) { FEATURE_RO } else { 0 };
        FEATURE_SIZE_MAX | FEATURE_SEG_MAX | FEATURE_FLUSH | read_only
    }

    fn queues(&self) -> Vec<u16> {
        vec![QUEUE_SIZE]
    }

    fn config(&self, offset: u64) -> u32 {
        let sectors = self.client.disk().map_or(0, |disk| disk.sectors);
        match offset {
            0 => sectors as u32,
            4 => (sectors >> 32) as u32,
            8 => SEGMENT as u32,
            12 => self.segments as u32,
            20 => SECTOR as u32,
            _ => 0,
        }
    }

    fn config_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        self.update_disk();
        loop {
            let lost = self.client.lost();
            self.answers(queues);
            if let Some(lost) = lost {
                self.repeat(lost);
            }
            let served = self.client.is_served();
            while let Some(part) = self.free() {
                let Some(chain) = queues.pop(0)? else { break };
                self.start(queues, part, chain)?;
            }
            let idle = self.client.await_answer() && self.client.is_served() == served;
            if self.client.owes_signal() {
                (self.bell)();
            }
            if idle {
                return Ok(());
            }
        }
    }

    fn reset(&mut self) {
        // The server still writes into the parts of what it was asked for; they are free when it answers.
        self.open.iter_mut().flatten().for_each(|open| open.chain = None);
    }
}
