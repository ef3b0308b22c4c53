//! Every interleaving of two threads on one ring, as far as loom's memory model goes: run with
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ivc --test loom`.
#![cfg(loom)]

use ivc::{Consumer, Header, Producer, Ring};
use loom::sync::atomic::AtomicU8;
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
