//! The PL011 UART (Arm DDI 0183), the guest's console.
//!
//! Its line is as fast as what it is connected to: a byte is sent at once while there is room. It sends and receives
//! whether or not the guest has enabled it, since some guests never do.

use super::{Device, primecell};

/// What a UART is connected to.
pub trait Line {
    /// Sends what there is room for of `bytes`; returns how many that was.
    fn send(&mut self, bytes: &[u8]) -> usize;

    /// The next byte that has come in.
    fn receive(&mut self) -> Option<u8>;

    /// Receives into `bytes`; returns how many have come.
    fn read(&mut self, bytes: &mut [u8]) -> usize {
        let mut count = 0;
        while let Some(place) = bytes.get_mut(count) {
            let Some(byte) = self.receive() else { break };
            *place = byte;
            count += 1;
        }
        count
    }

    /// Columns and rows of the terminal at the other end, if there is one and its size is known.
    fn size(&self) -> Option<(u16, u16)> {
        None
    }

    /// Another user has it at the near end, or nobody: what the one before had begun is forgotten.
    fn reopened(&mut self) {}

    /// Ends a round of sending and receiving. `blocked` says that bytes are left for which there was no room,
    /// `full` that no more can be received for now. Returns whether it was not the end: there is room or input again.
    #[must_use]
    fn settle(&mut self, blocked: bool, full: bool) -> bool;
}

mod register {
    pub const DR: u64 = 0x00;
    pub const RSR: u64 = 0x04;
    pub const FR: u64 = 0x18;
    pub const ILPR: u64 = 0x20;
    pub const IBRD: u64 = 0x24;
    pub const FBRD: u64 = 0x28;
    pub const LCR_H: u64 = 0x2c;
    pub const CR: u64 = 0x30;
    pub const IFLS: u64 = 0x34;
    pub const IMSC: u64 = 0x38;
    pub const RIS: u64 = 0x3c;
    pub const MIS: u64 = 0x40;
    pub const ICR: u64 = 0x44;
    pub const DMACR: u64 = 0x48;
}

/// `UARTFR`.
mod flag {
    pub const BUSY: u32 = 1 << 3;
    pub const RX_EMPTY: u32 = 1 << 4;
    pub const TX_FULL: u32 = 1 << 5;
    pub const RX_FULL: u32 = 1 << 6;
    pub const TX_EMPTY: u32 = 1 << 7;
}

/// `UARTIMSC`, `UARTRIS`, `UARTMIS`, `UARTICR`.
mod interrupt {
    pub const RX: u32 = 1 << 4;
    pub const TX: u32 = 1 << 5;
    pub const RX_TIMEOUT: u32 = 1 << 6;
    pub const ALL: u32 = 0x7ff;
}

/// `UARTLCR_H.FEN`.
const FIFOS_ENABLED: u32 = 1 << 4;
/// `UARTCR` after reset: transmitter and receiver enabled, the UART is not.
const CR_RESET: u32 = 0x300;
/// `UARTIFLS` after reset: both at half.
const IFLS_RESET: u32 = 0x12;
/// Revision r1p4, whose FIFOs are 16 deep.
const PERIPHERAL_ID: [u8; 4] = [0x11, 0x10, 0x14, 0x00];
const FIFO_SIZE: usize = 16;
/// A line that always claims to have changed is not listened to for ever.
const MOST_ROUNDS: usize = 8;

/// A queue of bytes.
#[derive(Clone, Debug, Default)]
struct Fifo {
    bytes: [u8; FIFO_SIZE],
    length: usize,
}

impl Fifo {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn remove(&mut self, count: usize) {
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
    }

    fn pop(&mut self) -> Option<u8> {
        let first = self.as_slice().first().copied()?;
        self.remove(1);
        Some(first)
    }
}

/// The registers that only hold what was written, and the interrupt state.
#[derive(Clone, Debug)]
struct Registers {
    ilpr: u32,
    ibrd: u32,
    fbrd: u32,
    lcr_h: u32,
    cr: u32,
    ifls: u32,
    imsc: u32,
    dmacr: u32,
    raw: u32,
}

impl Default for Registers {
    fn default() -> Self {
        Self { ilpr: 0, ibrd: 0, fbrd: 0, lcr_h: 0, cr: CR_RESET, ifls: IFLS_RESET, imsc: 0, dmacr: 0, raw: 0 }
    }
}

/// A UART.
pub struct Pl011<L> {
    line: L,
    tx: Fifo,
    rx: Fifo,
    registers: Registers,
}

impl<L: Line> Pl011<L> {
    /// A UART after reset that sends to and receives from `line`.
    pub fn new(line: L) -> Self {
        Self { line, tx: Fifo::default(), rx: Fifo::default(), registers: Registers::default() }
    }

