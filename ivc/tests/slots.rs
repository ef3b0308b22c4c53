//! Rings of slots, network cables and disks against their models, with honest and with hostile peers.
#![cfg(not(loom))]

use std::collections::VecDeque;

use ivc::block::{Answer, Client, Disk, Operation, Request, SECTOR, Server, Status};
use ivc::net::{MAX_FRAME, MIN_FRAME, Port};
use ivc::{Aligned, Block, Receiver, Region, RegionError, Sender, Words};
use proptest::collection::vec;
use proptest::prelude::*;

fn memory(blocks: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(blocks).collect()
}

#[test]
fn a_region_without_a_slot_is_refused() {
    let blocks = memory(3);
    assert_eq!(Sender::attach(Region::over(&blocks), 9).err(), Some(RegionError::TooSmall));
    assert_eq!(Receiver::attach(Region::over(&blocks), 0).err(), Some(RegionError::TooSmall));
    assert!(Sender::attach(Region::over(&blocks), 8).is_ok());
    assert_eq!(Client::attach(Region::over(&blocks)).err(), Some(RegionError::TooSmall));
    assert_eq!(Port::station(Region::over(&blocks)).err(), Some(RegionError::TooSmall));
}

#[test]
fn a_signal_is_owed_once_and_only_when_wanted() {
    let blocks = memory(3);
    let mut sender = Sender::attach(Region::over(&blocks), 1).expect("room");
    let mut receiver = Receiver::attach(Region::over(&blocks), 1).expect("room");
    sender.send(|slot| slot.set(0, 7));
    assert!(!sender.owes_signal(), "nobody waits");
    assert!(!receiver.await_data(), "there is something: do not sleep");
    assert_eq!(receiver.receive(|slot| slot.get(0)), Some(7));
    assert!(receiver.await_data());
    sender.send(|slot| slot.set(0, 8));
    assert!(sender.owes_signal());
    sender.send(|slot| slot.set(0, 9));
    assert!(!sender.owes_signal());
}

#[test]
fn words_are_read_and_written_where_they_are() {
    let blocks = memory(1);
    let words = Words::over(Region::over(&blocks));
    assert_eq!(words.size(), 64);
    assert!(words.write(8, b"nine byte") && words.write(56, b"12345678"));
    assert!(!words.write(56, b"123456789") && !words.write(4, b"x") && !words.write(usize::MAX - 7, b"x"));
    let mut bytes = [0xff; 9];
    assert!(words.read(8, &mut bytes));
    assert_eq!(&bytes, b"nine byte");
    assert_eq!((words.get(2), words.get(8)), (u64::from(b'e'), 0));
    let other = memory(1);
    let other = Words::over(Region::over(&other));
    assert!(words.copy_to(8, other, 48, 16) && !words.copy_to(8, other, 56, 16));
    assert_eq!((other.get(6), other.get(7)), (words.get(1), words.get(2)));
}

#[test]
fn bytes_are_the_same_however_they_are_aligned() {
    const ROOM: usize = 256;
    let source = Aligned(core::array::from_fn::<u8, ROOM, _>(|n| n as u8 ^ 0x5a));
    for start in 0..9 {
        for length in 0..150 {
            let blocks = memory(4);
            let words = Words::over(Region::over(&blocks));
            let bytes = &source.0[start..start + length];
            assert!(words.write(8, bytes));
            assert_eq!(words.get(1 + length.div_ceil(8)), 0, "nothing behind the last word");
            let mut read = Aligned([0xee; ROOM]);
            assert!(words.read(8, &mut read.0[start..start + length]));
            assert_eq!(&read.0[start..start + length], bytes);
            let around = read.0[..start].iter().chain(&read.0[start + length..]);
            assert!(around.copied().all(|byte| byte == 0xee));
        }
    }
}

/// What both parties of a ring do in turn.
#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Receive,
    SenderRestarts,
    ReceiverRestarts,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any::<u64>().prop_map(Step::Send),
        5 => Just(Step::Receive),
        1 => Just(Step::SenderRestarts),
        1 => Just(Step::ReceiverRestarts),
    ]
}

