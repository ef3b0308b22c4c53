//! Every interleaving of two threads on one ring, as far as loom's memory model goes: run with
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ivc --test loom`.
#![cfg(loom)]

use ivc::{Consumer, Header, Producer, Receiver, Ring, Sender};
use loom::sync::atomic::{AtomicU8, AtomicU64};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// A notification as the kernel has them: signals that nobody waits for are remembered as one.
#[derive(Default)]
struct Notification {
    pending: Mutex<bool>,
    changed: Condvar,
}

impl Notification {
    fn signal(&self) {
        *self.pending.lock().expect("no panic") = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut pending = self.pending.lock().expect("no panic");
        while !*pending {
            pending = self.changed.wait(pending).expect("no panic");
        }
        *pending = false;
    }
}

fn ring(capacity: usize) -> Ring<'static> {
    let header = Box::leak(Box::new(Header::new()));
    let data: Vec<_> = (0..capacity).map(|_| AtomicU8::new(0)).collect();
    Ring::from_parts(header, data.leak())
}

/// Sends `count` bytes 1, 2, … and sleeps whenever there is no room.
fn produce(mut producer: Producer<'_>, count: u8, mine: &Notification, peers: &Notification) {
    for byte in 1..=count {
        while producer.push(&[byte]) == 0 {
            if producer.await_space() {
                mine.wait();
            }
        }
        if producer.owes_signal() {
            peers.signal();
        }
    }
}

/// Receives `count` bytes, sleeping whenever there are none, and checks them.
fn consume(mut consumer: Consumer<'_>, count: u8, mine: &Notification, peers: &Notification) {
    let mut expected = 1;
    while expected <= count {
        let mut buffer = [0; 2];
        let got = consumer.pop(&mut buffer);
        for &byte in &buffer[..got] {
            assert_eq!(byte, expected);
            expected += 1;
        }
        if consumer.owes_signal() {
            peers.signal();
        }
        if got == 0 && consumer.await_data() {
            mine.wait();
        }
    }
}

/// Words of a slot.
const SLOT: usize = 2;

/// Both ends of a ring of slots.
fn slots(capacity: usize) -> (Sender<'static>, impl Fn() -> Receiver<'static>) {
    let header: &Header = Box::leak(Box::new(Header::new()));
    let words: Vec<_> = (0..capacity * SLOT).map(|_| AtomicU64::new(0)).collect();
    let words: &[AtomicU64] = words.leak();
    let sender = Sender::attach_parts(header, words, SLOT).expect("room");
    (sender, move || Receiver::attach_parts(header, words, SLOT).expect("room"))
}

/// Sends `count` slots, each of a number from 1 on and its complement, and sleeps whenever there is no room.
fn send(mut sender: Sender<'_>, count: u64, mine: &Notification, peers: &Notification) {
    for number in 1..=count {
        let fill = |sender: &mut Sender<'_>| {
            sender.send(|slot| {
                slot.set(0, number);
                slot.set(1, !number);
            })
        };
        while !fill(&mut sender) {
            if sender.await_space() {
                mine.wait();
            }
        }
        if sender.owes_signal() {
            peers.signal();
        }
    }
}

/// Receives `count` slots, sleeping whenever there are none, and checks that each is whole, and the next.
fn receive(mut receiver: Receiver<'_>, count: u64, mine: &Notification, peers: &Notification) {
    let mut expected = 1;
    while expected <= count {
        let got = receiver.receive(|slot| (slot.get(0), slot.get(1)));
        if let Some(got) = got {
            assert_eq!(got, (expected, !expected));
            expected += 1;
        }
        if receiver.owes_signal() {
            peers.signal();
        }
        if got.is_none() && receiver.await_data() {
            mine.wait();
        }
    }
}

/// A lost wake-up would leave both threads waiting, which loom reports as a deadlock.
fn transfer(capacity: usize, count: u8) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let ring = ring(capacity);
        let (producer, consumer) = (Producer::attach_ring(ring), Consumer::attach_ring(ring));
        let to_producer = Arc::new(Notification::default());
        let to_consumer = Arc::new(Notification::default());
        let thread = {
            let (mine, peers) = (to_producer.clone(), to_consumer.clone());
            thread::spawn(move || produce(producer, count, &mine, &peers))
        };
        consume(consumer, count, &to_consumer, &to_producer);
        thread.join().expect("the producer ends");
    });
}

#[test]
fn bytes_arrive_in_order_and_nobody_sleeps_for_ever() {
    transfer(2, 3);
}

#[test]
fn a_ring_of_one_byte_is_enough() {
    transfer(1, 2);
}

#[test]
fn a_consumer_restarts_while_the_producer_works() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let ring = ring(3);
        let mut producer = Producer::attach_ring(ring);
        let mut first = Consumer::attach_ring(ring);
        let thread = thread::spawn(move || {
            for byte in 1..=3 {
                assert_eq!(producer.push(&[byte]), 1);
            }
            producer
        });
        let mut got = [0; 4];
        let before = first.pop(&mut got[..1]);
        drop(first);
        let mut second = Consumer::attach_ring(ring);
        let mut producer = thread.join().expect("the producer ends");
        let after = second.pop(&mut got[before..]);
        assert_eq!(before + after, 3);
        assert_eq!(got[..3], [1, 2, 3]);
        assert_eq!(producer.space(), 3);
    });
}

fn transfer_slots(capacity: usize, count: u64) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let (sender, receiver) = slots(capacity);
        let to_sender = Arc::new(Notification::default());
        let to_receiver = Arc::new(Notification::default());
        let thread = {
            let (mine, peers) = (to_sender.clone(), to_receiver.clone());
            thread::spawn(move || send(sender, count, &mine, &peers))
        };
        receive(receiver(), count, &to_receiver, &to_sender);
        thread.join().expect("the sender ends");
    });
}

#[test]
fn slots_arrive_whole_and_in_order_and_nobody_sleeps_for_ever() {
    transfer_slots(2, 3);
}

#[test]
fn a_ring_of_one_slot_is_enough() {
    transfer_slots(1, 2);
}

#[test]
fn a_receiver_restarts_while_the_sender_works() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (mut sender, receiver) = slots(3);
        let mut first = receiver();
        let thread = thread::spawn(move || {
            for number in 1..=3 {
                assert!(sender.send(|slot| (0..SLOT).for_each(|word| slot.set(word, number))));
            }
            sender
        });
        let read = |receiver: &mut Receiver<'_>| receiver.receive(|slot| (slot.get(0), slot.get(1)));
        let mut got: Vec<_> = read(&mut first).into_iter().collect();
        drop(first);
        let mut second = receiver();
        let mut sender = thread.join().expect("the sender ends");
        got.extend(std::iter::from_fn(|| read(&mut second)));
        assert_eq!(got, [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(sender.space(), 3);
    });
}
