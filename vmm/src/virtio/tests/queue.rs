//! Queues against a driver that keeps to the rules, and against memory of which nothing is right.

use core::cell::Cell;
use std::{collections::VecDeque, vec, vec::Vec};

use proptest::{collection::vec, prelude::*};

use super::{RAM, Ram, driver::Driver};
use crate::{
    machine::Region,
    memory::Memory,
    virtio::{
        Fault, feature,
        queue::{Layout, Queue, Segment},
    },
};

const QUEUE: u64 = RAM.base;
/// Buffers are behind the queue.
const BUFFERS: u64 = RAM.base + 0x8_0000;
const MAX: u16 = 64;

fn features(packed: bool, event_index: bool) -> u64 {
    let mut features = feature::INDIRECT;
    features |= if packed { feature::PACKED } else { 0 };
    features | if event_index { feature::EVENT_INDEX } else { 0 }
}

fn pair(size: u16, features: u64) -> (Driver, Queue) {
    let ram = Ram::new();
    let driver = Driver::new(&ram, QUEUE, size, features);
    let queue = Queue::new(&ram, driver.layout, features, MAX).expect("a possible queue");
    (driver, queue)
}

fn segment() -> impl Strategy<Value = Segment> {
    (0..0x7_0000u64, 1..2000u32).prop_map(|(offset, length)| Segment { address: BUFFERS + offset, length })
}

fn total(segments: &[Segment]) -> u32 {
    segments.iter().map(|segment| segment.length).sum()
}

/// What a driver and a device do in turn.
#[derive(Clone, Debug)]
enum Step {
    Add(Vec<Segment>, Vec<Segment>, bool),
    Pop,
    /// Which of the open chains, and how much was written.
    Push(usize, u32),
    Used,
    Interrupts(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (vec(segment(), 0..4), vec(segment(), 1..4), any::<bool>()).prop_map(|(r, w, i)| Step::Add(r, w, i)),
        Just(Step::Pop),
        (any::<usize>(), 0..5000u32).prop_map(|(which, written)| Step::Push(which, written)),
        Just(Step::Used),
        any::<bool>().prop_map(Step::Interrupts),
    ]
}

