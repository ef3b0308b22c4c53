//! Sectors between a client (a guest's disk, a server) and a server (one that divides a disk, a driver): a ring of requests, a
//! ring of answers, and the data, in one region.
//!
//! | bytes of the region | |
//! |---|---|
//! | 0 to 63 | the server's: what the disk is |
//! | 64 to 4095 | requests, from the client to the server |
//! | 4096 to 8191 | answers |
//! | from 8192 | data: the client says where in it each request's are |
//!
//! Both parties signal each other over one channel. Answers come in any order; a tag says whose they are.
//!
//! **Restarts.** A server that starts anew takes none of the requests that are in the ring. The client finds out by [`Client::lost`], before it
//! takes the answers that are there, and sends again what is not answered then. A client that starts anew is not served, and uses none of
//! the data, before the server has ended what it does for the former life ([`Client::is_served`]); what that has in the ring is
//! thrown away. So no request that was answered is lost, and none is done with another's data.

use crate::{Receiver, Region, RegionError, Sender, Words};

/// Bytes of a sector.
pub const SECTOR: usize = 512;
/// Bytes of data that a request has at most.
pub const MAX_REQUEST: usize = 64 << 10;
/// Bytes of a disk's name.
pub const NAME: usize = 16;

/// Where the answers begin.
const ANSWERS: usize = 4096;
/// Where the data begin in the region.
pub const DATA: usize = 8192;
const INFO: usize = 64;
const REQUEST: usize = 4;
const ANSWER: usize = 1;

/// What a disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// In sectors.
    pub sectors: u64,
    /// Writing is an error.
    pub read_only: bool,
    /// For people, padded with zeros.
    pub name: [u8; NAME],
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// From the disk to the data.
    Read,
    /// From the data to the disk.
    Write,
    /// What was answered before is to survive a loss of power. Sectors and data mean nothing.
    Flush,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back with the answer.
    pub tag: u32,
    /// What is to be done.
    pub operation: Operation,
    /// The first sector.
    pub sector: u64,
    /// Where in the data, in bytes: a multiple of 8.
    pub offset: usize,
    /// Bytes of data: a multiple of a sector, at most [`MAX_REQUEST`].
    pub length: usize,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    Done,
    /// The device has failed.
    Failed,
    /// Beyond the disk or the data, not in whole sectors, or a write to what is read-only.
    Refused,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request's.
    pub tag: u32,
    /// How it ended.
    pub status: Status,
}

impl Request {
    fn encode(self) -> [u64; REQUEST] {
        let operation = match self.operation {
            Operation::Read => 1,
            Operation::Write => 2,
            Operation::Flush => 3,
        };
        [u64::from(self.tag) << 32 | operation, self.sector, self.offset as u64, self.length as u64]
    }

    fn decode(words: [u64; REQUEST]) -> Option<Self> {
        let operation = match words[0] as u32 {
            1 => Operation::Read,
            2 => Operation::Write,
            3 => Operation::Flush,
            _ => return None,
        };
        let [offset, length] = [words[2], words[3]].map(usize::try_from);
        Some(Self {
            tag: (words[0] >> 32) as u32,
            operation,
            sector: words[1],
            offset: offset.ok()?,
            length: length.ok()?,
        })
    }

    /// Whether it can be asked of `disk` over `data` bytes of data.
    #[must_use]
    pub fn is_valid(&self, disk: &Disk, data: usize) -> bool {
        let sectors = (self.length / SECTOR) as u64;
        let in_disk = self.sector.checked_add(sectors).is_some_and(|end| end <= disk.sectors);
        let in_data = self.offset.checked_add(self.length).is_some_and(|end| end <= data);
        let whole = (1..=MAX_REQUEST).contains(&self.length)
            && self.length.is_multiple_of(SECTOR)
            && self.offset.is_multiple_of(8);
        match self.operation {
            Operation::Flush => true,
            Operation::Read => in_disk && in_data && whole,
            Operation::Write => in_disk && in_data && whole && !disk.read_only,
        }
    }
}

