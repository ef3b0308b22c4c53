//! The protection domain around the driver. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `uart_vaddr` | `setvar_vaddr` | the device's registers, mapped uncached |
//! | `uart_irq` | `setvar_id` of the `irq` | the device's interrupt |
//! | `console_vaddr`, `console_size` | `setvar_vaddr`, `setvar_size` | region shared with the terminal's user |
//! | `console_channel` | `setvar_id` of the `end` | channel to the terminal's user |

use core::ptr::NonNull;

use arm_pl011_uart::{PL011Registers, UniqueMmioPointer};
use driver_pd::Pd;
use ivc::{Region, console::Port};
use pl011::{Driver, hardware::Pl011};
use sel4_microkit::{Channel, Handler, memory_region_symbol, protection_domain, var};

#[protection_domain]
fn init() -> impl Handler {
    let registers = memory_region_symbol!(uart_vaddr: *mut PL011Registers);
    // SAFETY: the system description maps the device's page there, for this domain only.
    let registers = unsafe { UniqueMmioPointer::new(registers) };
    let uart = Pl011::new(registers).expect("115,200 baud can be made from 24 MHz");

    let base: NonNull<u8> = memory_region_symbol!(console_vaddr: *mut u8);
    // SAFETY: the system description maps the region there, and only the line uses it.
    let region = unsafe { Region::from_raw(base, *var!(console_size: usize = 0)) };
    let line = region.and_then(Port::server).expect("a region for two rings");

    let mut driver = Driver::new(uart, line);
    let user = Channel::new(*var!(console_channel: usize = 0));
    Pd::start(Channel::new(*var!(uart_irq: usize = 0)), move || {
        if driver.run() {
            user.notify();
        }
    })
}
