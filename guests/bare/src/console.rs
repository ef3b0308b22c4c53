//! A line of the console server over a region that guest and server share: no monitor has a part in it.

use core::fmt;

use ivc::{console::Port, guest::signal};
use smccc::Hvc;

use crate::tree::Tree;

/// The guest's end.
pub struct Console {
    port: Port<'static>,
    channel: u64,
}

impl Console {
    /// The line that the command line names, as `console=REGION:CHANNEL`: the region's name, and the guest's channel to the
    /// server. `None`: there is no such line. Call it once, and [translate addresses](crate::memory) before.
    #[must_use]
    pub fn open(tree: &Tree<'_>) -> Option<Self> {
        let (shared, channel) = tree.line("console")?;
        // SAFETY: addresses are translated, and only this line uses it.
        let region = unsafe { shared.memory() }?;
        Some(Self { port: Port::client(region).ok()?, channel })
    }

    /// A byte that was typed.
    pub fn read(&mut self) -> Option<u8> {
        let mut byte = [0];
        (self.port.read(&mut byte) == 1).then_some(byte[0])
    }

    /// To be called when all that came was read and all was written: tells the server, and asks to be told of input. False
    /// if there is some already.
    #[must_use = "there may be input already"]
    pub fn settle(&mut self) -> bool {
        let nothing = self.port.await_input();
        if self.port.owes_signal() {
            // Without the right to, nobody hears: the description says so.
            let _ = signal::<Hvc>(self.channel);
        }
        nothing
    }
}

/// What there is no room for is lost: who has a deadline does not wait for a terminal.
impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.port.write(text.as_bytes());
        Ok(())
    }
}
