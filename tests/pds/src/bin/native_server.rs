//! A server of protected calls; the system `native` has it twice, active and passive.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, MessageInfo, protection_domain, with_msg_regs_mut};
use test_pds::label;

const CLIENT: Channel = Channel::new(0);
/// From the active server to the passive one.
const PASSIVE: Channel = Channel::new(1);

struct Server;

#[protection_domain]
fn init() -> impl Handler {
    Server
}

impl Handler for Server {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        if channels.contains(CLIENT) {
            CLIENT.notify();
        }
        Ok(())
    }

    fn protected(&mut self, _: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        if msg_info.label() == label::ECHO_FURTHER {
            let answer = PASSIVE.pp_call(MessageInfo::new(label::ECHO, msg_info.count()));
            return Ok(MessageInfo::new(msg_info.label() + 1, answer.count()));
        }
        with_msg_regs_mut(|words| words[..msg_info.count()].iter_mut().for_each(|word| *word += 1));
        Ok(MessageInfo::new(msg_info.label() + 1, msg_info.count()))
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("native_server is a protection domain: it runs on quoll only");
}
