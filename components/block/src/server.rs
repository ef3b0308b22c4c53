//! The server between the driver of a disk and the clients.

use alloc::vec::Vec;

use clients::Signals;
use ivc::block::{self, Answer, Disk, Lost, MAX_REQUEST, NAME, Operation, Request, Status};
use ivc::statistics::{Counter, Table};

use crate::config::{Part, Place, Problem, Reason};
use crate::survey::{self, Survey};

/// A client, its part of the disk, and what is shared with it.
#[derive(Debug)]
pub struct Client<'m> {
    /// The part.
    pub part: Part,
    /// The shared region.
    pub port: block::Server<'m>,
}

impl Client<'_> {
    /// The disk that the client sees.
    fn disk(&self) -> Disk {
        let mut name = [0; NAME];
        let length = self.part.name.len().min(NAME);
        name[..length].copy_from_slice(&self.part.name.as_bytes()[..length]);
        Disk { sectors: self.part.place.extent().1, read_only: self.part.read_only, name }
    }
}

/// A request that the driver has.
#[derive(Debug)]
struct Open {
    client: usize,
    request: Request,
    /// What the driver was asked, and the request's position there.
    asked: Request,
    position: u64,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counters<'m> {
    /// Requests of clients.
    requests: Counter<'m>,
    /// Of those, the ones that are not the client's to make.
    refused: Counter<'m>,
    /// Bytes that were asked for.
    read: Counter<'m>,
    /// Bytes that were to be written.
    written: Counter<'m>,
    /// Requests that the driver, having started anew, was asked again.
    repeated: Counter<'m>,
}

/// The server.
#[derive(Debug)]
pub struct Server<'m> {
    counters: Counters<'m>,
    driver: block::Client<'m>,
    /// The channel to the driver.
    channel: usize,
    clients: Vec<Client<'m>>,
    /// The pieces of the data shared with the driver.
    open: Vec<Option<Open>>,
    /// The disk, once the driver has told, and the partitions are known that are named.
    disk: Option<Disk>,
    survey: Survey,
    /// The client that comes first next time.
    next: usize,
}

impl<'m> Server<'m> {
    /// A server over the disk behind `driver`, whom a signal on `channel` reaches. Begin with a [`turn`](Self::turn).
    #[must_use]
    pub fn new(driver: block::Client<'m>, channel: usize, clients: Vec<Client<'m>>) -> Self {
        let pieces = driver.data().size() / MAX_REQUEST;
        let open = (0..pieces).map(|_| None).collect();
        let counters = Counters::default();
        Self { counters, driver, channel, clients, open, disk: None, survey: Survey::default(), next: 0 }
    }

    /// Counts in this table, too.
    #[must_use]
    pub fn counted(mut self, table: &mut Table<'m>) -> Self {
        self.counters = Counters {
            requests: table.counter("requests"),
            refused: table.counter("refused"),
            read: table.counter("bytes read"),
            written: table.counter("bytes written"),
            repeated: table.counter("repeated"),
        };
        self
    }

