//! What the protection domains have in common. Their symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `registers_vaddr` | `setvar_vaddr` | the page of registers of eight devices, mapped uncached, for this domain alone |
//! | `dma_vaddr`, `dma_size` | `setvar_vaddr`, `setvar_size` | memory for queues and requests |
//! | `dma_paddr` | `setvar` with `region_paddr` | its physical address |
//! | `device_irq` | `setvar_id` of the `irq` | the device's interrupt: 48 and its number among the machine's devices |

use core::ptr::NonNull;

use sel4_microkit::{Channel, memory_region_symbol, var};
use virtio_dma::Dma;
use virtio_drivers::transport::{DeviceType, mmio::MmioTransport};

use crate::hardware;

/// Finds the device of this domain, and gives its driver memory.
///
/// # Errors
/// The machine has no such device.
pub fn device(kind: DeviceType) -> Result<MmioTransport<'static>, hardware::Error> {
    let memory: NonNull<u8> = memory_region_symbol!(dma_vaddr: *mut u8);
    // SAFETY: the system description maps memory there, for this domain alone.
    unsafe { Dma::set_own(memory, *var!(dma_size: usize = 0), *var!(dma_paddr: usize = 0) as u64) };
    let registers: NonNull<u8> = memory_region_symbol!(registers_vaddr: *mut u8);
    // SAFETY: the system description maps the devices' page there, for this domain alone.
    unsafe { hardware::find(registers, kind) }
}

/// The device's interrupt.
pub fn interrupt() -> Channel {
    Channel::new(*var!(device_irq: usize = 0))
}