proptest! {
    /// Every chain arrives as it was made, is given back once, and a driver that wants an interrupt gets it.
    #[test]
    fn chains_go_there_and_back(
        packed: bool,
        event_index: bool,
        size in 1..7u32,
        steps in vec(step(), 1..200),
    ) {
        let (mut driver, mut queue) = pair(1 << size, features(packed, event_index));
        let mut ram = driver.ram.clone();
        let (mut made, mut open, mut given) = (VecDeque::new(), Vec::new(), VecDeque::new());
        let (mut wanted, mut new) = (true, false);
        driver.want_interrupts(true);
        for step in steps {
            match step {
                Step::Add(readable, writable, indirect) => {
                    if let Some(id) = driver.add(&readable, &writable, indirect) {
                        made.push_back((id, readable, writable));
                    }
                }
                Step::Pop => {
                    let chain = queue.pop(&mut ram).expect("an honest driver");
                    prop_assert_eq!(chain.is_some(), !made.is_empty());
                    let (Some(chain), Some((id, readable, writable))) = (chain, made.pop_front()) else { continue };
                    prop_assert_eq!(chain.read_length(), total(&readable));
                    prop_assert_eq!(chain.write_length(), total(&writable));
                    open.push((id, chain));
                }
                Step::Push(which, written) if !open.is_empty() => {
                    let (id, chain) = open.swap_remove(which % open.len());
                    queue.push(&mut ram, chain.token(), written);
                    given.push_back((id, written));
                    new = true;
                    let interrupt = queue.wants_interrupt(&ram);
                    // A driver that does not want any may get one, but not one that says so by a flag.
                    if wanted && given.len() == 1 {
                        prop_assert!(interrupt, "it sleeps and was not woken");
                    }
                    if !wanted && !event_index {
                        prop_assert!(!interrupt);
                    }
                }
                Step::Push(..) => {}
                Step::Used => {
                    prop_assert_eq!(driver.used(), given.pop_front());
                    new = !given.is_empty();
                    // Having looked, it asks anew.
                    driver.want_interrupts(wanted);
                }
                // It changes its mind only when it has seen all.
                Step::Interrupts(value) => {
                    if !new {
                        wanted = value;
                        driver.want_interrupts(value);
                    }
                }
            }
        }
    }

    /// What is written comes out where it was meant to, and nowhere else.
    #[test]
    fn bytes_go_where_the_segments_say(lengths in vec(1..300u32, 1..8), offset in 0..2000u32, bytes in vec(any::<u8>(), 0..600)) {
        let (mut driver, mut queue) = pair(16, features(false, false));
        let mut ram = driver.ram.clone();
        let mut address = BUFFERS;
        let segments: Vec<Segment> = lengths.iter().map(|&length| {
            address += 1000;
            Segment { address, length }
        }).collect();
        driver.add(&segments, &segments, true).expect("room");
        let chain = queue.pop(&mut ram).unwrap().unwrap();
        let room = total(&segments).saturating_sub(offset) as usize;
        let written = chain.write(&mut ram, offset, &bytes);
        prop_assert_eq!(written, bytes.len().min(room));
        let all: Vec<u8> = segments.iter().flat_map(|s| ram.bytes(s.address, s.length as usize)).collect();
        let start = (offset as usize).min(all.len());
        prop_assert_eq!(&all[start..start + written], &bytes[..written]);
        prop_assert!(all[..start].iter().chain(&all[start + written..]).all(|&byte| byte == 0));
        let mut read = vec![0xff; bytes.len()];
        prop_assert_eq!(chain.read(&ram, offset, &mut read), written);
        prop_assert_eq!(&read[..written], &bytes[..written]);
    }

    /// Memory full of nonsense: no chain that comes out of it has a byte outside, and no step goes on for ever.
    #[test]
    fn a_hostile_driver_gets_a_fault_or_what_is_its_own(
        packed: bool,
        event_index: bool,
        size in 0..40u16,
        words in vec(prop_oneof![
            any::<u128>(),
            // Nearly right: an address in memory, a short length, small flags and numbers.
            (0..0x11_0000u128, 0..0x800u128, 0..8u128, 0..20u128, any::<bool>(), any::<bool>(), any::<bool>())
                .prop_map(|(offset, length, a, b, available, used, turn)| {
                    let flags = u128::from(available) << 7 | u128::from(used) << 15;
                    let (a, b) = if turn { (b, a) } else { (a, b) };
                    (RAM.base as u128 + (offset & !15)) | length << 64 | a << 96 | (b | flags) << 112
                }),
        ], 1..64),
        offsets in (0..0x1000u64, 0..0x1000u64, 0..0x1000u64),
    ) {
        let ram = Ram::new();
        let mut memory = ram.clone();
        for (n, word) in words.iter().cycle().take(0x400).enumerate() {
            ram.put(QUEUE + 16 * n as u64, &word.to_le_bytes());
        }
        let layout = Layout {
            size,
            descriptors: QUEUE + (offsets.0 & !15),
            driver: QUEUE + (offsets.1 & !3),
            device: QUEUE + (offsets.2 & !3),
        };
        let Ok(mut queue) = Queue::new(&ram, layout, features(packed, event_index), MAX) else {
            prop_assert!(size == 0 || !packed && !size.is_power_of_two());
            return Ok(());
        };
        for _ in 0..100 {
            let Ok(Some(chain)) = queue.pop(&mut memory) else { break };
            // Whatever lies outside would end the test here.
            let mut byte = [0];
            for offset in [0, chain.read_length().saturating_sub(1)] {
                chain.read(&ram, offset, &mut byte);
            }
            for offset in [0, chain.write_length().saturating_sub(1)] {
                chain.write(&mut memory, offset, &byte);
            }
            queue.push(&mut memory, chain.token(), 1);
            queue.wants_interrupt(&ram);
        }
    }
}

/// Memory that its guest changes between any two reads: sometimes it is what it was, sometimes something else.
struct Restless {
    ram: Ram,
    changes: Vec<u128>,
    reads: Cell<usize>,
}