proptest! {
    #[test]
    fn slots_are_a_queue(size in 1..5usize, blocks in 3..6usize, steps in vec(step(), 0..200)) {
        let blocks = memory(blocks);
        let region = Region::over(&blocks);
        let mut sender = Sender::attach(region, size).expect("room");
        let mut receiver = Receiver::attach(region, size).expect("room");
        let mut model = VecDeque::new();
        for step in steps {
            match step {
                Step::Send(value) => {
                    let room = sender.space();
                    prop_assert_eq!(room, sender.capacity() - model.len());
                    let sent = sender.send(|slot| (0..size).for_each(|n| slot.set(n, value + n as u64)));
                    prop_assert_eq!(sent, room != 0);
                    if sent {
                        model.push_back(value);
                    }
                }
                Step::Receive => {
                    let got = receiver.receive(|slot| (slot.get(0), slot.get(size - 1), slot.get(size)));
                    let expected = model.pop_front().map(|value| (value, value + size as u64 - 1, 0));
                    prop_assert_eq!(got, expected);
                }
                Step::SenderRestarts => sender = Sender::attach(region, size).expect("room"),
                Step::ReceiverRestarts => receiver = Receiver::attach(region, size).expect("room"),
            }
        }
    }

    /// Whatever a peer writes, frames that come have a frame's length, and requests are told from nonsense.
    #[test]
    fn a_hostile_peer_sends_wrong_contents_and_no_more(
        scribbles in vec((any::<prop::sample::Index>(), 0..8usize, prop_oneof![any::<u64>(), 0..2000u64]), 0..100),
    ) {
        let blocks = memory(256);
        let mut station = Port::station(Region::over(&blocks)).expect("room");
        let mut frame = [0; MAX_FRAME];
        for (block, word, value) in &scribbles {
            block.get(&blocks).scribble(*word, *value);
            station.send(&[1; 60]);
            for _ in 0..20 {
                let Some(length) = station.receive(&mut frame) else { break };
                prop_assert!((MIN_FRAME..=MAX_FRAME).contains(&length));
            }
            let _ = (station.address(), station.await_input(), station.owes_signal());
        }
        let blocks = memory(256);
        let mut server = Server::attach(Region::over(&blocks)).expect("room");
        let mut client = Client::attach(Region::over(&blocks)).expect("room");
        let disk = Disk { sectors: 100, read_only: false, name: [0; 16] };
        for (block, word, value) in &scribbles {
            block.get(&blocks).scribble(*word, *value);
            for _ in 0..20 {
                let Some(request) = server.receive() else { break };
                if let Ok(request) = request && request.is_valid(&disk, server.data().size()) && request.operation != Operation::Flush {
                    prop_assert!(request.sector < 100 && request.offset + request.length <= server.data().size());
                    prop_assert!(server.data().write(request.offset, &vec![0; request.length]));
                }
            }
            let _ = (client.receive(), client.disk(), client.await_answer(), client.owes_signal());
        }
    }

    #[test]
    fn frames_arrive_as_they_were_sent(frames in vec(vec(any::<u8>(), MIN_FRAME..=MAX_FRAME), 0..20)) {
        let blocks = memory(512);
        let mut station = Port::station(Region::over(&blocks)).expect("room");
        let mut switch = Port::switch(Region::over(&blocks)).expect("room");
        let mut buffer = [0; MAX_FRAME];
        for frame in &frames {
            prop_assert!(station.send(frame));
            prop_assert_eq!(switch.receive(&mut buffer), Some(frame.len()));
            prop_assert_eq!(&buffer[..frame.len()], frame);
            prop_assert!(switch.send(frame));
            prop_assert_eq!(station.receive(&mut buffer), Some(frame.len()));
        }
        prop_assert_eq!(station.receive(&mut buffer), None);
    }

    /// What is valid lies within disk and data.
    #[test]
    fn requests_are_checked(
        sector in prop_oneof![0..200u64, any::<u64>()],
        offset in prop_oneof![0..20_000usize, any::<usize>()],
        length in prop_oneof![(0..40usize).prop_map(|n| n * SECTOR), 0..20_000usize, any::<usize>()],
        read_only: bool,
        write: bool,
    ) {
        let operation = if write { Operation::Write } else { Operation::Read };
        let request = Request { tag: 1, operation, sector, offset, length };
        let disk = Disk { sectors: 100, read_only, name: [0; 16] };
        if request.is_valid(&disk, 16_384) {
            prop_assert!(sector * SECTOR as u64 + length as u64 <= 100 * SECTOR as u64);
            prop_assert!(offset + length <= 16_384 && length % SECTOR == 0 && length > 0 && offset % 8 == 0);
            prop_assert!(!(write && read_only));
        } else {
            let fits = sector < 60 && length <= 8192 && offset <= 8192 && offset % 8 == 0;
            prop_assert!(!fits || length % SECTOR != 0 || length == 0 || write && read_only);
        }
    }
}

