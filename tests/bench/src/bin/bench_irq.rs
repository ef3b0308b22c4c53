//! Takes the UART's transmit interrupt that the driver of the bench raises, and the alarm that it sets.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::ptr::NonNull;

use marker::marker;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};

const UART: Channel = Channel::new(0);
const RTC: Channel = Channel::new(1);
const DRIVER: Channel = Channel::new(2);
/// UARTIMSC of the PL011.
const UART_MASK: usize = 0x038;
/// RTCIMSC of the PL031.
const RTC_MASK: usize = 0x010;
/// RTCICR of the PL031.
const RTC_CLEAR: usize = 0x01c;

/// The devices.
struct Irq {
    uart: NonNull<u8>,
    rtc: NonNull<u8>,
}

#[protection_domain]
fn init() -> impl Handler {
    let irq = Irq { uart: memory_region_symbol!(uart_vaddr: *mut u8), rtc: memory_region_symbol!(rtc_vaddr: *mut u8) };
    write(irq.rtc, RTC_MASK, 1);
    irq
}

/// Writes a device's register.
fn write(device: NonNull<u8>, register: usize, value: u32) {
    // SAFETY: the system description maps the device's page there, and has given it to this domain.
    unsafe { device.byte_add(register).cast::<u32>().write_volatile(value) };
}

impl Handler for Irq {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if channels.contains(RTC) {
            marker::<16>();
            write(self.rtc, RTC_CLEAR, 1);
            RTC.irq_ack().expect(INTERRUPT);
            DRIVER.notify();
            return Ok(());
        }
        marker::<13>();
        write(self.uart, UART_MASK, 0);
        marker::<14>();
        let acknowledged = UART.irq_ack();
        marker::<15>();
        acknowledged.expect(INTERRUPT);
        Ok(())
    }
}

/// Fails only if the description gives the channel to something else.
const INTERRUPT: &str = "an interrupt's channel";

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench_irq is a protection domain: it runs on quoll only.");
}
