//! Asks the clock for a signal each second, and says on its line which second it is.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd {
    use core::fmt::Write;
    use core::ptr::NonNull;

    use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
    use ivc::{Region, clock::Clock, console::Port};
    use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain, var};

    struct Ticks {
        line: Port<'static>,
        console: Channel,
        clock: Clock<'static>,
        clock_channel: Channel,
    }

    /// The region mapped at `base`.
    fn region(base: NonNull<u8>, size: usize) -> Region<'static> {
        // SAFETY: the system description maps a region of this size there, for one user.
        unsafe { Region::from_raw(base, size) }.expect("regions are aligned")
    }

    #[protection_domain(stack_size = 0x2000)]
    fn init() -> impl Handler {
        let line = region(memory_region_symbol!(console_vaddr: *mut u8), *var!(console_size: usize = 0));
        let clock = region(memory_region_symbol!(clock_vaddr: *mut u8), *var!(clock_size: usize = 0));
        let ticks = Ticks {
            line: Port::client(line).expect("room for two rings"),
            console: Channel::new(*var!(console_channel: usize = 0)),
            clock: Clock::attach(clock).expect("room for two lines"),
            clock_channel: Channel::new(*var!(clock_channel: usize = 0)),
        };
        if ticks.clock.set_ticks(true) {
            ticks.clock_channel.notify();
        }
        ticks
    }

    impl Handler for Ticks {
        type Error = Infallible;

        fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
            if channels.contains(self.clock_channel) {
                let second = self.clock.seconds(read_cntpct_el0().bits(), read_cntfrq_el0().bits()).unwrap_or_default();
                let _ = write!(Text(&mut self.line), "tick {second}\r\n");
            }
            // Nobody has anything to say to it.
            self.line.discard_input();
            self.line.await_input();
            if self.line.owes_signal() {
                self.console.notify();
            }
            Ok(())
        }
    }

    /// What has no room is lost: the next tick comes.
    struct Text<'a>(&'a mut Port<'static>);

    impl Write for Text<'_> {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("clock_ticks is a protection domain: it runs on quoll only");
}
