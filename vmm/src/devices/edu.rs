//! QEMU's educational device (its documentation: specs/edu): a device of the machine that copies between memory and a buffer of its own.
//! The guest has all of its registers but those that say where in memory: what is written there is the guest's address, is
//! held against its memory when a copy is started, and is the machine's address for the device.

use super::Device;
use crate::machine::Region;

/// The registers of the real device.
pub trait Registers {
    /// Reads the 32 bits at `offset`, a multiple of 4.
    fn read(&mut self, offset: u64) -> u32;

    /// Writes the 32 bits at `offset`.
    fn write(&mut self, offset: u64, value: u32);
}

mod register {
    /// What it identifies itself by.
    pub const IDENTIFICATION: u64 = 0x00;
    /// Reads as the complement of what was written.
    pub const LIVENESS: u64 = 0x04;
    /// Factorial: a number in, its factorial out.
    pub const FACTORIAL: u64 = 0x08;
    /// Bit 0: the factorial is being computed.
    pub const STATUS: u64 = 0x20;
    pub const SOURCE: u64 = 0x80;
    pub const DESTINATION: u64 = 0x88;
    pub const COUNT: u64 = 0x90;
    pub const COMMAND: u64 = 0x98;
}

/// Bits of the command.
mod command {
    /// Starts a copy; stays set while it is under way.
    pub const START: u32 = 1 << 0;
    /// From the device's buffer to memory, else from memory to the buffer.
    pub const TO_MEMORY: u32 = 1 << 1;
}

/// The device's buffer, in its own addresses.
const BUFFER: Region = Region { base: 0x4_0000, size: 0x1000 };

/// An address that a guest has given to a device of the machine, and that is none of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPointer {
    /// The address.
    pub address: u64,
    /// How many bytes from there on.
    pub length: u64,
}

/// The device as its guest sees it.
pub struct Edu<R> {
    registers: R,
    memory: Region,
    /// Where the guest's memory lies, in one piece.
    paddr: u64,
    source: u32,
    destination: u32,
    count: u32,
    bad: Option<BadPointer>,
}

impl<R: Registers> Edu<R> {
    /// A guest with this memory, which lies in one piece at the physical address `paddr`.
    pub fn new(registers: R, memory: Region, paddr: u64) -> Self {
        Self { registers, memory, paddr, source: 0, destination: 0, count: 0, bad: None }
    }

    /// The physical address of `count` bytes of the guest's memory.
    fn translate(&self, address: u32) -> Option<u32> {
        let offset = self.memory.offset_of(address.into())?;
        let fits = u64::from(self.count) <= self.memory.size - offset;
        fits.then(|| u32::try_from(self.paddr + offset).ok()).flatten()
    }

    /// The device's own address, as it is.
    fn within_buffer(&self, address: u32) -> Option<u32> {
        let offset = BUFFER.offset_of(address.into())?;
        (u64::from(self.count) <= BUFFER.size - offset).then_some(address)
    }

    /// Starts a copy whose addresses are the guest's and the device's own; any other never starts.
    fn start(&mut self, command: u32) {
        let to_memory = command & command::TO_MEMORY != 0;
        let (pointer, own) = if to_memory { (self.destination, self.source) } else { (self.source, self.destination) };
        let (Some(memory), Some(own)) = (self.translate(pointer), self.within_buffer(own)) else {
            let address = if self.translate(pointer).is_none() { pointer } else { own };
            self.bad = Some(BadPointer { address: address.into(), length: self.count.into() });
            return;
        };
        let (source, destination) = if to_memory { (own, memory) } else { (memory, own) };
        self.registers.write(register::SOURCE, source);
        self.registers.write(register::DESTINATION, destination);
        self.registers.write(register::COUNT, self.count);
        // Its interrupt is not connected.
        self.registers.write(register::COMMAND, command & (command::START | command::TO_MEMORY));
    }
}

