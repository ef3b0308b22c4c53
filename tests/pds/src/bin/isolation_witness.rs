//! Exchanges notifications with its partner and calls the servers for ever, and looks whether the answers, what the
//! partner writes and its own memory are right. Its budget leaves time for the others.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::{AtomicU64, Ordering};

use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, memory_region_symbol, protection_domain, with_msg_regs,
    with_msg_regs_mut,
};
use test_pds::isolation::Testimony;
use test_pds::label;

const PARTNER: Channel = Channel::new(0);
const SERVERS: [Channel; 2] = [Channel::new(1), Channel::new(2)];
/// Words of a call.
const WORDS: usize = 20;

struct Witness {
    testimony: &'static Testimony,
    shared: &'static AtomicU64,
    /// Words that nobody else has.
    private: [u64; 64],
    round: u64,
}

#[protection_domain(stack_size = 0x2000)]
fn init() -> impl Handler {
    // SAFETY: the regions are mapped for good, and all domains use them as atomics only.
    let (testimony, shared) = unsafe {
        (
            memory_region_symbol!(testimony_vaddr: *mut Testimony).as_ref(),
            memory_region_symbol!(shared_vaddr: *mut AtomicU64).as_ref(),
        )
    };
    PARTNER.notify();
    Witness { testimony, shared, private: [0; 64], round: 0 }
}

impl Handler for Witness {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        // The hostile notifies, too.
        if channels.contains(PARTNER) {
            let told = if self.is_right() { &self.testimony.rounds } else { &self.testimony.errors };
            told.fetch_add(1, Ordering::AcqRel);
            PARTNER.notify();
        }
        Ok(())
    }
}

impl Witness {
    /// A round: the partner has counted it, the servers answer right, the memory is as the last round left it.
    fn is_right(&mut self) -> bool {
        let kept = self.private == [self.round; 64];
        self.round += 1;
        self.private = [self.round; 64];
        kept && self.shared.load(Ordering::Acquire) == self.round && SERVERS.iter().all(|server| self.echoes(*server))
    }

    fn echoes(&self, server: Channel) -> bool {
        with_msg_regs_mut(|words| words[..WORDS].iter_mut().zip(self.round..).for_each(|(word, value)| *word = value));
        let answer = server.pp_call(MessageInfo::new(label::ECHO, WORDS));
        let right = with_msg_regs(|words| words[..WORDS].iter().copied().eq((self.round + 1..).take(WORDS)));
        right && answer.label() == label::ECHO + 1 && answer.count() == WORDS
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("isolation_witness is a protection domain: it runs on quoll only");
}
