//! The drivers on devices in memory.

use std::collections::VecDeque;

use ivc::block::{self, Answer, Client, DATA, Operation, Request, Server, Status};
use ivc::entropy::DRY;
use ivc::net::{MAX_FRAME, Port};
use ivc::{Block, Consumer, Producer, Region};
use virtio::{Disk, Entropy, Nic, SLOTS, Sectors, Source, Uplink, tell_dry};

fn memory(bytes: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(bytes / 64).collect()
}

/// A disk that ends what it is told to end.
#[derive(Default)]
struct FakeDisk {
    open: Vec<(usize, Request)>,
    ended: VecDeque<(usize, bool)>,
}

impl Sectors for FakeDisk {
    fn disk(&self) -> block::Disk {
        block::Disk { sectors: 10, read_only: true, name: [b'd'; 16] }
    }

    fn start(&mut self, slot: usize, request: &Request) {
        assert!(slot < SLOTS && self.open.iter().all(|&(taken, _)| taken != slot), "the slot is free");
        self.open.push((slot, *request));
    }

    fn finish(&mut self) -> Option<(usize, bool)> {
        self.ended.pop_front()
    }
}

impl FakeDisk {
    fn end(&mut self, which: usize, done: bool) -> u32 {
        let (slot, request) = self.open.remove(which);
        self.ended.push_back((slot, done));
        request.tag
    }
}

fn request(tag: u32) -> Request {
    Request { tag, operation: Operation::Read, sector: 9, offset: 512, length: 512 }
}

#[test]
fn a_disk_is_told_of_and_its_requests_end_in_any_order() {
    let memory = memory(DATA + 4096);
    let mut client = Client::attach(Region::over(&memory)).expect("room");
    let mut driver = Disk::new(FakeDisk::default(), Server::attach(Region::over(&memory)).expect("room"));
    assert_eq!(client.disk().map(|disk| (disk.sectors, disk.read_only)), Some((10, true)));
    (0..3).for_each(|tag| assert!(client.send(request(tag))));
    // One who attaches gives a signal that a former life may have owed.
    let _ = driver.run();
    client.await_answer();
    let ended = [(2, true), (0, false), (0, true)].map(|(which, done)| driver.device_mut().end(which, done));
    assert_eq!(ended, [2, 0, 1]);
    assert!(driver.run(), "the client waits");
    let answers: Vec<_> = std::iter::from_fn(|| client.receive()).collect();
    let answer = |tag, status| Answer { tag, status };
    assert_eq!(answers, [answer(2, Status::Done), answer(0, Status::Failed), answer(1, Status::Done)]);
}

#[test]
fn what_the_disk_has_not_is_refused_without_asking_it() {
    let memory = memory(DATA + 4096);
    let mut client = Client::attach(Region::over(&memory)).expect("room");
    let mut driver = Disk::new(FakeDisk::default(), Server::attach(Region::over(&memory)).expect("room"));
    let bad = [
        Request { sector: 10, ..request(0) },
        Request { offset: 4096, ..request(0) },
        Request { length: 100, ..request(0) },
        Request { operation: Operation::Write, ..request(0) },
    ];
    for request in bad {
        assert!(client.send(request));
        let _ = driver.run();
        assert_eq!(client.receive().map(|answer| answer.status), Some(Status::Refused));
    }
    assert!(driver.device_mut().open.is_empty());
}

#[test]
fn a_disk_gets_no_more_than_it_takes() {
    let memory = memory(DATA + 4096);
    let mut client = Client::attach(Region::over(&memory)).expect("room");
    let mut driver = Disk::new(FakeDisk::default(), Server::attach(Region::over(&memory)).expect("room"));
    (0..40).for_each(|tag| assert!(client.send(request(tag))));
    let mut answered = 0;
    while answered < 40 {
        let _ = driver.run();
        assert_eq!(driver.device_mut().open.len(), SLOTS.min(40 - answered));
        driver.device_mut().end(0, true);
        let _ = driver.run();
        answered += std::iter::from_fn(|| client.receive()).count();
    }
}

