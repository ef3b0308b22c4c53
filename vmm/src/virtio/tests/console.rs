//! The console between a driver and its lines.

use std::{boxed::Box, cell::RefCell, collections::VecDeque, rc::Rc, string::ToString, vec, vec::Vec};

use super::mmio::{BUFFERS, Bench, register};
use crate::{
    devices::{Device, pl011::Line},
    virtio::{
        console::{Console, PortConfig},
        queue::Segment,
    },
};

#[derive(Default)]
struct Wire {
    sent: Vec<u8>,
    room: usize,
    typed: VecDeque<u8>,
    size: Option<(u16, u16)>,
    reopened: usize,
}

#[derive(Clone, Default)]
struct Terminal(Rc<RefCell<Wire>>);

impl Line for Terminal {
    fn send(&mut self, bytes: &[u8]) -> usize {
        let wire = &mut *self.0.borrow_mut();
        let count = bytes.len().min(wire.room);
        wire.room -= count;
        wire.sent.extend_from_slice(&bytes[..count]);
        count
    }

    fn receive(&mut self) -> Option<u8> {
        self.0.borrow_mut().typed.pop_front()
    }

    fn size(&self) -> Option<(u16, u16)> {
        self.0.borrow().size
    }

    fn reopened(&mut self) {
        self.0.borrow_mut().reopened += 1;
    }

    fn settle(&mut self, blocked: bool, full: bool) -> bool {
        let wire = self.0.borrow();
        blocked && wire.room != 0 || !full && !wire.typed.is_empty()
    }
}

fn bench() -> (Bench<Console<'static>>, [Terminal; 2]) {
    let terminals = [Terminal::default(), Terminal::default()];
    let [a, b] = terminals.clone();
    let config = |terminal: Terminal, name: &str| PortConfig { line: Box::new(terminal), name: name.to_string() };
    (Bench::new(Console::new(vec![config(a, ""), config(b, "line")]), true), terminals)
}

fn segment(offset: u64, length: u32) -> Segment {
    Segment { address: BUFFERS + offset, length }
}

fn control(bench: &mut Bench<Console>, port: u32, event: u16, value: u16) {
    let message = u64::from(port) | u64::from(event) << 32 | u64::from(value) << 48;
    bench.ram.put(BUFFERS, &message.to_le_bytes());
    bench.drivers[3].add(&[segment(0, 8)], &[], false).unwrap();
    bench.notify(3);
    assert!(bench.drivers[3].used().is_some());
}

/// The control messages that have come: port, event, value, what follows. Each goes into a buffer of its own.
fn messages(bench: &mut Bench<Console>) -> Vec<(u32, u16, u16, Vec<u8>)> {
    let mut got = Vec::new();
    loop {
        let next = bench.drivers[2].used().map(|(_, length)| length);
        let Some(length) = next else {
            bench.drivers[2].add(&[], &[segment(0x400, 64)], false).unwrap();
            bench.notify(2);
            match bench.drivers[2].used() {
                Some((_, length)) => got.push(message(bench, length)),
                None => return got,
            }
            continue;
        };
        got.push(message(bench, length));
    }
}

fn message(bench: &Bench<Console>, length: u32) -> (u32, u16, u16, Vec<u8>) {
    let bytes = bench.ram.bytes(BUFFERS + 0x400, length as usize);
    let message = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    (message as u32, (message >> 32) as u16, (message >> 48) as u16, bytes[8..].to_vec())
}

#[test]
fn ports_are_introduced() {
    let (mut bench, _) = bench();
    assert_eq!((bench.read(register::CONFIG + 4), bench.drivers.len()), (2, 6));
    control(&mut bench, 0, 0, 1);
    assert_eq!(messages(&mut bench), [(0, 1, 1, vec![]), (1, 1, 1, vec![])]);
    // The first message finds the buffer that was left.
    control(&mut bench, 0, 3, 1);
    let mut said = messages(&mut bench);
    control(&mut bench, 1, 3, 1);
    said.extend(messages(&mut bench));
    let events: Vec<(u32, u16)> = said.iter().map(|&(port, event, ..)| (port, event)).collect();
    assert_eq!(events, [(0, 4), (0, 6), (1, 7), (1, 6)]);
    assert_eq!(said[2].3, b"line");
    control(&mut bench, 9, 3, 1);
    assert_eq!(messages(&mut bench), []);
}