impl<R: Registers> Device for Edu<R> {
    fn name(&self) -> &'static str {
        "edu"
    }

    fn read(&mut self, offset: u64) -> u32 {
        match offset {
            register::IDENTIFICATION | register::LIVENESS | register::FACTORIAL | register::STATUS => {
                self.registers.read(offset)
            }
            register::SOURCE => self.source,
            register::DESTINATION => self.destination,
            register::COUNT => self.count,
            register::COMMAND => self.registers.read(offset),
            _ => 0,
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        // What a copy that is under way reads stays as it is.
        let busy = (register::SOURCE..=register::COMMAND).contains(&offset)
            && self.registers.read(register::COMMAND) & command::START != 0;
        match offset {
            _ if busy => {}
            register::LIVENESS | register::FACTORIAL => self.registers.write(offset, value),
            register::SOURCE => self.source = value,
            register::DESTINATION => self.destination = value,
            register::COUNT => self.count = value,
            register::COMMAND if value & command::START != 0 => self.start(value),
            _ => {}
        }
    }

    fn poll(&mut self) {}

    fn line(&self) -> bool {
        false
    }

    fn take_bad_pointer(&mut self) -> Option<BadPointer> {
        self.bad.take()
    }

    fn reset(&mut self) {
        (self.source, self.destination, self.count) = (0, 0, 0);
        // A copy that is under way would reach into the next life. It takes the device a tenth of a second.
        while self.registers.read(register::COMMAND) & command::START != 0 {
            core::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const MEMORY: Region = Region { base: 0x4000_0000, size: 0x10_0000 };
    const PADDR: u64 = 0x6060_0000;

    /// Remembers what is written.
    #[derive(Default)]
    struct Fake {
        written: Vec<(u64, u32)>,
        command: u32,
    }

    impl Registers for &mut Fake {
        fn read(&mut self, offset: u64) -> u32 {
            if offset == register::COMMAND { self.command } else { offset as u32 | 0xed00_0000 }
        }

        fn write(&mut self, offset: u64, value: u32) {
            self.written.push((offset, value));
        }
    }

    fn copy(edu: &mut Edu<&mut Fake>, source: u32, destination: u32, count: u32, command: u32) {
        edu.write(register::SOURCE, source);
        edu.write(register::DESTINATION, destination);
        edu.write(register::COUNT, count);
        edu.write(register::COMMAND, command);
    }

    #[test]
    fn both_ways_the_pointer_is_translated_and_the_guest_reads_its_own() {
        let mut fake = Fake::default();
        let mut edu = Edu::new(&mut fake, MEMORY, PADDR);
        copy(&mut edu, 0x4000_1000, 0x4_0000, 256, 1);
        assert_eq!((edu.read(register::SOURCE), edu.read(register::DESTINATION)), (0x4000_1000, 0x4_0000));
        copy(&mut edu, 0x4_0100, 0x400f_ff00, 256, 7);
        assert_eq!(edu.take_bad_pointer(), None);
        let expected = [
            [(0x80, 0x6060_1000), (0x88, 0x4_0000), (0x90, 256), (0x98, 1)],
            [(0x80, 0x4_0100), (0x88, 0x606f_ff00), (0x90, 256), (0x98, 3)],
        ];
        assert_eq!(fake.written, expected.concat());
    }

    #[test]
    fn other_registers_are_the_devices() {
        let mut fake = Fake::default();
        let mut edu = Edu::new(&mut fake, MEMORY, PADDR);
        assert_eq!(edu.read(register::IDENTIFICATION), 0xed00_0000);
        edu.write(register::FACTORIAL, 5);
        edu.write(0x60, 1);
        assert_eq!(edu.read(0x24), 0);
        assert_eq!(fake.written, [(register::FACTORIAL, 5)], "it raises no interrupt");
    }

    #[test]
    fn nothing_changes_under_a_copy() {
        let mut fake = Fake { command: 1, ..Fake::default() };
        let mut edu = Edu::new(&mut fake, MEMORY, PADDR);
        copy(&mut edu, 0x4000_0000, 0x4_0000, 16, 1);
        assert_eq!((edu.read(register::SOURCE), fake.written.len()), (0, 0));
    }

    proptest! {
        /// Whatever the guest gives: what the device is started with is the guest's memory and the device's buffer.
        #[test]
        fn no_copy_reaches_beyond(source: u32, destination: u32, count: u32, near in 0u32..3, to_memory: bool) {
            let near = |address: u32, base: u64, size: u64| match near {
                0 => address,
                1 => (base + u64::from(address) % size) as u32,
                _ => (base + size - 16 + u64::from(address) % 32) as u32,
            };
            let count = if count & 1 == 0 { count } else { count % 64 };
            let (memory, own) = if to_memory { (destination, source) } else { (source, destination) };
            let (memory, own) = (near(memory, MEMORY.base, MEMORY.size), near(own, BUFFER.base, BUFFER.size));
            let (source, destination) = if to_memory { (own, memory) } else { (memory, own) };
            let mut fake = Fake::default();
            let mut edu = Edu::new(&mut fake, MEMORY, PADDR);
            copy(&mut edu, source, destination, count, 1 | u32::from(to_memory) << 1);
            let refused = edu.take_bad_pointer().is_some();
            let inside = |address: u32, base: u64, size: u64| {
                u64::from(address) >= base && u64::from(address) + u64::from(count) <= base + size && u64::from(address) < base + size
            };
            let sound = inside(memory, MEMORY.base, MEMORY.size) && inside(own, BUFFER.base, BUFFER.size);
            prop_assert_eq!(refused, !sound);
            prop_assert_eq!(fake.written.is_empty(), refused);
            if let [(_, source), (_, destination), (_, given), _] = fake.written[..] {
                let (memory, own) = if to_memory { (destination, source) } else { (source, destination) };
                prop_assert!(inside(memory, PADDR, MEMORY.size) && inside(own, BUFFER.base, BUFFER.size) && given == count);
            }
        }
    }
}