#[test]
fn an_end_that_starts_anew_gives_the_signal_that_its_former_life_may_owe() {
    let blocks = memory(3);
    let mut sender = Sender::attach(Region::over(&blocks), 1).expect("room");
    let mut receiver = Receiver::attach(Region::over(&blocks), 1).expect("room");
    assert!(receiver.await_data());
    sender.send(|slot| slot.set(0, 7));
    assert!(sender.owes_signal(), "and dies before it gives it");
    let mut sender = Sender::attach(Region::over(&blocks), 1).expect("room");
    assert!(sender.owes_signal());
    assert!(!sender.owes_signal(), "once");
}

#[test]
fn lives_begin_where_they_say() {
    let blocks = memory(6);
    let region = Region::over(&blocks);
    let mut sender = Sender::attach(region, 1).expect("room");
    let mut receiver = Receiver::attach_empty(region, 1).expect("room");
    (0..3).for_each(|n| assert!(sender.send(|slot| slot.set(0, n))));
    assert_eq!(receiver.receive(|slot| slot.get(0)), Some(0), "the first life takes what was there before");
    let mut receiver = Receiver::attach_empty(region, 1).expect("room");
    assert_eq!((receiver.available(), sender.peer_origin()), (0, 3));
    sender.send(|slot| slot.set(0, 4));
    let mut sender = Sender::attach(region, 1).expect("room");
    assert_eq!((receiver.peer_life(), sender.position()), (2, 4));
    sender.send(|slot| slot.set(0, 5));
    receiver.discard_former();
    assert_eq!(receiver.receive(|slot| slot.get(0)), Some(5));
}

#[test]
fn answers_to_a_former_life_keep_nobody_awake() {
    let blocks = memory(256);
    let mut server = Server::attach(Region::over(&blocks)).expect("room");
    let mut client = Client::attach(Region::over(&blocks)).expect("room");
    let request = Request { tag: 1, operation: Operation::Flush, sector: 0, offset: 0, length: 0 };
    (0..2).for_each(|_| assert!(client.send(request) && server.receive().is_some()));
    assert!(server.send(Answer { tag: 1, status: Status::Done }));
    let mut client = Client::attach(Region::over(&blocks)).expect("room");
    assert!(client.await_answer(), "the server has another request of the former life");
    assert!(server.send(Answer { tag: 1, status: Status::Done }));
    assert!(server.owes_signal(), "now it has none");
    assert!(client.is_served() && client.await_answer() && client.receive().is_none());
}

#[test]
fn the_station_learns_its_address() {
    let blocks = memory(256);
    let station = Port::station(Region::over(&blocks)).expect("room");
    assert_eq!(station.address(), None);
    Port::switch(Region::over(&blocks)).expect("room").set_address([1, 2, 3, 4, 5, 6]);
    assert_eq!(station.address(), Some([1, 2, 3, 4, 5, 6]));
}

#[test]
fn requests_and_answers_pass() {
    let blocks = memory(256);
    let mut client = Client::attach(Region::over(&blocks)).expect("room");
    let mut server = Server::attach(Region::over(&blocks)).expect("room");
    assert_eq!(client.disk(), None);
    let disk = Disk { sectors: 1 << 40, read_only: true, name: *b"sixteen letters!" };
    server.set_disk(&disk);
    assert_eq!(client.disk(), Some(disk));
    for operation in [Operation::Read, Operation::Write, Operation::Flush] {
        let request = Request { tag: 0xffff_ffff, operation, sector: u64::MAX, offset: 8, length: 512 };
        assert!(client.send(request));
        assert_eq!(server.receive(), Some(Ok(request)));
    }
    for status in [Status::Done, Status::Failed, Status::Refused] {
        assert!(server.send(Answer { tag: 5, status }));
        assert_eq!(client.receive(), Some(Answer { tag: 5, status }));
    }
}
