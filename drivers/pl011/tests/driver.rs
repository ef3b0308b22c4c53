//! The driver on a UART that behaves: nothing is lost, and nothing waits for ever, when the driver
//! runs on interrupts and signals only.

use std::collections::VecDeque;

use ivc::console::Port;
use ivc::{Block, Region};
use pl011::{Driver, ReceiveError, Uart};
use proptest::collection::vec;
use proptest::prelude::*;

const FIFO: usize = 16;

/// FIFOs and interrupts as the device's manual has them, with the trigger levels at half.
#[derive(Default)]
struct FakeUart {
    received: VecDeque<Result<u8, ReceiveError>>,
    transmitted: VecDeque<u8>,
    pending: Interrupts,
    enabled: Interrupts,
}

#[derive(Clone, Copy, Default)]
struct Interrupts {
    receive: bool,
    transmit: bool,
}

impl FakeUart {
    /// A byte comes in on the wire, if the sender may send.
    fn arrive(&mut self, byte: Result<u8, ReceiveError>) -> bool {
        let room = self.received.len() < FIFO;
        if room {
            self.received.push_back(byte);
            // Level or timeout: sooner or later any byte raises it.
            self.pending.receive = true;
        }
        room
    }

    /// A byte goes out on the wire.
    fn depart(&mut self) -> Option<u8> {
        let byte = self.transmitted.pop_front();
        if byte.is_some() && self.transmitted.len() == FIFO / 2 {
            self.pending.transmit = true;
        }
        byte
    }

    fn interrupts(&self) -> bool {
        self.pending.receive && self.enabled.receive || self.pending.transmit && self.enabled.transmit
    }
}

impl Uart for FakeUart {
    fn receive(&mut self) -> Result<Option<u8>, ReceiveError> {
        self.received.pop_front().transpose()
    }

    fn transmit(&mut self, byte: u8) -> bool {
        let room = self.transmitted.len() < FIFO;
        if room {
            self.transmitted.push_back(byte);
        }
        room
    }

    fn clear_interrupts(&mut self) {
        self.pending = Interrupts::default();
    }

    fn enable_interrupts(&mut self, receive: bool, transmit: bool) {
        self.enabled = Interrupts { receive, transmit };
    }
}

/// Driver and user with two rings of `blocks` times 64 bytes between them.
struct Rig<'m> {
    driver: Driver<'m, FakeUart>,
    user: Port<'m>,
    user_signalled: bool,
}

fn memory(blocks: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(2 * (2 + blocks)).collect()
}

impl<'m> Rig<'m> {
    fn new(memory: &'m [Block]) -> Self {
        let line = Port::server(Region::over(memory)).expect("large enough");
        let user = Port::client(Region::over(memory)).expect("large enough");
        let driver = Driver::new(FakeUart::default(), line);
        let mut rig = Self { driver, user, user_signalled: true };
        rig.run();
        rig
    }

    fn run(&mut self) {
        self.user_signalled |= self.driver.run();
    }

    /// Runs the driver if the device says so.
    fn interrupt(&mut self) {
        if self.driver.uart_mut().interrupts() {
            self.run();
        }
    }

    /// Runs the driver if the user owes it a signal.
    fn signal(&mut self) {
        if self.user.owes_signal() {
            self.run();
        }
    }
}

#[test]
fn bad_bytes_are_left_out_and_counted() {
    let memory = memory(1);
    let mut rig = Rig::new(&memory);
    for byte in [Ok(1), Err(ReceiveError::Framing), Ok(2), Err(ReceiveError::Overrun)] {
        rig.driver.uart_mut().arrive(byte);
    }
    rig.interrupt();
    let mut buffer = [0; 4];
    assert_eq!(rig.user.read(&mut buffer), 2);
    assert_eq!(buffer[..2], [1, 2]);
    assert_eq!(rig.driver.receive_errors(), 2);
}

#[test]
fn a_full_line_masks_the_receive_interrupt_until_there_is_room() {
    let memory = memory(1);
    let mut rig = Rig::new(&memory);
    let mut arrived = 0;
    while rig.driver.uart_mut().arrive(Ok(arrived)) {
        arrived += 1;
        rig.interrupt();
    }
    assert_eq!(usize::from(arrived), 64 + FIFO);
    assert!(!rig.driver.uart_mut().interrupts(), "it would storm");
    let mut buffer = [0; 100];
    assert_eq!(rig.user.read(&mut buffer), 64);
    rig.signal();
    assert_eq!(rig.user.read(&mut buffer[64..]), FIFO);
    assert!(buffer[..80].iter().copied().eq(0..80));
}

proptest! {
    #[test]
    fn all_that_is_typed_arrives(
        typed in vec(any::<u8>(), 0..600),
        steps in vec((0usize..40, 0usize..90), 0..60),
    ) {
        let memory = memory(1);
        let mut rig = Rig::new(&memory);
        let (mut rest, mut got) = (typed.iter(), Vec::new());
        let end = [(600, 600)].into_iter().cycle().take(40);
        for (arriving, reading) in steps.into_iter().chain(end) {
            for _ in 0..arriving {
                let Some(&byte) = rest.as_slice().first() else { break };
                if !rig.driver.uart_mut().arrive(Ok(byte)) {
                    break;
                }
                rest.next();
            }
            rig.interrupt();
            if std::mem::take(&mut rig.user_signalled) {
                let mut buffer = vec![0; reading];
                let length = rig.user.read(&mut buffer);
                got.extend_from_slice(&buffer[..length]);
                rig.user_signalled = !rig.user.await_input();
                rig.signal();
            }
        }
        prop_assert_eq!(got, typed);
    }

    #[test]
    fn all_that_is_written_departs(
        written in vec(any::<u8>(), 0..600),
        steps in vec((0usize..90, 0usize..40), 0..60),
    ) {
        let memory = memory(1);
        let mut rig = Rig::new(&memory);
        let (mut rest, mut got) = (written.as_slice(), Vec::new());
        let end = [(600, 600)].into_iter().cycle().take(60);
        for (writing, departing) in steps.into_iter().chain(end) {
            if std::mem::take(&mut rig.user_signalled) {
                let length = rig.user.write(&rest[..writing.min(rest.len())]);
                rest = &rest[length..];
                rig.user_signalled = !rest.is_empty() && !rig.user.await_space();
                rig.signal();
            }
            for _ in 0..departing {
                got.extend(rig.driver.uart_mut().depart());
                rig.interrupt();
            }
        }
        prop_assert_eq!(got, written);
    }
}
