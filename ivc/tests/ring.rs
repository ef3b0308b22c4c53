//! The ring against a queue as its model, with honest and with hostile peers.
#![cfg(not(loom))]

use std::collections::VecDeque;

use ivc::console::Port;
use ivc::{Block, Consumer, Producer, Region, RegionError};
use proptest::collection::vec;
use proptest::prelude::*;

/// Room for the header (two blocks) and `blocks` more.
fn memory(blocks: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(2 + blocks).collect()
}

fn ends(memory: &[Block]) -> (Producer<'_>, Consumer<'_>) {
    let region = Region::over(memory);
    (Producer::attach(region).expect("large enough"), Consumer::attach(region).expect("large enough"))
}

/// Blocks of the header, and words in them.
const PRODUCER: usize = 0;
const CONSUMER: usize = 1;
const POSITION: usize = 0;

#[test]
fn a_region_without_a_byte_of_data_is_refused() {
    let blocks = memory(0);
    let region = Region::over(&blocks);
    assert_eq!(Producer::attach(region).err(), Some(RegionError::TooSmall));
    let (half, _) = region.halves();
    assert_eq!(Consumer::attach(half).err(), Some(RegionError::TooSmall));
}

#[test]
fn halves_do_not_overlap() {
    let blocks = memory(5);
    let (low, high) = Region::over(&blocks).halves();
    let mut low = Producer::attach(low).expect("three blocks");
    let mut high = Producer::attach(high).expect("three blocks");
    assert_eq!((low.capacity(), high.capacity()), (64, 64));
    assert_eq!(low.push(&[1; 65]), 64);
    assert_eq!(high.space(), 64);
    assert_eq!(high.push(&[2; 65]), 64);
    let mut check = Consumer::attach(Region::over(&blocks).halves().0).expect("three blocks");
    let mut got = [0; 65];
    assert_eq!(check.pop(&mut got), 64);
    assert_eq!(got[..64], [1; 64]);
}

#[test]
fn a_signal_is_owed_once_and_only_when_wanted() {
    let blocks = memory(1);
    let (mut producer, mut consumer) = ends(&blocks);
    producer.push(b"a");
    assert!(!producer.owes_signal(), "nobody waits");
    assert!(!consumer.await_data(), "there is a byte: do not sleep");
    consumer.discard();
    assert!(consumer.await_data());
    producer.push(b"b");
    assert!(producer.owes_signal());
    assert!(!producer.owes_signal());
    consumer.discard();
    assert!(consumer.await_data());
    assert!(!producer.owes_signal(), "nothing was pushed");
}

#[test]
fn two_idle_parties_leave_each_other_alone() {
    let blocks = memory(6);
    let mut client = Port::client(Region::over(&blocks)).expect("large enough");
    let mut server = Port::server(Region::over(&blocks)).expect("large enough");
    let mut signals = 0;
    for _ in 0..10 {
        for port in [&mut client, &mut server] {
            assert!(port.await_input());
            assert!(!port.await_space());
            signals += u32::from(port.owes_signal());
        }
    }
    // Each may give one, for what its previous life may have left unsaid.
    assert!(signals <= 2, "{signals}");
}

#[test]
fn a_signal_that_a_previous_life_owed_is_given() {
    let blocks = memory(1);
    let (mut producer, mut consumer) = ends(&blocks);
    assert!(consumer.await_data());
    producer.push(b"and then it died");
    let mut producer = Producer::attach(Region::over(&blocks)).expect("large enough");
    assert!(producer.owes_signal());
}

#[test]
fn a_full_ring_wakes_its_producer_at_half() {
    let blocks = memory(1);
    let (mut producer, mut consumer) = ends(&blocks);
    assert_eq!(producer.push(&[7; 100]), 64);
    assert!(producer.await_space());
    let mut buffer = [0; 31];
    consumer.pop(&mut buffer);
    assert!(!consumer.owes_signal());
    consumer.pop(&mut buffer[..1]);
    assert!(consumer.owes_signal());
    assert!(!producer.await_space());
}

#[test]
fn restarts_are_seen_but_not_the_first_start() {
    let blocks = memory(1);
    let mut producer = Producer::attach(Region::over(&blocks)).expect("large enough");
    let mut seen = Vec::new();
    for _ in 0..3 {
        Consumer::attach(Region::over(&blocks)).expect("large enough");
        seen.push(producer.peer_restarted());
        assert!(!producer.peer_restarted(), "told once");
    }
    assert_eq!(seen, [false, true, true]);
}

