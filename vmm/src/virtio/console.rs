//! The console device (specification, 5.3) with several ports. Port 0 is a console; the others are that or plain lines, by
//! name.

use alloc::{boxed::Box, collections::VecDeque, string::String, vec, vec::Vec};

use super::{Fault, Model, Queues, queue::Chain};
use crate::{devices::pl011::Line, memory::Memory};

const QUEUE_SIZE: u16 = 64;
/// The queues that control messages travel in.
const CONTROL_RECEIVE: usize = 2;
const CONTROL_TRANSMIT: usize = 3;
/// Bytes that are moved at once.
const PIECE: usize = 256;
/// A line that always claims to have changed is not listened to for ever.
const MOST_ROUNDS: usize = 8;
/// Control messages that wait for a buffer: far more than a driver that answers can make us send.
const MOST_MESSAGES: usize = 256;

/// Rows and columns are told; there are several ports; single characters can be written before anything is set up.
const FEATURE_SIZE: u64 = 1 << 0;
const FEATURE_MULTIPORT: u64 = 1 << 1;
const FEATURE_EMERGENCY_WRITE: u64 = 1 << 2;

/// Events of control messages.
mod event {
    pub const DEVICE_READY: u16 = 0;
    pub const PORT_ADD: u16 = 1;
    pub const PORT_READY: u16 = 3;
    pub const CONSOLE_PORT: u16 = 4;
    pub const RESIZE: u16 = 5;
    pub const PORT_OPEN: u16 = 6;
    pub const PORT_NAME: u16 = 7;
}

/// Bytes of a control message: port, event, value.
const MESSAGE: usize = 8;

/// What a port is connected to, and how the guest sees it.
pub struct PortConfig<'a> {
    /// The line.
    pub line: Box<dyn Line + 'a>,
    /// The name, by which a program in the guest finds it; empty for a console.
    pub name: String,
}

struct Port<'a> {
    line: Box<dyn Line + 'a>,
    name: String,
    /// The driver has it, and a program has opened it.
    ready: bool,
    open: bool,
    /// Columns and rows that were told.
    size: Option<(u16, u16)>,
    /// A buffer for input.
    spare: Option<Chain>,
    /// Output, and how much of it was sent.
    unsent: Option<(Chain, u32)>,
}

impl Port<'_> {
    fn is_console(&self) -> bool {
        self.name.is_empty()
    }
}

/// A console device.
pub struct Console<'a> {
    ports: Vec<Port<'a>>,
    multiport: bool,
    /// Control messages that the driver has no buffer for yet.
    messages: VecDeque<Vec<u8>>,
    resized: bool,
}

/// The queue of a port's input; the next is that of its output.
fn receive_queue(port: usize) -> usize {
    if port == 0 { 0 } else { 2 * port + 2 }
}

impl<'a> Console<'a> {
    /// A device with these ports, at least one.
    pub fn new(ports: Vec<PortConfig<'a>>) -> Self {
        let port = |PortConfig { line, name }| Port {
            line,
            name,
            ready: false,
            open: false,
            size: None,
            spare: None,
            unsent: None,
        };
        let ports = ports.into_iter().map(port).collect();
        Self { ports, multiport: false, messages: VecDeque::new(), resized: false }
    }

    fn message(&mut self, port: usize, event: u16, value: u16, more: &[u8]) {
        if self.messages.len() < MOST_MESSAGES {
            let message = u64::from(port as u32) | u64::from(event) << 32 | u64::from(value) << 48;
            self.messages.push_back([&message.to_le_bytes(), more].concat());
        }
    }

    /// What the driver says of the device and its ports.
    fn control(&mut self, message: [u8; MESSAGE]) {
        let message = u64::from_le_bytes(message);
        let (port, event, value) = (message as u32 as usize, (message >> 32) as u16, (message >> 48) as u16);
        if event == event::DEVICE_READY {
            if value == 1 {
                (0..self.ports.len()).for_each(|port| self.message(port, event::PORT_ADD, 1, &[]));
            }
            return;
        }
        let Some(state) = self.ports.get_mut(port) else { return };
        match event {
            event::PORT_READY if value == 1 => {
                state.ready = true;
                state.size = None;
                if state.is_console() {
                    self.message(port, event::CONSOLE_PORT, 1, &[]);
                } else {
                    let name = state.name.clone();
                    self.message(port, event::PORT_NAME, 1, name.as_bytes());
                }
                self.message(port, event::PORT_OPEN, 1, &[]);
            }
            event::PORT_OPEN => {
                state.open = value == 1;
                state.line.reopened();
            }
            _ => {}
        }
    }

