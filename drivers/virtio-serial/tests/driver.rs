//! The driver on a port that behaves: nothing is lost, and nothing waits for ever, when it runs on interrupts and signals only.

use std::collections::VecDeque;

use ivc::console;
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;
use virtio_serial::{Driver, Port};

/// Bytes that the device holds in each direction.
const BUFFERS: usize = 100;

#[derive(Default)]
struct FakePort {
    received: VecDeque<u8>,
    transmitted: VecDeque<u8>,
    interrupt: bool,
}

impl FakePort {
    /// The host sends as much as there are buffers for.
    fn arrive(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.len().min(BUFFERS - self.received.len());
        self.received.extend(&bytes[..length]);
        self.interrupt |= length > 0;
        length
    }

    /// The host takes this much.
    fn depart(&mut self, limit: usize) -> Vec<u8> {
        let length = limit.min(self.transmitted.len());
        self.interrupt |= length > 0;
        self.transmitted.drain(..length).collect()
    }
}

impl Port for FakePort {
    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let length = buffer.len().min(self.received.len());
        buffer.iter_mut().zip(self.received.drain(..length)).for_each(|(place, byte)| *place = byte);
        length
    }

    fn transmit(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.len().min(BUFFERS - self.transmitted.len());
        self.transmitted.extend(&bytes[..length]);
        length
    }

    fn clear_interrupt(&mut self) {
        self.interrupt = false;
    }
}

proptest! {
    #[test]
    fn all_arrives(
        typed in vec(any::<u8>(), 0..2000),
        written in vec(any::<u8>(), 0..2000),
        steps in vec((0_usize..300, 0_usize..300, 0_usize..300, 0_usize..300), 0..40),
    ) {
        let memory: Vec<Block> = std::iter::repeat_with(Block::new).take(2 * (2 + 2)).collect();
        let line = console::Port::server(Region::over(&memory)).expect("large enough");
        let mut user = console::Port::client(Region::over(&memory)).expect("large enough");
        let mut driver = Driver::new(FakePort::default(), line);
        let _ = driver.run();
        let (mut to_type, mut to_write) = (typed.as_slice(), written.as_slice());
        let (mut read, mut sent) = (Vec::new(), Vec::new());
        let end = [(300, 300, 300, 300)].into_iter().cycle().take(60);
        let mut user_signalled = true;
        for (arriving, reading, writing, departing) in steps.into_iter().chain(end) {
            let length = driver.port_mut().arrive(&to_type[..arriving.min(to_type.len())]);
            to_type = &to_type[length..];
            sent.extend(driver.port_mut().depart(departing));
            if driver.port_mut().interrupt {
                user_signalled |= driver.run();
            }
            if std::mem::take(&mut user_signalled) {
                let mut buffer = vec![0; reading];
                let length = user.read(&mut buffer);
                read.extend_from_slice(&buffer[..length]);
                let length = user.write(&to_write[..writing.min(to_write.len())]);
                to_write = &to_write[length..];
                let more = !user.await_input() || !to_write.is_empty() && !user.await_space();
                user_signalled |= more;
                if user.owes_signal() {
                    user_signalled |= driver.run();
                }
            }
        }
        prop_assert!(read == typed);
        prop_assert!(sent == written);
    }
}
