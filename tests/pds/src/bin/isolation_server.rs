//! Answers calls, whoever makes them and whatever they say: the label and all words one higher. The system `isolation`
//! has it twice, active and passive.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, MessageInfo, protection_domain, with_msg_regs_mut};

struct Server;

#[protection_domain]
fn init() -> impl Handler {
    Server
}

impl Handler for Server {
    type Error = Infallible;

    /// The hostile notifies, too.
    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        Ok(())
    }

    fn protected(&mut self, _: Channel, info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        let count = info.count();
        with_msg_regs_mut(|words| words[..count].iter_mut().for_each(|word| *word = word.wrapping_add(1)));
        Ok(MessageInfo::new(info.label().wrapping_add(1), count))
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("isolation_server is a protection domain: it runs on quoll only");
}
