//! State of the kernel that is not an object: one for the machine, one for each core.

use crate::arch;
use crate::cpu::Cpu;
use crate::object::irq::{self, Line};
use core::cell::Cell;
use quoll_kernel_core::domain::Schedule;

/// State shared by all cores.
#[derive(Debug)]
pub struct Kernel {
    /// Interrupts.
    pub lines: [Line; irq::LINES],
    /// The domain schedule.
    pub domains: Schedule,
    /// How many virtual CPUs were ever made.
    pub vcpus: Cell<u64>,
    /// Address spaces by ASID.
    pub asids: crate::object::asid::Table,
}

impl Kernel {
    /// As it is before boot.
    pub const fn new() -> Self {
        Self {
            lines: [const { Line::new() }; irq::LINES],
            domains: Schedule::new(),
            vcpus: Cell::new(0),
            asids: crate::object::asid::Table::new(),
        }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

/// All state: `arch` holds it, because how a core finds its own is the architecture's.
#[derive(Debug)]
pub struct Globals {
    /// Shared.
    pub kernel: Kernel,
    /// Of each core.
    pub cpus: [Cpu; sel4_abi::config::MAX_NUM_NODES],
}

impl Globals {
    /// As it is before boot.
    pub const fn new() -> Self {
        Self { kernel: Kernel::new(), cpus: [const { Cpu::new() }; sel4_abi::config::MAX_NUM_NODES] }
    }
}

impl Default for Globals {
    fn default() -> Self {
        Self::new()
    }
}

/// The shared state.
#[inline(always)]
pub fn kernel() -> &'static Kernel {
    &arch::globals().kernel
}