    /// Control messages, in both directions.
    fn controls<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        while let Some(chain) = queues.pop(CONTROL_TRANSMIT)? {
            let mut message = [0; MESSAGE];
            if chain.read(queues.memory(), 0, &mut message) < MESSAGE {
                return Err(queues.blame(CONTROL_TRANSMIT, Fault::Request));
            }
            self.control(message);
            queues.push(CONTROL_TRANSMIT, chain.token(), 0);
        }
        while let Some(message) = self.messages.front() {
            let Some(chain) = queues.pop(CONTROL_RECEIVE)? else { break };
            if (chain.write_length() as usize) < message.len() {
                return Err(queues.blame(CONTROL_RECEIVE, Fault::Request));
            }
            let written = chain.write(queues.memory(), 0, message);
            queues.push(CONTROL_RECEIVE, chain.token(), written as u32);
            self.messages.pop_front();
        }
        Ok(())
    }

    fn transmit<M: Memory>(&mut self, queues: &mut Queues<'_, M>, index: usize) -> Result<(), Fault> {
        let queue = receive_queue(index) + 1;
        let port = &mut self.ports[index];
        loop {
            let (chain, mut sent) = match port.unsent.take() {
                Some(unsent) => unsent,
                None => match queues.pop(queue)? {
                    Some(chain) => (chain, 0),
                    None => return Ok(()),
                },
            };
            while sent < chain.read_length() {
                let mut piece = [0; PIECE];
                let length = chain.read(queues.memory(), sent, &mut piece);
                let taken = port.line.send(&piece[..length]);
                sent += taken as u32;
                if taken < length {
                    port.unsent = Some((chain, sent));
                    return Ok(());
                }
            }
            queues.push(queue, chain.token(), 0);
        }
    }

    fn receive<M: Memory>(&mut self, queues: &mut Queues<'_, M>, index: usize) -> Result<(), Fault> {
        let queue = receive_queue(index);
        let port = &mut self.ports[index];
        loop {
            let chain = match port.spare.take() {
                Some(chain) => chain,
                None => match queues.pop(queue)? {
                    Some(chain) => chain,
                    None => return Ok(()),
                },
            };
            if chain.write_length() == 0 {
                return Err(queues.blame(queue, Fault::Request));
            }
            let mut piece = [0; PIECE];
            let room = PIECE.min(chain.write_length() as usize);
            let length = port.line.read(&mut piece[..room]);
            if length == 0 {
                port.spare = Some(chain);
                return Ok(());
            }
            chain.write(queues.memory(), 0, &piece[..length]);
            queues.push(queue, chain.token(), length as u32);
        }
    }

    /// Moves a port's bytes. Input for a line that no program has open waits.
    fn serve<M: Memory>(&mut self, queues: &mut Queues<'_, M>, index: usize) -> Result<(), Fault> {
        for _ in 0..MOST_ROUNDS {
            self.transmit(queues, index)?;
            let port = &self.ports[index];
            let listens = port.is_console() || port.open;
            if listens {
                self.receive(queues, index)?;
            }
            let port = &mut self.ports[index];
            if !port.line.settle(port.unsent.is_some(), !listens || port.spare.is_none()) {
                break;
            }
        }
        Ok(())
    }

    /// Tells the driver of a terminal that has another size now.
    fn resize(&mut self, index: usize) {
        let port = &mut self.ports[index];
        let size = port.line.size();
        if size == port.size || self.multiport && !port.ready {
            return;
        }
        port.size = size;
        let Some((columns, rows)) = size else { return };
        self.resized |= index == 0;
        if self.multiport {
            // As the specification has it. Linux took rows first before 6.15 and the stable releases that followed it.
            let size = u32::from(columns) | u32::from(rows) << 16;
            self.message(index, event::RESIZE, 0, &size.to_le_bytes());
        }
    }
}

impl Model for Console<'_> {
    const ID: u32 = 3;
    const NAME: &'static str = "console";

    fn features(&self) -> u64 {
        FEATURE_SIZE | FEATURE_MULTIPORT | FEATURE_EMERGENCY_WRITE
    }

    fn queues(&self) -> Vec<u16> {
        vec![QUEUE_SIZE; 2 * self.ports.len() + 2]
    }

    fn config(&self, offset: u64) -> u32 {
        match offset {
            0 => {
                let (columns, rows) = self.ports.first().and_then(|port| port.size).unwrap_or_default();
                u32::from(columns) | u32::from(rows) << 16
            }
            4 => self.ports.len() as u32,
            _ => 0,
        }
    }

    fn set_config(&mut self, offset: u64, value: u32) {
        const EMERGENCY_WRITE: u64 = 8;
        if let (EMERGENCY_WRITE, Some(port)) = (offset, self.ports.first_mut()) {
            port.line.send(&[value as u8]);
            let _ = port.line.settle(false, false);
        }
    }

    fn config_changed(&mut self) -> bool {
        core::mem::take(&mut self.resized)
    }

    fn activate(&mut self, features: u64) {
        self.multiport = features & FEATURE_MULTIPORT != 0;
    }

    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        if self.multiport {
            self.controls(queues)?;
        }
        let ports = if self.multiport { self.ports.len() } else { 1.min(self.ports.len()) };
        for index in 0..ports {
            self.serve(queues, index)?;
            self.resize(index);
        }
        if !self.messages.is_empty() {
            self.controls(queues)?;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.messages.clear();
        self.multiport = false;
        for port in &mut self.ports {
            (port.ready, port.open, port.size) = (false, false, None);
            (port.spare, port.unsent) = (None, None);
            port.line.reopened();
        }
    }
}
