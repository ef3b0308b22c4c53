//! The disk between a driver and a server.

use std::{boxed::Box, vec, vec::Vec};

use ivc::{
    Block, Region,
    block::{Answer, Client, Disk, Operation, SECTOR, Server, Status},
};

use super::mmio::{BUFFERS, Bench, register};
use crate::{
    devices::Device,
    virtio::{Fault, blk::Blk, queue::Segment},
};

const SECTORS: u64 = 64;
const IN: u32 = 0;
const OUT: u32 = 1;
const FLUSH: u32 = 4;
const GET_ID: u32 = 8;
const NOWHERE: u8 = 0xee;

/// A server whose disk is in memory.
struct Store<'m> {
    server: Server<'m>,
    sectors: Vec<u8>,
    flushes: usize,
}

impl Store<'_> {
    /// Answers what has been asked.
    fn serve(&mut self) {
        while let Some(request) = self.server.receive() {
            let request = request.expect("a request that makes sense");
            let start = request.sector as usize * SECTOR;
            let range = start..start + request.length;
            // Every access is checked here, as the device has no reason to ask for more.
            match request.operation {
                Operation::Read => assert!(self.server.data().write(request.offset, &self.sectors[range])),
                Operation::Write => assert!(self.server.data().read(request.offset, &mut self.sectors[range])),
                Operation::Flush => self.flushes += 1,
            }
            assert!(self.server.send(Answer { tag: request.tag, status: Status::Done }));
        }
    }
}

fn memory() -> Vec<Block> {
    std::iter::repeat_with(Block::new).take((8192 + 0x8000) / 64).collect()
}

fn bench(memory: &[Block], packed: bool, read_only: bool) -> (Bench<Blk<'_>>, Store<'_>) {
    let server = Server::attach(Region::over(memory)).unwrap();
    server.set_disk(&Disk { sectors: SECTORS, read_only, name: *b"a disk\0\0\0\0\0\0\0\0\0\0" });
    let client = Client::attach(Region::over(memory)).unwrap();
    let blk = Blk::new(client, Box::new(|| ())).unwrap();
    let sectors = vec![0; SECTORS as usize * SECTOR];
    (Bench::new(blk, packed), Store { server, sectors, flushes: 0 })
}

fn segment(offset: u64, length: u32) -> Segment {
    Segment { address: BUFFERS + offset, length }
}

/// Asks for something with `length` bytes of data at `0x1000`; the status is at `0x100`.
fn ask(bench: &mut Bench<Blk>, kind: u32, sector: u64, length: u32) {
    let header = u128::from(kind) | u128::from(sector) << 64;
    bench.ram.put(BUFFERS, &header.to_le_bytes());
    bench.ram.put(BUFFERS + 0x100, &[NOWHERE]);
    let (header, status, data) = (segment(0, 16), segment(0x100, 1), segment(0x1000, length));
    let mut readable = vec![header];
    let mut writable = vec![];
    match kind {
        _ if length == 0 => {}
        OUT => readable.push(data),
        _ => writable.push(data),
    }
    writable.push(status);
    bench.drivers[0].add(&readable, &writable, true).expect("room");
    bench.notify(0);
}

fn status(bench: &Bench<Blk>) -> u8 {
    bench.ram.bytes(BUFFERS + 0x100, 1)[0]
}

#[test]
fn it_is_as_large_as_the_server_says() {
    let memory = memory();
    let (mut bench, _) = bench(&memory, false, true);
    assert_eq!((bench.read(register::CONFIG), bench.read(register::CONFIG + 4)), (64, 0));
    assert_eq!((bench.read(register::CONFIG + 8), bench.read(register::CONFIG + 12)), (4096, 2));
    assert_ne!(bench.features & 1 << 5, 0);
}

#[test]
fn what_is_written_is_read_again() {
    for packed in [false, true] {
        let memory = memory();
        let (mut bench, mut store) = bench(&memory, packed, false);
        let text: Vec<u8> = (0..2048u32).map(|n| (n / 7) as u8).collect();
        bench.ram.put(BUFFERS + 0x1000, &text);
        ask(&mut bench, OUT, 5, 2048);
        assert_eq!(status(&bench), NOWHERE, "it has not happened yet");
        store.serve();
        bench.device.poll();
        assert_eq!((status(&bench), bench.drivers[0].used().unwrap().1), (0, 1));
        assert_eq!(store.sectors[5 * SECTOR..][..2048], text);
        bench.ram.put(BUFFERS + 0x1000, &[0; 2048]);
        ask(&mut bench, IN, 6, 1024);
        store.serve();
        bench.device.poll();
        assert_eq!((status(&bench), bench.drivers[0].used().unwrap().1), (0, 1025));
        assert_eq!(bench.ram.bytes(BUFFERS + 0x1000, 1024), text[512..1536]);
        ask(&mut bench, FLUSH, 0, 0);
        store.serve();
        bench.device.poll();
        assert_eq!((status(&bench), store.flushes), (0, 1));
    }
}