impl Memory for Restless {
    fn region(&self) -> Region {
        RAM
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        self.ram.read(address, bytes);
        self.reads.set(self.reads.get() + 1);
        let change = self.changes[self.reads.get() % self.changes.len()];
        if change & 1 != 0 {
            bytes.iter_mut().zip((change >> 1).to_le_bytes()).for_each(|(byte, other)| *byte ^= other);
        }
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        self.ram.write(address, bytes);
    }

    fn clear(&mut self) {
        self.ram.clear();
    }
}

proptest! {
    /// Whatever changes after it was read, a chain is what was checked.
    #[test]
    fn memory_that_changes_under_the_reader_harms_nobody(
        packed: bool,
        event_index: bool,
        chains in vec((vec(segment(), 0..3), vec(segment(), 1..3), any::<bool>()), 1..6),
        changes in vec(prop_oneof![Just(0u128), any::<u128>(), (0..64u32).prop_map(|bit| 1 | 2 << (bit * 2))], 1..40),
    ) {
        let (mut driver, mut queue) = pair(16, features(packed, event_index));
        for (readable, writable, indirect) in chains {
            driver.add(&readable, &writable, indirect);
        }
        let mut memory = Restless { ram: driver.ram.clone(), changes, reads: Cell::new(0) };
        for _ in 0..20 {
            let Ok(Some(chain)) = queue.pop(&mut memory) else { break };
            let mut byte = [0];
            for offset in (0..chain.read_length().min(8000)).step_by(500) {
                prop_assert_eq!(chain.read(&memory, offset, &mut byte), 1);
            }
            for offset in (0..chain.write_length().min(8000)).step_by(500) {
                prop_assert_eq!(chain.write(&mut memory, offset, &byte), 1);
            }
            queue.push(&mut memory, chain.token(), 1);
        }
    }
}

/// A split queue with one head available.
fn split(head: u16) -> (Driver, Queue, Ram) {
    let (mut driver, queue) = pair(8, feature::INDIRECT);
    driver.ram.store16(driver.layout.driver + 4, head);
    driver.ram.store16(driver.layout.driver + 2, 1);
    let ram = driver.ram.clone();
    (driver, queue, ram)
}

fn descriptor(ram: &Ram, address: u64, to: u64, length: u32, flags: u16, next: u16) {
    let word = u128::from(to) | u128::from(length) << 64 | u128::from(flags) << 96 | u128::from(next) << 112;
    ram.put(address, &word.to_le_bytes());
}

fn fault(queue: &mut Queue, ram: &mut Ram) -> Option<Fault> {
    queue.pop(ram).err()
}

#[test]
fn each_mistake_has_its_name() {
    const D: u64 = QUEUE;
    let table = BUFFERS + 0x100;
    type Prepare = fn(&Ram, u64);
    let cases: [(Fault, u16, Prepare); 10] = [
        (Fault::NoSuchDescriptor, 8, |_, _| ()),
        (Fault::NoSuchDescriptor, 0, |ram, _| descriptor(ram, D, BUFFERS, 1, 1, 9)),
        (Fault::Loop, 0, |ram, _| descriptor(ram, D, BUFFERS, 1, 1, 0)),
        (Fault::Outside, 0, |ram, _| descriptor(ram, D, RAM.end() - 4, 5, 0, 0)),
        (Fault::Outside, 0, |ram, _| descriptor(ram, D, u64::MAX, 5, 0, 0)),
        (Fault::Order, 0, |ram, _| {
            descriptor(ram, D, BUFFERS, 1, 1 | 2, 1);
            descriptor(ram, D + 16, BUFFERS, 1, 0, 0);
        }),
        (Fault::Indirect, 0, |ram, table| descriptor(ram, D, table, 24, 4, 0)),
        (Fault::Indirect, 0, |ram, table| descriptor(ram, D, table, 16, 4 | 1, 0)),
        (Fault::Indirect, 0, |ram, table| {
            descriptor(ram, D, table, 16, 4, 0);
            descriptor(ram, table, table, 16, 4, 0);
        }),
        (Fault::Loop, 0, |ram, table| {
            descriptor(ram, D, table, 32, 4, 0);
            descriptor(ram, table, BUFFERS, 1, 1, 1);
            descriptor(ram, table + 16, BUFFERS, 1, 1, 0);
        }),
    ];
    for (expected, head, prepare) in cases {
        let (_driver, mut queue, mut ram) = split(head);
        prepare(&ram, table);
        assert_eq!(fault(&mut queue, &mut ram), Some(expected));
    }
}

