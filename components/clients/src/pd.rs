//! The symbols of a server's protection domain: `clients_vaddr` (`setvar_vaddr`) and `clients_size` (`setvar_prefill_size`) for the
//! text, `statistics_vaddr` and `statistics_size` (`setvar_vaddr`, `setvar_size`; may be absent) for the table of its counters
//! ([`ivc::statistics`]), `client_N_vaddr` and `client_N_size` (`setvar_vaddr`, `setvar_size`) for the region shared with the client on channel N.

use core::ptr::NonNull;

use ivc::{Region, statistics::Table};
use sel4_microkit::{Channel, var};

use crate::{MOST, Signals};

/// The text that says who the clients are.
#[must_use]
#[allow(unsafe_code)]
pub fn text() -> &'static [u8] {
    let size = *var!(clients_size: usize = 0);
    let Some(base) = NonNull::new(*var!(clients_vaddr: usize = 0) as *mut u8) else { return &[] };
    // SAFETY: the system description maps this domain's own, prefilled and never written memory there.
    unsafe { NonNull::slice_from_raw_parts(base, size).as_ref() }
}

/// The region that the description maps at `vaddr`, if it maps one and it is aligned.
#[must_use]
#[allow(unsafe_code)]
pub fn region(vaddr: usize, size: usize) -> Option<Region<'static>> {
    let base = NonNull::new(vaddr as *mut u8)?;
    // SAFETY: the system description maps `size` bytes there, and only what is made of this region uses them.
    unsafe { Region::from_raw(base, size) }.ok()
}

/// The region shared with the client on `channel`, if there is one.
#[must_use]
pub fn client(channel: usize) -> Option<Region<'static>> {
    let &(vaddr, size) = regions().get(channel)?;
    region(vaddr, size)
}

/// The table in which the server counts; without a region it has no room for counters.
#[must_use]
pub fn statistics() -> Table<'static> {
    region(*var!(statistics_vaddr: usize = 0), *var!(statistics_size: usize = 0)).map(Table::over).unwrap_or_default()
}

/// Gives the signals.
pub fn notify(signals: Signals) {
    signals.channels().for_each(|channel| Channel::new(channel).notify());
}

/// Address and size of the region of the client on each channel; 0 where there is none.
fn regions() -> [(usize, usize); MOST] {
    macro_rules! regions {
        ($($vaddr:ident $size:ident,)*) => {
            [$((*var!($vaddr: usize = 0), *var!($size: usize = 0))),*]
        };
    }
    regions! {
        client_0_vaddr client_0_size,
        client_1_vaddr client_1_size,
        client_2_vaddr client_2_size,
        client_3_vaddr client_3_size,
        client_4_vaddr client_4_size,
        client_5_vaddr client_5_size,
        client_6_vaddr client_6_size,
        client_7_vaddr client_7_size,
        client_8_vaddr client_8_size,
        client_9_vaddr client_9_size,
        client_10_vaddr client_10_size,
        client_11_vaddr client_11_size,
        client_12_vaddr client_12_size,
        client_13_vaddr client_13_size,
        client_14_vaddr client_14_size,
        client_15_vaddr client_15_size,
    }
}
