//! Regions that the description shares between this protection domain and others, mostly servers.

use alloc::boxed::Box;
use core::ptr::NonNull;

use ivc::{Region, RegionError};
use sel4_microkit::{Channel, debug_println};
use vmm::virtio::Bell;

use super::kernel;

/// What the description gives: a region that is shared with a server, and the channel to it.
#[derive(Clone, Copy)]
pub struct SharedRegion {
    /// Where the region is mapped; 0: there is none.
    pub vaddr: usize,
    /// Bytes of it.
    pub size: usize,
    /// The channel's number.
    pub channel: usize,
}

/// The region of which these are the symbols. Without a channel nobody is to be signalled.
macro_rules! shared_region {
    ($vaddr:ident, $size:ident) => {
        $crate::pd::region::SharedRegion {
            vaddr: *sel4_microkit::var!($vaddr: usize = 0),
            size: *sel4_microkit::var!($size: usize = 0),
            channel: 0,
        }
    };
    ($vaddr:ident, $size:ident, $channel:ident) => {
        $crate::pd::region::SharedRegion {
            channel: *sel4_microkit::var!($channel: usize = 0),
            ..$crate::pd::region::shared_region!($vaddr, $size)
        }
    };
}
pub(super) use shared_region;

impl SharedRegion {
    /// Attaches to the region for the guest's `what`. `None` if there is no region, or it does not fit, which is told.
    pub fn open<T>(self, what: &str, attach: impl FnOnce(Region<'static>) -> Result<T, RegionError>) -> Option<T> {
        let base = NonNull::new(self.vaddr as *mut u8)?;
        // SAFETY: the system description maps the region there, and only what is attached to it uses it.
        let region = unsafe { Region::from_raw(base, self.size) };
        let complain = |error: &RegionError| debug_println!("{}: the guest has no {what}: {error}", kernel::name());
        region.and_then(attach).inspect_err(complain).ok()
    }

    /// The channel.
    pub fn channel(self) -> Channel {
        Channel::new(self.channel)
    }

    /// Signals the server.
    pub fn bell(self) -> Bell<'static> {
        let channel = self.channel();
        Box::new(move || channel.notify())
    }
}
