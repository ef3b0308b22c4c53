//! Takes the UART's transmit interrupt that the driver of the bench raises.
#![cfg_attr(target_os = "none", no_std, no_main)]

use marker::marker;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};

const UART: Channel = Channel::new(0);
/// UARTIMSC of the PL011.
const UART_MASK: usize = 0x038;

struct Irq;

#[protection_domain]
fn init() -> impl Handler {
    Irq
}

impl Handler for Irq {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        marker::<13>();
        let uart = memory_region_symbol!(uart_vaddr: *mut u8);
        // SAFETY: the system description maps the device's page there.
        unsafe { uart.byte_add(UART_MASK).cast::<u32>().write_volatile(0) };
        marker::<14>();
        // Fails only if the description gives this channel to something else than the interrupt.
        let acknowledged = UART.irq_ack();
        marker::<15>();
        acknowledged.expect("an interrupt's channel");
        Ok(())
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench_irq is a protection domain: it runs on quoll only.");
}