    /// Without FIFOs there is a holding register of one byte.
    fn depth(&self) -> usize {
        if self.registers.lcr_h & FIFOS_ENABLED != 0 { FIFO_SIZE } else { 1 }
    }

    /// The level of a FIFO that its field of `UARTIFLS` selects: 1/8, 1/4, 1/2, 3/4 or 7/8.
    fn trigger(&self, field: u32) -> usize {
        let eighths = match field & 7 {
            0 => 1,
            1 => 2,
            2 => 4,
            3 => 6,
            _ => 7,
        };
        (self.depth() * eighths / 8).max(1)
    }

    fn rx_trigger(&self) -> usize {
        self.trigger(self.registers.ifls >> 3)
    }

    fn transmit(&mut self) {
        let sent = self.line.send(self.tx.as_slice());
        self.tx.remove(sent);
        let trigger = if self.depth() == 1 { 0 } else { self.trigger(self.registers.ifls) };
        if sent != 0 && self.tx.length <= trigger {
            self.registers.raw |= interrupt::TX;
        }
    }

    fn receive(&mut self) {
        let mut new = false;
        while self.rx.length < self.depth() {
            let Some(byte) = self.line.receive() else { break };
            self.rx.push(byte);
            new = true;
        }
        if new {
            // The time after which an incomplete batch is reported is over at once.
            self.registers.raw |= interrupt::RX_TIMEOUT;
            if self.rx.length >= self.rx_trigger() {
                self.registers.raw |= interrupt::RX;
            }
        }
    }

    fn write_data(&mut self, byte: u8) {
        if self.tx.length < self.depth() {
            self.tx.push(byte);
        }
        self.poll();
    }

    fn read_data(&mut self) -> u32 {
        let byte = self.rx.pop().unwrap_or(0);
        if self.rx.length < self.rx_trigger() {
            self.registers.raw &= !interrupt::RX;
        }
        if self.rx.length == 0 {
            self.registers.raw &= !interrupt::RX_TIMEOUT;
        }
        self.poll();
        byte.into()
    }

    fn flags(&self) -> u32 {
        let depth = self.depth();
        let when = |condition: bool, flag: u32| if condition { flag } else { 0 };
        when(self.rx.length == 0, flag::RX_EMPTY)
            | when(self.rx.length >= depth, flag::RX_FULL)
            | when(self.tx.length == 0, flag::TX_EMPTY)
            | when(self.tx.length != 0, flag::BUSY)
            | when(self.tx.length >= depth, flag::TX_FULL)
    }

    fn masked(&self) -> u32 {
        self.registers.raw & self.registers.imsc
    }
}