impl Answer {
    fn encode(self) -> u64 {
        let status = match self.status {
            Status::Done => 1,
            Status::Failed => 2,
            Status::Refused => 3,
        };
        u64::from(self.tag) << 32 | status
    }

    fn decode(word: u64) -> Self {
        let status = match word as u32 {
            1 => Status::Done,
            3 => Status::Refused,
            _ => Status::Failed,
        };
        Self { tag: (word >> 32) as u32, status }
    }
}

/// The parts of a region.
fn parts(region: Region<'_>) -> Result<[Region<'_>; 4], RegionError> {
    let (control, data) = region.split(DATA);
    let (first, answers) = control.split(ANSWERS);
    let (info, requests) = first.split(INFO);
    if data.size() < SECTOR {
        return Err(RegionError::TooSmall);
    }
    Ok([info, requests, answers, data])
}

/// Requests that a server has taken or thrown away before it started anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "lost requests are to be sent again"]
pub struct Lost(u64);

impl Lost {
    /// Whether the request at this position is one of them.
    #[must_use]
    pub fn has(self, position: u64) -> bool {
        self.0.wrapping_sub(position).cast_signed() > 0
    }
}

/// The client's view.
#[derive(Debug)]
pub struct Client<'m> {
    info: Words<'m>,
    requests: Sender<'m>,
    answers: Receiver<'m>,
    data: Words<'m>,
    /// The server has nothing to do any more for former lives.
    served: bool,
}

impl<'m> Client<'m> {
    /// Attaches to the region. If this is not the first life, wait until [`is_served`](Self::is_served).
    ///
    /// # Errors
    /// The region is too small: it takes 8 KiB, and data.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let [info, requests, answers, data] = parts(region)?;
        let requests = Sender::attach(requests, REQUEST)?;
        let served = requests.life() == 1;
        let answers = Receiver::attach(answers, ANSWER)?;
        Ok(Self { info: Words::over(info), requests, answers, data: Words::over(data), served })
    }

    /// How often a client has attached to the region: tags that follow from it are not those of a former life.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.requests.life()
    }

    /// Whether the server has ended everything for this client's former lives. Until then it must neither send requests nor use the data;
    /// a signal comes as for an answer.
    pub fn is_served(&mut self) -> bool {
        if !self.served && self.answers.note() == self.life() {
            // They are to former lives.
            self.answers.discard();
            self.served = true;
        }
        self.served
    }

    /// The position of the next request.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.requests.position()
    }

    /// Whether the server has started anew since this was last asked: then the requests that this tells of are lost, unless there are
    /// answers to them. Ask before taking the answers.
    pub fn lost(&mut self) -> Option<Lost> {
        self.requests.peer_restarted().then(|| Lost(self.requests.peer_origin()))
    }

    /// What the disk is, once the server knows.
    #[must_use]
    pub fn disk(&self) -> Option<Disk> {
        const { assert!(NAME == 16) };
        let flags = self.info.get(0);
        let mut name = [0; NAME];
        (flags & 1 != 0 && self.info.read(16, &mut name)).then(|| Disk {
            sectors: self.info.get(1),
            read_only: flags & 2 != 0,
            name,
        })
    }

    /// The memory for data.
    #[must_use]
    pub fn data(&self) -> Words<'m> {
        self.data
    }

    /// Sends a request. False if there is no room for one.
    pub fn send(&mut self, request: Request) -> bool {
        self.requests.send(|slot| request.encode().iter().enumerate().for_each(|(n, &word)| slot.set(n, word)))
    }

    /// The next answer.
    pub fn receive(&mut self) -> Option<Answer> {
        if !self.is_served() {
            return None;
        }
        self.answers.receive(|slot| Answer::decode(slot.get(0)))
    }

    /// Asks for a signal when an answer comes. Returns whether there is none: then one may sleep.
    pub fn await_answer(&mut self) -> bool {
        let none = self.answers.await_data();
        // What is there before this life is served is not for it.
        if self.served { none } else { !self.is_served() }
    }

    /// Asks for a signal when there is room for requests. Returns whether there is none: then one may sleep.
    pub fn await_space(&mut self) -> bool {
        self.requests.await_space()
    }

    /// After sending and receiving: does the server wait for a signal? It counts as sent once this has returned `true`.
    #[must_use = "the server may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        let for_requests = self.requests.owes_signal();
        let for_space = self.answers.owes_signal();
        for_requests || for_space
    }
}

