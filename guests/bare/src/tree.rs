//! What the device tree tells: the command line, and the regions that the guest shares with others.

use core::ptr::{NonNull, with_exposed_provenance_mut};

use fdt::Fdt;
use ivc::Region;

/// Which regions are those (`compatible`).
const SHARED: &str = "quoll,shared-memory-1.0";

/// The device tree that the guest was started with.
#[derive(Clone, Copy)]
pub struct Tree<'a>(Fdt<'a>);

/// A region that the guest shares with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Its first guest-physical address.
    pub address: usize,
    /// In bytes.
    pub size: usize,
    /// Whether the guest may write it.
    pub writable: bool,
}

impl Shared {
    /// The region as memory, if it can be used as such.
    ///
    /// # Safety
    /// Addresses are translated (`memory::switch_on`), and only what is made of the result uses the region in this guest.
    #[must_use]
    pub unsafe fn memory(self) -> Option<Region<'static>> {
        let base = NonNull::new(with_exposed_provenance_mut(self.address))?;
        // SAFETY: the description has the region mapped there as memory, and it stays; for the rest the caller stands.
        unsafe { Region::from_raw(base, self.size) }.ok()
    }
}

impl<'a> Tree<'a> {
    /// The tree in these bytes; `None` if there is none.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        Fdt::new(bytes).ok().map(Self)
    }

    /// The tree at an address that the guest was started with in x0.
    ///
    /// # Safety
    /// The address is that one, and the memory behind it has not been written since.
    #[must_use]
    pub unsafe fn at(address: usize) -> Option<Self> {
        // SAFETY: the caller says that a tree is there, which begins with its own size.
        unsafe { Fdt::from_ptr(core::ptr::with_exposed_provenance(address)) }.ok().map(Self)
    }

    /// The value of `name=value` on the command line.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&'a str> {
        let line = self.0.find_node("/chosen")?.property("bootargs")?.as_str()?;
        line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The region that the guest may write, and the number of the channel to whom it shares that with, by the argument
    /// `name=REGION:CHANNEL`.
    #[must_use]
    pub fn line(&self, name: &str) -> Option<(Shared, u64)> {
        let (region, channel) = self.argument(name)?.split_once(':')?;
        Some((self.shared(region).filter(|shared| shared.writable)?, channel.parse().ok()?))
    }

    /// The region with this name in the system description.
    #[must_use]
    pub fn shared(&self, name: &str) -> Option<Shared> {
        let named = |node: &fdt::node::FdtNode<'_, '_>| {
            let text = |property: &str| node.property(property).and_then(|property| property.as_str());
            text("compatible") == Some(SHARED) && text("label") == Some(name)
        };
        let node = self.0.find_node("/")?.children().find(named)?;
        let region = node.reg()?.next()?;
        Some(Shared {
            address: region.starting_address.addr(),
            size: region.size?,
            writable: node.property("read-only").is_none(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmm::boot::fdt::{Description, write};
    use vmm::hypervisor::Conduit;
    use vmm::machine::{Region, Shared as Told};
    use vmm::vgic::Version;

    #[test]
    fn what_the_monitor_tells_is_found() {
        let region = |base| Region { base, size: 0x1_0000 };
        let shared = [
            Told { region: region(0x5000_0000), name: "line", writable: true },
            Told { region: region(0x5800_0000), name: "table", writable: false },
        ];
        let blob = write(&Description {
            memory: Region { base: 0x4000_0000, size: 0x100_0000 },
            vcpus: 1,
            gic: Version::V2,
            conduit: Conduit::Hvc,
            messages: true,
            command_line: "quiet console=line:1 answers=table:2 other=missing:3 period=1000",
            initrd: None,
            virtio: &[],
            dual_timer: false,
            passed: &[],
            shared: &shared,
            seed: None,
        })
        .expect("a tree");
        let tree = Tree::new(&blob).expect("a tree");
        assert_eq!(tree.argument("console"), Some("line:1"));
        assert_eq!((tree.argument("per"), tree.argument("quiet")), (None, None));
        assert_eq!(tree.shared("line"), Some(Shared { address: 0x5000_0000, size: 0x1_0000, writable: true }));
        assert_eq!(tree.shared("table"), Some(Shared { address: 0x5800_0000, size: 0x1_0000, writable: false }));
        assert_eq!(tree.shared("tab"), None);
        assert_eq!(tree.line("console"), Some((Shared { address: 0x5000_0000, size: 0x1_0000, writable: true }, 1)));
        assert_eq!((tree.line("answers"), tree.line("other"), tree.line("period")), (None, None, None));
        assert!(Tree::new(&[0; 64]).is_none());
    }
}