#[test]
fn a_liar_is_cut_off_until_it_restarts() {
    let blocks = memory(1);
    let (mut producer, mut consumer) = ends(&blocks);
    producer.push(b"abc");
    assert_eq!((producer.space(), consumer.available()), (61, 3));
    blocks[CONSUMER].scribble(POSITION, 4);
    assert_eq!(producer.space(), 0, "took out more than was put in");
    assert!(producer.peer_is_corrupt());
    blocks[PRODUCER].scribble(POSITION, 1000);
    assert_eq!(consumer.available(), 0, "holds more than its capacity");
    assert!(consumer.peer_is_corrupt());

    let (mut producer, mut consumer) = ends(&blocks);
    assert!(!producer.peer_is_corrupt() && !consumer.peer_is_corrupt());
    assert_eq!(producer.push(b"xyz"), 3);
    let mut buffer = [0; 3];
    assert_eq!(consumer.pop(&mut buffer), 3);
    assert_eq!(&buffer, b"xyz");
}

#[test]
fn the_surviving_end_meets_a_peer_that_lost_its_position() {
    let blocks = memory(1);
    let (mut producer, mut consumer) = ends(&blocks);
    producer.push(&[1; 20]);
    consumer.discard();
    // The producer's own word is damaged, then it restarts and finds the consumer at 20.
    blocks[PRODUCER].scribble(POSITION, u64::MAX);
    blocks[CONSUMER].scribble(POSITION, 10);
    let mut producer = Producer::attach(Region::over(&blocks)).expect("large enough");
    assert_eq!(consumer.available(), 0, "the consumer comes to 10 too");
    assert_eq!(producer.push(b"new"), 3);
    let mut buffer = [0; 8];
    assert_eq!(consumer.pop(&mut buffer), 3);
    assert_eq!(&buffer[..3], b"new");
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Pop(usize),
    Discard,
    RestartProducer,
    RestartConsumer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..200).prop_map(Step::Push),
        4 => (0usize..200).prop_map(Step::Pop),
        1 => Just(Step::Discard),
        1 => Just(Step::RestartProducer),
        1 => Just(Step::RestartConsumer),
    ]
}

/// What a scribbling peer may write: any word, more often one that is nearly right.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0u64..300, (0u64..300).prop_map(|n| n.wrapping_neg())]
}

proptest! {
    #[test]
    fn it_is_a_queue_across_restarts(steps in vec(step(), 0..100), blocks in 1usize..4) {
        let memory = memory(blocks);
        let (mut producer, mut consumer) = ends(&memory);
        let mut model = VecDeque::<u8>::new();
        for step in steps {
            match step {
                Step::Push(bytes) => {
                    let pushed = producer.push(&bytes);
                    prop_assert_eq!(pushed, bytes.len().min(64 * blocks - model.len()));
                    model.extend(bytes[..pushed].iter().copied());
                }
                Step::Pop(count) => {
                    let mut buffer = vec![0; count];
                    let popped = consumer.pop(&mut buffer);
                    prop_assert_eq!(popped, count.min(model.len()));
                    prop_assert!(model.drain(..popped).eq(buffer[..popped].iter().copied()));
                }
                Step::Discard => {
                    prop_assert_eq!(consumer.discard(), model.len());
                    model.clear();
                }
                Step::RestartProducer => {
                    producer = Producer::attach(Region::over(&memory)).expect("large enough");
                }
                Step::RestartConsumer => {
                    consumer = Consumer::attach(Region::over(&memory)).expect("large enough");
                }
            }
            prop_assert_eq!(consumer.available(), model.len());
            prop_assert_eq!(producer.space(), 64 * blocks - model.len());
        }
    }

    #[test]
    fn a_hostile_peer_gets_no_more_than_wrong_bytes(
        steps in vec((step(), 0usize..2, 0usize..8, word()), 0..100),
    ) {
        let memory = memory(1);
        let (mut producer, mut consumer) = ends(&memory);
        for (step, side, index, value) in steps {
            memory[side].scribble(index, value);
            match step {
                Step::Push(bytes) => prop_assert!(producer.push(&bytes) <= bytes.len().min(64)),
                Step::Pop(count) => {
                    let mut buffer = vec![0; count];
                    prop_assert!(consumer.pop(&mut buffer) <= count.min(64));
                }
                Step::Discard => prop_assert!(consumer.discard() <= 64),
                Step::RestartProducer => {
                    producer = Producer::attach(Region::over(&memory)).expect("large enough");
                }
                Step::RestartConsumer => {
                    consumer = Consumer::attach(Region::over(&memory)).expect("large enough");
                }
            }
            prop_assert!(producer.space() <= 64);
            prop_assert!(consumer.available() <= 64);
        }
    }
}