/// The server's view.
#[derive(Debug)]
pub struct Server<'m> {
    info: Words<'m>,
    requests: Receiver<'m>,
    answers: Sender<'m>,
    data: Words<'m>,
    /// The client's life whose requests are taken.
    life: u32,
    /// The requests that were taken and not answered, and whether those of former lives are among them.
    open: usize,
    former: bool,
}

impl<'m> Server<'m> {
    /// Attaches to the region.
    ///
    /// # Errors
    /// As [`Client::attach`].
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let [info, requests, answers, data] = parts(region)?;
        Ok(Self {
            info: Words::over(info),
            // In this order: a client that sees the new receiver has seen all answers of the former life.
            requests: Receiver::attach_empty(requests, REQUEST)?,
            answers: Sender::attach(answers, ANSWER)?,
            data: Words::over(data),
            life: 0,
            open: 0,
            former: false,
        })
    }

    /// Tells the client what the disk is.
    pub fn set_disk(&self, disk: &Disk) {
        self.info.set(1, disk.sectors);
        // The first line of the region has room for it.
        let _ = self.info.write(16, &disk.name);
        self.info.set(0, 1 | u64::from(disk.read_only) << 1);
    }

    /// The memory for data.
    #[must_use]
    pub fn data(&self) -> Words<'m> {
        self.data
    }

    /// Begins to serve a client that has started anew, once all is ended that a former life of it wanted.
    fn notice_client(&mut self) {
        let life = self.requests.peer_life();
        if life != self.life {
            self.life = life;
            self.requests.discard_former();
            self.former = true;
        }
        if self.former && self.open == 0 {
            self.former = false;
            self.answers.set_note(life);
        }
    }

    /// Takes the next request, if there is room for its answer; `Err` has the tag of one that makes no sense. Each is to be answered, also
    /// if the client starts anew meanwhile.
    pub fn receive(&mut self) -> Option<Result<Request, u32>> {
        self.notice_client();
        if self.former || self.answers.space() == 0 {
            return None;
        }
        let words = self.requests.receive(|slot| core::array::from_fn(|n| slot.get(n)))?;
        self.open += 1;
        Some(Request::decode(words).ok_or((words[0] >> 32) as u32))
    }

    /// Answers a request. False if there is no room, which a client that has more requests open than there are answers has
    /// to blame itself for.
    pub fn send(&mut self, answer: Answer) -> bool {
        self.open = self.open.saturating_sub(1);
        let sent = self.answers.send(|slot| slot.set(0, answer.encode()));
        self.notice_client();
        sent
    }

    /// Asks for a signal when a request comes, or when there is room for answers if there is none. Returns whether no request can
    /// be taken: then one may sleep.
    pub fn await_request(&mut self) -> bool {
        let no_room = self.answers.space() == 0 && self.answers.await_space();
        let no_request = self.requests.await_data();
        // Those of a new life are not taken before those of the former are answered.
        no_room || no_request || self.former
    }

    /// After receiving and sending: does the client wait for a signal? It counts as sent once this has returned `true`.
    #[must_use = "the client may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        let for_answers = self.answers.owes_signal();
        let for_space = self.requests.owes_signal();
        for_answers || for_space
    }
}
