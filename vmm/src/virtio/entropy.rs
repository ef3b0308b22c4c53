//! The entropy device (specification, 5.4): random bytes from whoever has them.

use alloc::{rc::Rc, vec, vec::Vec};
use core::cell::RefCell;

use ivc::{Consumer, entropy::DRY};

use super::{Bell, Fault, Model, Queues};
use crate::{boot::fdt::Seed, memory::Memory};

/// Bytes that a request gets at most in one go.
const PIECE: usize = 256;
const QUEUE_SIZE: u16 = 8;

/// Random bytes that somebody else provides in a ring. Guest and device share it; no byte is given out twice.
#[derive(Clone)]
pub struct Entropy<'a>(Rc<RefCell<Source<'a>>>);

struct Source<'a> {
    ring: Consumer<'a>,
    bell: Bell<'a>,
}

impl<'a> Entropy<'a> {
    /// The source behind `ring`; `bell` signals it.
    pub fn new(ring: Consumer<'a>, bell: Bell<'a>) -> Self {
        Self(Rc::new(RefCell::new(Source { ring, bell })))
    }

    /// Fills `bytes` if there are so many random ones. If there are not, a signal will come when there may be.
    pub fn fill(&self, bytes: &mut [u8]) -> bool {
        let enough = self.available() >= bytes.len();
        if enough {
            self.take(bytes);
        }
        self.settle();
        enough
    }

    /// Whether a guest can be started: there are enough bytes for its seeds, or there never will be. If not, a signal will come when
    /// that may have changed.
    pub fn is_ready(&self) -> bool {
        self.settle();
        self.available() >= size_of::<Seed>() || self.0.borrow().ring.note() == DRY
    }

    fn available(&self) -> usize {
        self.0.borrow_mut().ring.available()
    }

    /// As many as there are, up to the length of `bytes`.
    fn take(&self, bytes: &mut [u8]) -> usize {
        self.0.borrow_mut().ring.pop(bytes)
    }

    /// Asks for a signal when there is something.
    fn settle(&self) {
        let source = &mut *self.0.borrow_mut();
        source.ring.await_data();
        if source.ring.owes_signal() {
            (source.bell)();
        }
    }
}

impl Model for Entropy<'_> {
    const ID: u32 = 4;
    const NAME: &'static str = "entropy";

    fn features(&self) -> u64 {
        0
    }

    fn queues(&self) -> Vec<u16> {
        vec![QUEUE_SIZE]
    }

    fn config(&self, _: u64) -> u32 {
        0
    }

    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        while self.available() != 0 {
            let Some(chain) = queues.pop(0)? else { break };
            if chain.write_length() == 0 {
                return Err(queues.blame(0, Fault::Request));
            }
            let mut bytes = [0; PIECE];
            let wanted = PIECE.min(chain.write_length() as usize);
            let got = self.take(&mut bytes[..wanted]);
            chain.write(queues.memory(), 0, &bytes[..got]);
            queues.push(0, chain.token(), got as u32);
        }
        self.settle();
        Ok(())
    }

    fn reset(&mut self) {}
}
