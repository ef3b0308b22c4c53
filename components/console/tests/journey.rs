//! A character's journey: from the wire through the driver and the server to a client, and the
//! answer back. All domains are the real ones short of the kernel; each runs only when an interrupt
//! or a signal says so.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use console::config::Config;
use console::{Client, Console};
use echo::{Machine, Session};
use ivc::console::Port;
use ivc::{Block, Region};
use pl011::{Driver, ReceiveError, Uart};

/// A wire and a UART with FIFOs of 16 bytes. It interrupts while it has something to say.
#[derive(Default)]
struct Wire {
    keys: VecDeque<u8>,
    fifo: VecDeque<u8>,
    screen: Vec<u8>,
    receive_enabled: bool,
    transmit_enabled: bool,
}

#[derive(Clone, Default)]
struct FakeUart(Rc<RefCell<Wire>>);

impl Uart for FakeUart {
    fn receive(&mut self) -> Result<Option<u8>, ReceiveError> {
        Ok(self.0.borrow_mut().keys.pop_front())
    }

    fn transmit(&mut self, byte: u8) -> bool {
        let fifo = &mut self.0.borrow_mut().fifo;
        let room = fifo.len() < 16;
        if room {
            fifo.push_back(byte);
        }
        room
    }

    fn clear_interrupts(&mut self) {}

    fn enable_interrupts(&mut self, receive: bool, transmit: bool) {
        let mut wire = self.0.borrow_mut();
        wire.receive_enabled = receive;
        wire.transmit_enabled = transmit;
    }
}

impl FakeUart {
    /// Sends what is in the FIFO. Returns whether the driver is interrupted.
    fn time_passes(&self) -> bool {
        let mut wire = self.0.borrow_mut();
        let sent: Vec<u8> = wire.fifo.drain(..).collect();
        wire.screen.extend(&sent);
        wire.receive_enabled && !wire.keys.is_empty() || wire.transmit_enabled && !sent.is_empty()
    }
}

struct Clock;

impl Machine for Clock {
    fn ticks(&self) -> u64 {
        5
    }

    fn frequency(&self) -> u64 {
        2
    }

    fn fault(&mut self) {}
}

/// What the kernel would do: which domains have been signalled.
#[derive(Default)]
struct Pending {
    driver: bool,
    console: bool,
    clients: [bool; 2],
}

struct System {
    uart: FakeUart,
    driver: Driver<'static, FakeUart>,
    console: Console<'static>,
    clients: [Session<'static, Clock>; 2],
    pending: Pending,
}

const CLIENTS: &[u8] = b"labels plain\n1 one focus\n2 two";
const TERMINAL: usize = 0;

impl System {
    fn new() -> Self {
        let memory = |_| std::iter::repeat_with(Block::new).take(16).collect::<Vec<_>>().leak();
        let lines: [&'static [Block]; 3] = std::array::from_fn(|line| &*memory(line));
        let client = |channel: usize| Port::client(Region::over(lines[channel])).expect("large enough");
        let server = |channel: usize| Port::server(Region::over(lines[channel])).expect("large enough");
        let (mut config, mut problems) = Config::parse(CLIENTS);
        let clients = config.connect(&mut problems, |channel| Some(server(channel)));
        let terminal = Client { channel: TERMINAL, port: client(TERMINAL) };
        let uart = FakeUart::default();
        let everybody = Pending { driver: true, console: true, clients: [true; 2] };
        Self {
            driver: Driver::new(uart.clone(), server(TERMINAL)),
            uart,
            console: Console::new(terminal, clients, &config, &problems, 4096),
            clients: [Session::new(client(1), Clock), Session::new(client(2), Clock)],
            pending: everybody,
        }
    }

    /// Runs whoever has been signalled, until all is quiet.
    fn settle(&mut self) {
        loop {
            self.pending.driver |= self.uart.time_passes();
            let now = std::mem::take(&mut self.pending);
            if now.driver {
                self.pending.console |= self.driver.run();
            }
            if now.console {
                self.run_console();
            }
            for (client, _) in now.clients.iter().enumerate().filter(|(_, signalled)| **signalled) {
                self.pending.console |= self.clients[client].run();
            }
            if !now.driver && !now.console && now.clients == [false; 2] {
                return;
            }
        }
    }

    fn run_console(&mut self) {
        loop {
            let turn = self.console.turn();
            for channel in turn.signals.channels() {
                match channel {
                    TERMINAL => self.pending.driver = true,
                    client => self.pending.clients[client - 1] = true,
                }
            }
            if !turn.more {
                return;
            }
        }
    }

    /// Types `keys` and returns what appears.
    fn answer(&mut self, keys: &str) -> String {
        self.settle();
        self.uart.0.borrow_mut().screen.clear();
        self.uart.0.borrow_mut().keys.extend(keys.bytes());
        self.settle();
        String::from_utf8(std::mem::take(&mut self.uart.0.borrow_mut().screen)).expect("text")
    }
}

#[test]
fn typing_reaches_the_client_in_focus_and_its_answer_the_screen() {
    let mut system = System::new();
    system.settle();
    let greeting = String::from_utf8(system.uart.0.borrow().screen.clone()).expect("text");
    assert!(greeting.ends_with("--- one\r\nA native protection domain. Try help.\r\necho> "), "{greeting}");
    assert_eq!(system.answer("ping\r"), "ping\r\npong\r\necho> ");
    let two = system.answer("\x1e2uptime\r");
    assert!(two.ends_with("Try help.\r\necho> uptime\r\n2.500 s\r\necho> "), "{two}");
}

#[test]
fn long_output_comes_whole_through_every_full_queue() {
    let mut system = System::new();
    let lines: String = (1..=2000).map(|n| format!("line {n} of 2000\r\n")).collect();
    assert_eq!(system.answer("flood 2000\r"), format!("flood 2000\r\n{lines}echo> "));
}

#[test]
fn a_flood_without_focus_holds_nobody_up() {
    let mut system = System::new();
    system.answer("flood 2000\r\x1e2");
    assert_eq!(system.answer("ping\r"), "ping\r\npong\r\necho> ");
    let one = system.answer("\x1e1");
    assert!(one.ends_with("line 2000 of 2000\r\necho> "), "{one}");
}

#[test]
fn typing_ahead_is_not_lost() {
    let mut system = System::new();
    let keys: String = (0..30).map(|n| format!("echo {n}\r")).collect();
    let answers: String = (0..30).map(|n| format!("echo {n}\r\n{n}\r\necho> ")).collect();
    assert_eq!(system.answer(&keys), answers);
}
