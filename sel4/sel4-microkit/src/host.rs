//! What the `microkit` tool would write into a PD, for tests on a host: all channels may be used, there are no
//! interrupts, the PD is active. A thread that needs it otherwise says so by [`set_symbols`].

extern crate std;

use core::cell::Cell;

use sel4_abi::microkit::limit::NAME_LENGTH;

/// The variables that every PD has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    /// Whether the PD is a passive server.
    pub passive: bool,
    /// Channels that are interrupts, a bit each.
    pub irqs: u64,
    /// Channels that can be notified, a bit each.
    pub notifications: u64,
    /// Channels that can be called, a bit each.
    pub pps: u64,
    /// How often the PD was reloaded.
    pub life: u64,
}

impl Symbols {
    const DEFAULT: Self = Self { passive: false, irqs: 0, notifications: u64::MAX, pps: u64::MAX, life: 0 };
}

impl Default for Symbols {
    fn default() -> Self {
        Self::DEFAULT
    }
}

std::thread_local! {
    static SYMBOLS: Cell<Symbols> = const { Cell::new(Symbols::DEFAULT) };
}

/// Sets this thread's variables.
pub fn set_symbols(symbols: Symbols) {
    SYMBOLS.set(symbols);
}

pub(crate) fn passive() -> bool {
    SYMBOLS.get().passive
}

pub(crate) fn irqs() -> u64 {
    SYMBOLS.get().irqs
}

pub(crate) fn notifications() -> u64 {
    SYMBOLS.get().notifications
}

pub(crate) fn pps() -> u64 {
    SYMBOLS.get().pps
}

pub(crate) fn life() -> u64 {
    SYMBOLS.get().life
}

pub(crate) fn name() -> &'static [u8; NAME_LENGTH] {
    const NAME: [u8; NAME_LENGTH] = {
        let mut name = [0; NAME_LENGTH];
        let (start, _) = name.split_at_mut(4);
        start.copy_from_slice(b"host");
        name
    };
    &NAME
}