/// A source that counts.
#[derive(Default)]
struct Counter {
    asked: bool,
    next: u8,
}

impl Source for Counter {
    fn request(&mut self) {
        self.asked = true;
    }

    fn finish(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.asked).then(|| {
            (0..10)
                .map(|_| {
                    self.next = self.next.wrapping_add(1);
                    self.next
                })
                .collect()
        })
    }
}

#[test]
fn each_random_byte_goes_to_one_user() {
    let memories = [memory(128 + 64), memory(128 + 64)];
    let users =
        memories.iter().enumerate().map(|(n, memory)| (n + 3, Producer::attach(Region::over(memory)).expect("room")));
    let mut driver = Entropy::new(Counter::default(), users.collect());
    let mut ends: Vec<_> =
        memories.iter().map(|memory| Consumer::attach(Region::over(memory)).expect("room")).collect();
    // One who attaches gives a signal that a former life may have owed.
    let _ = driver.run();
    assert!(ends.iter_mut().all(Consumer::await_data));
    let signals: Vec<usize> = driver.run().channels().collect();
    assert!(!signals.is_empty() && signals.iter().all(|channel| (3..5).contains(channel)));
    while driver.device_mut().asked {
        let _ = driver.run();
    }
    let all: Vec<Vec<u8>> = ends
        .iter_mut()
        .map(|end| {
            let mut bytes = [0; 64];
            assert_eq!(end.pop(&mut bytes), 64, "the ring was filled");
            bytes.to_vec()
        })
        .collect();
    assert!(all[0].iter().all(|byte| !all[1].contains(byte)), "{all:?}");
    assert!(!driver.device_mut().asked, "all were full");
    let _ = driver.run();
    assert!(driver.device_mut().asked, "they are empty again");
}

#[test]
fn without_a_source_nobody_waits() {
    let memory = memory(128 + 64);
    let mut user = Consumer::attach(Region::over(&memory)).expect("room");
    user.await_data();
    let mut users = [(5, Producer::attach(Region::over(&memory)).expect("room"))];
    assert!(tell_dry(&mut users).channels().eq([5]));
    assert_eq!(user.note(), DRY);
    // A life with a source takes it back.
    let _ = Entropy::new(Counter::default(), Vec::from(users)).run();
    assert_eq!(user.note(), 0);
}

/// A network device with so much room.
#[derive(Default)]
struct FakeNic {
    room: usize,
    sent: Vec<Vec<u8>>,
    arrived: VecDeque<Vec<u8>>,
}

impl Nic for FakeNic {
    fn send(&mut self, frame: &[u8]) -> bool {
        let fits = self.sent.len() < self.room;
        if fits {
            self.sent.push(frame.to_vec());
        }
        fits
    }

    fn receive(&mut self, buffer: &mut [u8; MAX_FRAME]) -> Option<usize> {
        let frame = self.arrived.pop_front()?;
        buffer[..frame.len()].copy_from_slice(&frame);
        Some(frame.len())
    }
}

#[test]
fn frames_pass_both_ways_and_wait_for_the_device() {
    let memory = memory(0x20000);
    let mut switch = Port::switch(Region::over(&memory)).expect("room");
    let port = Port::station(Region::over(&memory)).expect("room");
    let mut driver = Uplink::new(FakeNic { room: 2, ..FakeNic::default() }, port);
    (1..=5).for_each(|n| assert!(switch.send(&[n; 60])));
    driver.device_mut().arrived.push_back(vec![9; 1514]);
    switch.await_input();
    assert!(driver.run(), "the switch waits for frames");
    let mut buffer = [0; MAX_FRAME];
    assert_eq!((switch.receive(&mut buffer), buffer[1513]), (Some(1514), 9));
    assert_eq!(driver.device_mut().sent.len(), 2);
    driver.device_mut().room = 100;
    let _ = driver.run();
    let sent: Vec<u8> = driver.device_mut().sent.iter().map(|frame| frame[0]).collect();
    assert_eq!(sent, [1, 2, 3, 4, 5]);
}
