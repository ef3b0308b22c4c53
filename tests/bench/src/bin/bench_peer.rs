//! The other end of what is measured: answers calls with the caller's message, answers notifications with a notification.
//! One program for the passive server, the active server, the echo (of higher priority than the driver) and the sink (of
//! lower), which differ in the system description only.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, MessageInfo, protection_domain};

struct Peer;

#[protection_domain]
fn init() -> impl Handler {
    Peer
}

impl Handler for Peer {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        channels.iter().for_each(|channel| channel.notify());
        Ok(())
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        Ok(message)
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench_peer is a protection domain: it runs on quoll only.");
}