    /// Whether the region shared with the driver has room for one request.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.open.is_empty()
    }

    /// Does what can be done now. Returns whom to signal; clients whose part is not on the disk are told of in `problems`.
    pub fn turn(&mut self, problems: &mut Vec<Problem>) -> Signals {
        loop {
            let lost = self.driver.lost();
            self.answers();
            if let Some(lost) = lost {
                self.repeat(lost);
            }
            if self.disk.is_none() {
                self.introduce(problems);
            }
            if self.takes_requests() {
                self.requests();
            }
            let is_idle = self.driver.await_answer() && self.clients_are_idle();
            if is_idle {
                return self.signals();
            }
        }
    }

    /// Tells the clients what they have, once the disk is known.
    fn introduce(&mut self, problems: &mut Vec<Problem>) {
        let Some(disk) = self.driver.disk() else { return };
        let by_partition = self.clients.iter().any(|client| matches!(client.part.place, Place::Partition(_)));
        if by_partition && !(self.driver.is_served() && self.survey.advance(&mut self.driver, disk.sectors)) {
            return;
        }
        self.survey.resolve(self.clients.iter_mut().map(|client| &mut client.part), problems);
        self.disk = Some(disk);
        for index in 0..self.clients.len() {
            let (before, rest) = self.clients.split_at_mut(index);
            let client = &mut rest[0];
            let part = &mut client.part;
            part.read_only |= disk.read_only;
            let (first, sectors) = part.place.extent();
            let other = before.iter().map(|other| &other.part).find(|other| part.conflicts_with(other));
            let reason = if first.saturating_add(sectors) > disk.sectors {
                Some(Reason::BeyondDisk { disk: disk.sectors })
            } else {
                other.map(|other| Reason::Overlap(other.name.clone()))
            };
            if let Some(reason) = reason {
                problems.push(Problem { line: part.line, reason });
                part.place = Place::Nowhere;
            }
            client.port.set_disk(&client.disk());
        }
    }

    /// Whether the driver can be asked for something.
    fn takes_requests(&mut self) -> bool {
        self.disk.is_some() && self.driver.is_served()
    }

    /// Asks a driver that has started anew for what its former life did not answer. The data are still there.
    fn repeat(&mut self, lost: Lost) {
        // What it did answer has been taken.
        self.survey.repeat();
        for open in self.open.iter_mut().flatten().filter(|open| lost.has(open.position)) {
            self.counters.repeated.add(1);
            open.position = self.driver.position();
            // The driver has thrown away what was in the ring: there is room.
            let _ = self.driver.send(open.asked);
        }
    }

    /// Passes the driver's answers on.
    fn answers(&mut self) {
        while let Some(Answer { tag, status }) = self.driver.receive() {
            if tag == survey::TAG {
                let disk = self.driver.disk().map_or(0, |disk| disk.sectors);
                self.survey.answer(&self.driver, disk, status);
                continue;
            }
            let Some(Open { client, request, .. }) = self.open.get_mut(tag as usize).and_then(Option::take) else {
                continue;
            };
            // A client that has started anew uses the data only when all is answered that its former life wanted.
            let port = &mut self.clients[client].port;
            if request.operation == Operation::Read && status == Status::Done {
                let from = tag as usize * MAX_REQUEST;
                // Both lie within their regions: the request was checked.
                let _ = self.driver.data().copy_to(from, port.data(), request.offset, request.length);
            }
            port.send(Answer { tag: request.tag, status });
        }
    }

    /// Takes one request from each client in turn, while the driver takes them.
    fn requests(&mut self) {
        let clients = self.clients.len();
        let mut without = 0;
        while without < clients {
            let Some(piece) = self.open.iter().position(Option::is_none) else { return };
            let client = self.next % clients;
            self.next = (client + 1) % clients;
            without = if self.request(client, piece) { 0 } else { without + 1 };
        }
    }

    /// Takes a request from a client, if it has one, with a piece of the driver's data.
    fn request(&mut self, client: usize, piece: usize) -> bool {
        let Client { part, port } = &mut self.clients[client];
        let Some(request) = port.receive() else { return false };
        self.counters.requests.add(1);
        let (first, sectors) = part.place.extent();
        let disk = Disk { sectors, read_only: part.read_only, ..Disk::default() };
        let request = match request {
            Ok(request) if request.is_valid(&disk, port.data().size()) => request,
            Ok(Request { tag, .. }) | Err(tag) => {
                self.counters.refused.add(1);
                port.send(Answer { tag, status: Status::Refused });
                return true;
            }
        };
        match request.operation {
            Operation::Read => self.counters.read.add(request.length as u64),
            Operation::Write => self.counters.written.add(request.length as u64),
            Operation::Flush => {}
        }
        let offset = piece * MAX_REQUEST;
        if request.operation == Operation::Write {
            // Both lie within their regions.
            let _ = port.data().copy_to(request.offset, self.driver.data(), offset, request.length);
        }
        // The request of a flush says nothing of sectors.
        let sector = if request.operation == Operation::Flush { 0 } else { first + request.sector };
        let length = if request.operation == Operation::Flush { 0 } else { request.length };
        let asked = Request { tag: piece as u32, sector, offset, length, ..request };
        let position = self.driver.position();
        // The ring has room for more requests than there are pieces.
        if self.driver.send(asked) {
            self.open[piece] = Some(Open { client, request, asked, position });
        } else {
            port.send(Answer { tag: request.tag, status: Status::Failed });
        }
        true
    }

    /// Asks every client for a signal when it has a request. Returns whether none can be taken now.
    fn clients_are_idle(&mut self) -> bool {
        if !self.takes_requests() || self.open.iter().all(Option::is_some) {
            // The driver's next answer comes first.
            return true;
        }
        let busy = self.clients.iter_mut().filter_map(|client| (!client.port.await_request()).then_some(())).count();
        busy == 0
    }

    fn signals(&mut self) -> Signals {
        let mut signals = Signals::default();
        signals.add(self.channel, self.driver.owes_signal());
        for client in &mut self.clients {
            signals.add(client.part.channel, client.port.owes_signal());
        }
        signals
    }
}
