//! The native program that guests which measure throughput meet in, and exchange frames with ([`marker::throughput`]): a station of the
//! switch. Symbols: `net_vaddr`, `net_size`, `net_channel`, as a VMM's.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd {
    use ivc::Aligned;
    use ivc::net::{ADDRESS, MAX_FRAME, MIN_FRAME, Port};
    use marker::{
        marker,
        throughput::{DATA, GO, KIND, MET},
    };
    use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain, var};

    /// Most guests.
    const GUESTS: usize = 16;

    /// The station.
    struct Partner {
        port: Port<'static>,
        switch: Channel,
        frame: Aligned<[u8; MAX_FRAME]>,
        /// The addresses of those that have come.
        here: [[u8; ADDRESS]; GUESTS],
        count: usize,
    }

    #[protection_domain]
    fn init() -> impl Handler {
        let region = clients::pd::region(*var!(net_vaddr: usize = 0), *var!(net_size: usize = 0));
        let port = Port::station(region.expect("a cable")).expect("a cable with room for frames");
        let switch = Channel::new(*var!(net_channel: usize = 0));
        let mut partner =
            Partner { port, switch, frame: Aligned([0; MAX_FRAME]), here: [[0; ADDRESS]; GUESTS], count: 0 };
        partner.run();
        partner
    }

    impl Partner {
        fn run(&mut self) {
            loop {
                while let Some(length) = self.port.receive(&mut self.frame.0) {
                    self.answer(length);
                }
                let idle = self.port.await_input();
                if self.port.owes_signal() {
                    self.switch.notify();
                }
                if idle {
                    return;
                }
            }
        }

        /// Sends a frame back, or counts who has come.
        fn answer(&mut self, length: usize) {
            let kind = self.frame.0.get(KIND).copied().filter(|_| length > MIN_FRAME);
            let (to, from) = self.frame.0[..2 * ADDRESS].split_at_mut(ADDRESS);
            to.swap_with_slice(from);
            match kind {
                Some(DATA) => assert!(self.port.send(&self.frame.0[..length]), "the cable has room for all batches"),
                Some(guests) => self.come(guests.into(), length),
                None => {}
            }
        }

        fn come(&mut self, guests: usize, length: usize) {
            self.here[self.count].copy_from_slice(&self.frame.0[..ADDRESS]);
            self.count += 1;
            if self.count < guests {
                return;
            }
            marker::<MET>();
            self.frame.0[KIND] = GO;
            for guest in &self.here[..core::mem::take(&mut self.count)] {
                self.frame.0[..ADDRESS].copy_from_slice(guest);
                assert!(self.port.send(&self.frame.0[..length]), "the cable has room for a frame to each");
            }
        }
    }

    impl Handler for Partner {
        type Error = Infallible;

        fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
            self.run();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench_partner is a protection domain: it runs on quoll only.");
}
