//! Answers each signal of a guest with two messages and a signal. The first message says how often it was signalled and what
//! became of the second one before, which is refused because the guest has not yet taken the first.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

const GUEST: Channel = Channel::new(0);

struct Post {
    signals: u64,
    refused: u64,
}

#[protection_domain(stack_size = 0x2000)]
fn init() -> impl Handler {
    Post { signals: 0, refused: 0 }
}

impl Handler for Post {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if channels.contains(GUEST) {
            self.signals += 1;
            let error = |result: sel4::Result<()>| result.err().map_or(0, |error| error as u64);
            let first = error(GUEST.port().port_send([self.signals, self.refused, 0]));
            self.refused = error(GUEST.port().port_send([first, first, first]));
            GUEST.notify();
        }
        Ok(())
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("messages_post is a protection domain: it runs on quoll only");
}