#[test]
fn output_waits_for_room_and_input_for_buffers() {
    let (mut bench, [terminal, _]) = bench();
    bench.ram.put(BUFFERS, b"hello, world");
    terminal.0.borrow_mut().room = 5;
    bench.drivers[1].add(&[segment(0, 12)], &[], false).unwrap();
    bench.notify(1);
    assert_eq!((terminal.0.borrow().sent.as_slice(), bench.drivers[1].used()), (b"hello".as_slice(), None));
    terminal.0.borrow_mut().room = 100;
    bench.device.poll();
    assert_eq!(terminal.0.borrow().sent, b"hello, world");
    assert!(bench.drivers[1].used().is_some());
    terminal.0.borrow_mut().typed.extend(*b"typed");
    bench.device.poll();
    assert_eq!(bench.drivers[0].used(), None);
    bench.drivers[0].add(&[], &[segment(0x100, 3)], false).unwrap();
    bench.drivers[0].add(&[], &[segment(0x200, 3)], false).unwrap();
    bench.notify(0);
    assert_eq!(bench.drivers[0].used().unwrap().1, 3);
    assert_eq!(bench.drivers[0].used().unwrap().1, 2);
    assert_eq!(
        (bench.ram.bytes(BUFFERS + 0x100, 3), bench.ram.bytes(BUFFERS + 0x200, 2)),
        (b"typ".to_vec(), b"ed".to_vec())
    );
}

#[test]
fn a_line_that_nobody_has_open_keeps_its_input() {
    let (mut bench, [_, line]) = bench();
    line.0.borrow_mut().typed.extend(*b"early");
    bench.drivers[4].add(&[], &[segment(0x100, 16)], false).unwrap();
    bench.notify(4);
    assert_eq!(bench.drivers[4].used(), None);
    control(&mut bench, 1, 6, 1);
    bench.device.poll();
    assert_eq!(bench.drivers[4].used().unwrap().1, 5);
}

#[test]
fn a_line_is_told_that_another_program_has_it() {
    let (mut bench, [console, line]) = bench();
    let before = (console.0.borrow().reopened, line.0.borrow().reopened);
    control(&mut bench, 1, 6, 1);
    control(&mut bench, 1, 6, 0);
    bench.device.poll();
    assert_eq!((console.0.borrow().reopened, line.0.borrow().reopened), (before.0, before.1 + 2));
}

#[test]
fn a_new_size_is_told() {
    let (mut bench, [terminal, _]) = bench();
    control(&mut bench, 0, 3, 1);
    let before = messages(&mut bench).len();
    assert_eq!(before, 2);
    terminal.0.borrow_mut().size = Some((80, 25));
    bench.device.poll();
    assert_eq!(bench.read(register::CONFIG), 80 | 25 << 16);
    assert_eq!(bench.read(register::INTERRUPT_STATUS) & 2, 2);
    assert!(bench.drivers[2].used().is_some());
    assert_eq!(bench.ram.bytes(BUFFERS + 0x400, 12), [0, 0, 0, 0, 5, 0, 0, 0, 80, 0, 25, 0]);
}

#[test]
fn a_character_can_be_written_without_a_driver() {
    let terminal = Terminal::default();
    terminal.0.borrow_mut().room = 1;
    let config = PortConfig { line: Box::new(terminal.clone()), name: "".to_string() };
    let mut device = crate::virtio::mmio::Mmio::new(Console::new(vec![config]), super::Ram::new());
    device.write(register::CONFIG + 8, b'!'.into());
    assert_eq!(terminal.0.borrow().sent, b"!");
}