impl<L: Line> Device for Pl011<L> {
    fn name(&self) -> &'static str {
        "pl011"
    }

    fn read(&mut self, offset: u64) -> u32 {
        match offset {
            register::DR => self.read_data(),
            register::RSR => 0, // Nothing on this line goes wrong.
            register::FR => {
                self.poll();
                self.flags()
            }
            register::ILPR => self.registers.ilpr,
            register::IBRD => self.registers.ibrd,
            register::FBRD => self.registers.fbrd,
            register::LCR_H => self.registers.lcr_h,
            register::CR => self.registers.cr,
            register::IFLS => self.registers.ifls,
            register::IMSC => self.registers.imsc,
            register::RIS => self.registers.raw,
            register::MIS => self.masked(),
            register::DMACR => self.registers.dmacr,
            _ => primecell::read(PERIPHERAL_ID, offset),
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let registers = &mut self.registers;
        match offset {
            register::DR => self.write_data(value as u8),
            register::ILPR => registers.ilpr = value & 0xff,
            register::IBRD => registers.ibrd = value & 0xffff,
            register::FBRD => registers.fbrd = value & 0x3f,
            register::LCR_H => registers.lcr_h = value & 0xff,
            register::CR => registers.cr = value & 0xff87,
            register::IFLS => registers.ifls = value & 0x3f,
            register::IMSC => registers.imsc = value & interrupt::ALL,
            register::ICR => registers.raw &= !value,
            register::DMACR => registers.dmacr = value & 7,
            _ => {}
        }
    }

    fn poll(&mut self) {
        for _ in 0..MOST_ROUNDS {
            self.transmit();
            self.receive();
            let (blocked, full) = (self.tx.length != 0, self.rx.length >= self.depth());
            if !self.line.settle(blocked, full) {
                break;
            }
        }
    }

    fn line(&self) -> bool {
        self.masked() != 0
    }

    fn reset(&mut self) {
        self.tx = Fifo::default();
        self.rx = Fifo::default();
        self.registers = Registers::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::VecDeque, vec::Vec};

    /// A line that takes so many bytes and no more.
    #[derive(Default)]
    struct Wire {
        room: usize,
        sent: Vec<u8>,
        typed: VecDeque<u8>,
    }

    impl Line for Wire {
        fn send(&mut self, bytes: &[u8]) -> usize {
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.sent.extend_from_slice(&bytes[..count]);
            count
        }

        fn receive(&mut self) -> Option<u8> {
            self.typed.pop_front()
        }

        fn settle(&mut self, blocked: bool, full: bool) -> bool {
            blocked && self.room != 0 || !full && !self.typed.is_empty()
        }
    }

    fn uart(room: usize) -> Pl011<Wire> {
        Pl011::new(Wire { room, ..Wire::default() })
    }

    #[test]
    fn a_byte_is_sent_though_the_uart_is_disabled() {
        let mut uart = uart(1);
        uart.write(register::CR, 0);
        uart.write(register::DR, b'x'.into());
        assert_eq!(uart.line.sent, b"x");
        assert_eq!(uart.read(register::FR), flag::TX_EMPTY | flag::RX_EMPTY);
    }

    #[test]
    fn a_full_line_fills_the_fifo_and_room_empties_it() {
        let mut uart = uart(0);
        uart.write(register::LCR_H, FIFOS_ENABLED);
        uart.write(register::IMSC, interrupt::TX);
        for byte in 0..16 {
            assert_eq!(uart.read(register::FR) & flag::TX_FULL, 0);
            uart.write(register::DR, byte);
        }
        assert_eq!(uart.read(register::FR) & (flag::TX_FULL | flag::BUSY), flag::TX_FULL | flag::BUSY);
        assert!(!uart.line());
        uart.line.room = 100;
        uart.poll();
        assert!(uart.line());
        assert_eq!(uart.line.sent, (0..16).collect::<Vec<u8>>());
        uart.write(register::ICR, interrupt::TX);
        assert!(!uart.line());
    }

    #[test]
    fn typing_raises_the_line_until_all_is_read() {
        let mut uart = uart(0);
        uart.write(register::LCR_H, FIFOS_ENABLED);
        uart.write(register::IMSC, interrupt::RX | interrupt::RX_TIMEOUT);
        uart.line.typed.extend(*b"ab");
        uart.poll();
        assert!(uart.line());
        assert_eq!(uart.read(register::MIS), interrupt::RX_TIMEOUT);
        assert_eq!(uart.read(register::DR), b'a'.into());
        assert!(uart.line());
        assert_eq!(uart.read(register::DR), b'b'.into());
        assert!(!uart.line());
        assert_eq!(uart.read(register::FR) & flag::RX_EMPTY, flag::RX_EMPTY);
    }

    #[test]
    fn a_batch_raises_the_receive_interrupt_at_its_level() {
        let mut uart = uart(0);
        uart.write(register::LCR_H, FIFOS_ENABLED);
        uart.line.typed.extend([0; 7]);
        uart.poll();
        assert_eq!(uart.read(register::RIS) & interrupt::RX, 0);
        uart.line.typed.push_back(0);
        uart.poll();
        assert_eq!(uart.read(register::RIS) & interrupt::RX, interrupt::RX);
    }

    #[test]
    fn nothing_typed_is_lost() {
        let mut uart = uart(0);
        uart.line.typed.extend(0..100);
        let read: Vec<u8> = (0..100)
            .map(|_| {
                uart.poll();
                uart.read(register::DR) as u8
            })
            .collect();
        assert_eq!(read, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn reset_forgets_everything() {
        let mut uart = uart(0);
        uart.write(register::IMSC, interrupt::ALL);
        uart.write(register::DR, 1);
        uart.line.typed.push_back(1);
        uart.poll();
        uart.reset();
        assert!(!uart.line());
        assert_eq!(uart.read(register::IMSC), 0);
        assert_eq!(uart.read(register::CR), CR_RESET);
        assert_eq!(uart.read(register::FR), flag::TX_EMPTY | flag::RX_EMPTY);
    }

    proptest! {
        /// A driver that looks at the flags loses nothing however the line behaves.
        #[test]
        fn polled_output_is_complete(room in prop::collection::vec(0usize..20, 1..50), fifo: bool) {
            let mut uart = uart(0);
            uart.write(register::LCR_H, if fifo { FIFOS_ENABLED } else { 0 });
            let mut next = 0u8;
            for room in room {
                uart.line.room = room;
                while uart.read(register::FR) & flag::TX_FULL == 0 && next < 200 {
                    uart.write(register::DR, next.into());
                    next += 1;
                }
            }
            uart.line.room = usize::MAX;
            uart.poll();
            prop_assert_eq!(&uart.line.sent, &(0..next).collect::<Vec<u8>>());
        }
    }
}