#[test]
fn it_answers_for_itself() {
    let memory = memory();
    let (mut bench, mut store) = bench(&memory, false, false);
    ask(&mut bench, GET_ID, 0, 20);
    assert_eq!((status(&bench), bench.ram.bytes(BUFFERS + 0x1000, 6)), (0, b"a disk".to_vec()));
    ask(&mut bench, 77, 0, 512);
    assert_eq!(status(&bench), 2);
    // Beyond the end, by overflow, not in sectors, more than a request may have.
    for (sector, length) in [(SECTORS, 512), (SECTORS - 1, 1024), (u64::MAX, 512), (0, 511), (0, 0), (0, 0x2200)] {
        ask(&mut bench, IN, sector, length);
        assert_eq!(status(&bench), 1, "{sector} {length}");
    }
    assert!(store.server.receive().is_none(), "the server was not asked");
}

#[test]
fn a_request_without_header_or_status_is_a_mistake() {
    for (readable, writable) in [(segment(0, 15), segment(0x100, 1)), (segment(0, 16), segment(0, 0))] {
        let memory = memory();
        let (mut bench, _) = bench(&memory, false, false);
        bench.drivers[0].add(&[readable], &[writable], false).unwrap();
        bench.notify(0);
        assert_eq!(bench.device.take_complaint().map(|complaint| complaint.fault), Some(Fault::Request));
    }
}

#[test]
fn a_failure_is_an_error() {
    let memory = memory();
    let (mut bench, mut store) = bench(&memory, false, false);
    ask(&mut bench, IN, 0, 512);
    let request = store.server.receive().unwrap().unwrap();
    store.server.send(Answer { tag: request.tag, status: Status::Failed });
    store.server.send(Answer { tag: request.tag, status: Status::Done });
    store.server.send(Answer { tag: u32::MAX, status: Status::Done });
    bench.device.poll();
    assert_eq!(status(&bench), 1);
}

#[test]
fn a_new_driver_gets_nothing_of_what_the_old_one_asked() {
    let memory = memory();
    let (mut bench, mut store) = bench(&memory, false, false);
    ask(&mut bench, OUT, 1, 512);
    bench.device.reset();
    bench.set_up(false);
    ask(&mut bench, IN, 0, 512);
    // The former life's is done first; what follows waits for it.
    store.serve();
    assert_eq!(status(&bench), NOWHERE);
    bench.device.poll();
    store.serve();
    bench.device.poll();
    assert_eq!((status(&bench), bench.drivers[0].used().unwrap().1), (0, 513));
    assert_eq!(bench.drivers[0].used(), None);
}

#[test]
fn a_server_that_starts_anew_is_asked_again() {
    let memory = memory();
    let (mut bench, mut store) = bench(&memory, false, false);
    bench.ram.put(BUFFERS + 0x1000, &[5; 512]);
    ask(&mut bench, OUT, 3, 512);
    assert!(store.server.receive().is_some(), "it is taken, and not answered");
    store.server = Server::attach(Region::over(&memory)).unwrap();
    bench.device.poll();
    assert_eq!(status(&bench), NOWHERE);
    store.serve();
    bench.device.poll();
    assert_eq!((status(&bench), store.sectors[3 * SECTOR]), (0, 5));
}

#[test]
fn a_monitor_that_starts_anew_waits_until_all_has_ended_that_was_asked_before() {
    let memory = memory();
    let (mut first, mut store) = bench(&memory, false, false);
    ask(&mut first, OUT, 1, 512);
    let former = store.server.receive().unwrap().unwrap();
    let blk = Blk::new(Client::attach(Region::over(&memory)).unwrap(), Box::new(|| ())).unwrap();
    let mut bench = Bench::new(blk, false);
    ask(&mut bench, IN, 0, 512);
    store.serve();
    bench.device.poll();
    assert_eq!(status(&bench), NOWHERE, "the server has something of the former life");
    assert!(store.server.send(Answer { tag: former.tag, status: Status::Done }));
    bench.device.poll();
    assert_eq!(status(&bench), NOWHERE);
    store.serve();
    bench.device.poll();
    assert_eq!((status(&bench), bench.drivers[0].used().unwrap().1), (0, 513));
}

#[test]
fn a_driver_with_many_requests_waits_for_room() {
    let memory = memory();
    let (mut bench, mut store) = bench(&memory, true, false);
    for _ in 0..10 {
        ask(&mut bench, IN, 0, 512);
    }
    for _ in 0..10 {
        store.serve();
        bench.device.poll();
    }
    assert!((0..10).all(|_| bench.drivers[0].used().is_some_and(|(_, written)| written == 513)));
}