#[test]
fn buffers_may_overlap() {
    let (_driver, mut queue, mut ram) = split(0);
    let length = RAM.size as u32;
    let table = RAM.base + 0x1000;
    descriptor(&ram, QUEUE, table, 256 * 16, 4, 0);
    (0..255).for_each(|n| descriptor(&ram, table + 16 * n, RAM.base, length, 1, n as u16 + 1));
    descriptor(&ram, table + 16 * 255, RAM.base, length, 0, 0);
    // That harms nobody but the driver.
    let chain = queue.pop(&mut ram).unwrap().unwrap();
    assert_eq!(chain.read_length(), 256 * length);
}

#[test]
fn more_than_the_queue_holds_is_no_index() {
    let (driver, mut queue, mut ram) = split(0);
    ram.store16(driver.layout.driver + 2, 9);
    assert_eq!(fault(&mut queue, &mut ram), Some(Fault::AvailableIndex));
}

#[test]
fn a_queue_must_be_aligned_and_in_memory() {
    let ram = Ram::new();
    let good = Layout { size: 8, descriptors: RAM.base, driver: RAM.base + 0x100, device: RAM.base + 0x200 };
    let make = |layout, features| Queue::new(&ram, layout, features, MAX).err();
    for features in [0, feature::PACKED] {
        assert_eq!(make(good, features), None);
        assert_eq!(make(Layout { size: 0, ..good }, features), Some(Fault::QueueSize));
        assert_eq!(make(Layout { size: MAX + 1, ..good }, features), Some(Fault::QueueSize));
        for bad in [0, RAM.end() - 16, RAM.end(), u64::MAX - 15, RAM.base + 8] {
            assert_eq!(make(Layout { descriptors: bad, ..good }, features), Some(Fault::QueueAddress));
        }
        for bad in [0, RAM.end(), RAM.base + 1, RAM.end() - 2] {
            assert_eq!(make(Layout { driver: bad, ..good }, features), Some(Fault::QueueAddress));
            assert_eq!(make(Layout { device: bad, ..good }, features), Some(Fault::QueueAddress));
        }
    }
    assert_eq!(make(Layout { size: 12, ..good }, 0), Some(Fault::QueueSize));
    assert_eq!(make(Layout { size: 12, ..good }, feature::PACKED), None);
}

#[test]
fn a_packed_loop_ends_too() {
    let (driver, mut queue) = pair(8, feature::PACKED);
    let mut ram = driver.ram.clone();
    // Each is available and says that another follows.
    (0..8).for_each(|n| descriptor(&ram, QUEUE + 16 * n, BUFFERS, 1, 0, 1 | 1 << 7));
    assert_eq!(fault(&mut queue, &mut ram), Some(Fault::Loop));
}

#[test]
fn a_driver_that_sleeps_is_asked_for_a_notification() {
    let (mut driver, mut queue) = pair(8, feature::EVENT_INDEX);
    let mut ram = driver.ram.clone();
    let buffer = [Segment { address: BUFFERS, length: 1 }];
    assert!(queue.pop(&mut ram).unwrap().is_none());
    for _ in 0..20 {
        let before = driver.position();
        driver.add(&buffer, &[], false).expect("room");
        assert!(driver.must_notify(before), "the device has seen that there was nothing");
        let before = driver.position();
        driver.add(&buffer, &[], false).expect("room");
        assert!(!driver.must_notify(before), "it was told, and has not looked since");
        while let Some(chain) = queue.pop(&mut ram).unwrap() {
            queue.push(&mut ram, chain.token(), 0);
        }
        while driver.used().is_some() {}
    }
}
