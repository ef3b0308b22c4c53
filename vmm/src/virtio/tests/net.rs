//! The network device between a driver and a switch.

use std::{boxed::Box, cell::Cell, rc::Rc, vec, vec::Vec};

use ivc::{
    Block, Region,
    net::{MAX_FRAME, Port},
};

use super::mmio::{BUFFERS, Bench, register};
use crate::{
    devices::Device,
    virtio::{Fault, net::Net, queue::Segment},
};

const RECEIVE: usize = 0;
const TRANSMIT: usize = 1;

fn memory() -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(1024).collect()
}

fn bench(memory: &[Block], packed: bool) -> (Bench<Net<'_>>, Port<'_>, Rc<Cell<u32>>) {
    let switch = Port::switch(Region::over(memory)).unwrap();
    switch.set_address([2, 0, 0, 0, 0, 7]);
    let rings = Rc::new(Cell::new(0));
    let bell = rings.clone();
    let station = Port::station(Region::over(memory)).unwrap();
    let net = Net::new(station, Box::new(move || bell.set(bell.get() + 1)));
    (Bench::new(net, packed), switch, rings)
}

fn buffer(offset: u64, length: u32) -> Segment {
    Segment { address: BUFFERS + offset, length }
}

fn frame(n: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| n.wrapping_add(i as u8)).collect()
}

#[test]
fn it_has_the_address_that_the_switch_gives() {
    let memory = memory();
    let (mut bench, _, _) = bench(&memory, true);
    assert_eq!(bench.features & (1 << 5 | 1 << 16), 1 << 5 | 1 << 16);
    assert_eq!(bench.read(register::CONFIG), 2);
    assert_eq!(bench.read(register::CONFIG + 4), 0x1_0700);
}

#[test]
fn frames_go_out_and_wait_when_there_is_no_room() {
    for packed in [false, true] {
        let memory = memory();
        let (mut bench, mut switch, rings) = bench(&memory, packed);
        assert!(switch.await_input());
        let mut sent = 0u8;
        let mut got = 0u8;
        let mut arrived = [0; MAX_FRAME];
        for _ in 0..100 {
            // As many as the queue takes, more than the cable holds.
            let place = u64::from(sent) * 0x400;
            bench.ram.put(BUFFERS + place + 12, &frame(sent, 100));
            if bench.drivers[TRANSMIT].add(&[buffer(place, 12), buffer(place + 12, 100)], &[], false).is_some() {
                sent += 1;
                bench.notify(TRANSMIT);
                continue;
            }
            assert!(rings.get() > 0, "the switch waits for frames");
            while let Some(length) = switch.receive(&mut arrived) {
                assert_eq!(arrived[..length], frame(got, 100));
                got += 1;
            }
            let _ = switch.owes_signal();
            bench.device.poll();
            while bench.drivers[TRANSMIT].used().is_some() {}
        }
        assert!(sent > 20 && sent - got <= 40, "{sent} {got}");
    }
}

#[test]
fn frames_come_in_as_long_as_there_are_buffers() {
    let memory = memory();
    let (mut bench, mut switch, _) = bench(&memory, false);
    for n in 0..3 {
        assert!(switch.send(&frame(n, 60 + usize::from(n))));
    }
    bench.device.poll();
    assert_eq!(bench.drivers[RECEIVE].used(), None);
    for n in 0..2 {
        bench.drivers[RECEIVE].add(&[], &[buffer(n * 0x800, 2000)], false).unwrap();
    }
    bench.drivers[RECEIVE].want_interrupts(true);
    bench.notify(RECEIVE);
    assert!(bench.take_interrupt());
    for n in 0..2u8 {
        let length = 60 + usize::from(n);
        assert_eq!(bench.drivers[RECEIVE].used().unwrap().1 as usize, 12 + length);
        let got = bench.ram.bytes(BUFFERS + u64::from(n) * 0x800, 12 + length);
        assert_eq!(got[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(got[12..], frame(n, length));
    }
    assert_eq!(bench.drivers[RECEIVE].used(), None);
}

#[test]
fn a_frame_without_room_is_dropped_and_the_next_one_comes() {
    let memory = memory();
    let (mut bench, mut switch, _) = bench(&memory, false);
    bench.drivers[RECEIVE].add(&[], &[buffer(0, 100)], false).unwrap();
    bench.notify(RECEIVE);
    switch.send(&frame(1, 200));
    switch.send(&frame(2, 80));
    bench.device.poll();
    assert_eq!(bench.drivers[RECEIVE].used().unwrap().1, 92);
    assert_eq!(bench.ram.bytes(BUFFERS + 12, 80), frame(2, 80));
}

#[test]
fn a_header_must_be_there() {
    for queue in [RECEIVE, TRANSMIT] {
        let memory = memory();
        let (mut bench, _, _) = bench(&memory, false);
        let short = [buffer(0, 11)];
        let (readable, writable): (&[Segment], &[Segment]) =
            if queue == TRANSMIT { (&short, &[]) } else { (&[], &short) };
        bench.drivers[queue].add(readable, writable, false).unwrap();
        bench.notify(queue);
        let complaint = bench.device.take_complaint().unwrap();
        assert_eq!((complaint.queue, complaint.fault), (queue, Fault::Request));
    }
}

#[test]
fn what_no_network_carries_is_dropped() {
    let memory = memory();
    let (mut bench, mut switch, _) = bench(&memory, false);
    for length in [12, 12 + 13, 12 + MAX_FRAME as u32 + 1] {
        bench.drivers[TRANSMIT].add(&[buffer(0, length)], &[], false).unwrap();
        bench.notify(TRANSMIT);
        assert!(bench.drivers[TRANSMIT].used().is_some());
    }
    assert_eq!(switch.receive(&mut [0; MAX_FRAME]), None);
    assert_eq!(vec![bench.needs_reset()], [false]);
}
