//! Measures kernel operations between protection domains, one after the other. The lowest priority of its system but for
//! the sink, so that everybody else waits when it runs. Operation `n` stands between markers `2 n` and `2 n + 1`;
//! `cargo xtask bench` has the same list.
#![cfg_attr(target_os = "none", no_std, no_main)]

use marker::{DONE, ROUNDS, marker, repeat};
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, memory_region_symbol, protection_domain, set_mr,
};

const PASSIVE: Channel = Channel::new(1);
const ACTIVE: Channel = Channel::new(2);
const SINK: Channel = Channel::new(3);
const ECHO: Channel = Channel::new(4);
const IRQ: Channel = Channel::new(5);

/// UARTDR of the PL011.
const UART_DATA: usize = 0x000;
/// UARTIMSC of the PL011, and its bit for the transmit interrupt, which stays raised once a character was sent.
const UART_MASK: usize = 0x038;
const UART_TRANSMIT: u32 = 1 << 5;

/// RTCDR of the PL031: the time in seconds.
const RTC_DATA: usize = 0x000;
/// RTCMR of the PL031: when it raises its interrupt.
const RTC_MATCH: usize = 0x004;

/// What was begun so far: notifications, first to the echo, which runs at once, then to the sink, which runs when this
/// domain waits; then waits for an alarm in an idle system.
struct Bench {
    begun: u32,
}

#[protection_domain]
fn init() -> impl Handler {
    repeat::<0, 1>(|| {});
    repeat::<2, 3>(|| _ = PASSIVE.pp_call(MessageInfo::new(0, 0)));
    for round in 0..u64::from(ROUNDS) {
        (0..4).for_each(|register| set_mr(register, round));
        marker::<4>();
        PASSIVE.pp_call(MessageInfo::new(0, 4));
        marker::<5>();
    }
    repeat::<6, 7>(|| _ = ACTIVE.pp_call(MessageInfo::new(0, 0)));
    let uart = memory_region_symbol!(uart_vaddr: *mut u8);
    // SAFETY: the system description maps the device's page there.
    unsafe { uart.byte_add(UART_DATA).cast::<u32>().write_volatile(u32::from(b'\n')) };
    for _ in 0..ROUNDS {
        marker::<12>();
        // SAFETY: as above. The interrupt comes at once, and its handler, of higher priority, clears the mask before
        // this domain runs again.
        unsafe { uart.byte_add(UART_MASK).cast::<u32>().write_volatile(UART_TRANSMIT) };
    }
    let mut bench = Bench { begun: 0 };
    bench.next();
    bench
}

impl Bench {
    fn next(&mut self) {
        match self.begun / ROUNDS {
            0 => {
                marker::<10>();
                ECHO.notify();
            }
            1 => {
                marker::<8>();
                SINK.notify();
                marker::<9>();
            }
            2 => set_alarm(),
            _ => marker::<DONE>(),
        }
        self.begun += 1;
    }
}

/// Lets the clock interrupt in a second.
fn set_alarm() {
    let rtc = memory_region_symbol!(rtc_vaddr: *mut u8);
    // SAFETY: the system description maps the device's page there.
    unsafe {
        let now = rtc.byte_add(RTC_DATA).cast::<u32>().read_volatile();
        rtc.byte_add(RTC_MATCH).cast::<u32>().write_volatile(now.wrapping_add(1));
    }
}

impl Handler for Bench {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if !channels.contains(IRQ) {
            marker::<11>();
        }
        self.next();
        Ok(())
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench_driver is a protection domain: it runs on quoll only.");
}
