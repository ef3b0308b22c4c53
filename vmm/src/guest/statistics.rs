//! What is counted of a guest's exits, for whoever may read the table that the description gives the monitor.

use alloc::vec::Vec;

use ivc::statistics::{Counter, Table};

use super::access::Target;
use crate::devices::Bus;

/// The counters. Without a table they count nothing.
#[derive(Default)]
pub struct Statistics<'a> {
    /// All exits that reached the monitor.
    pub(super) exits: Counter<'a>,
    /// HVC and SMC.
    pub(super) calls: Counter<'a>,
    /// WFI that the kernel left to the monitor, and WFE.
    pub(super) waits: Counter<'a>,
    /// SGIs sent by system register.
    pub(super) sgis: Counter<'a>,
    /// Other system registers.
    pub(super) registers: Counter<'a>,
    /// Maintenance interrupts of the interrupt controller.
    pub(super) maintenance: Counter<'a>,
    /// Private hardware interrupts, of which the timer's is the one that there is.
    pub(super) timer: Counter<'a>,
    /// Aborts and undefined instructions that the guest was given.
    pub(super) aborts: Counter<'a>,
    /// Accesses whose instruction had to be decoded; they are counted by device, too.
    pub(super) decoded: Counter<'a>,
    /// How often the monitor was notified.
    pub(super) signals: Counter<'a>,
    /// Interrupts that devices raised.
    pub(super) interrupts: Counter<'a>,
    /// Accesses to distributor and redistributors.
    gic: Counter<'a>,
    /// Accesses to each device of the bus.
    devices: Vec<Counter<'a>>,
}

impl<'a> Statistics<'a> {
    /// The counters, in the order in which they are read: all exits first.
    #[must_use]
    pub fn new(table: &mut Table<'a>) -> Self {
        Self {
            exits: table.counter("exits"),
            interrupts: table.counter("interrupts"),
            signals: table.counter("signals"),
            calls: table.counter("calls"),
            waits: table.counter("waits"),
            gic: table.counter("gic"),
            sgis: table.counter("sgi"),
            maintenance: table.counter("maintenance"),
            timer: table.counter("timer"),
            registers: table.counter("registers"),
            aborts: table.counter("aborts"),
            decoded: table.counter("decoded"),
            devices: Vec::new(),
        }
    }

    /// Counts the accesses to each of these devices, too.
    #[must_use]
    pub fn with_devices(self, table: &mut Table<'a>, bus: &Bus<'_>) -> Self {
        Self { devices: bus.names().map(|name| table.counter(name)).collect(), ..self }
    }

    /// An access to a device.
    pub(super) fn access(&self, target: Target) {
        match target {
            Target::Gic { .. } => self.gic.add(1),
            Target::Device { id, .. } => self.devices.get(id.index()).copied().unwrap_or_default().add(1),
        }
    }
}
