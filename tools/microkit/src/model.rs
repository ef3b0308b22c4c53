//! A description that has been checked: names are resolved, values are in range, files are read.

use crate::diagnostic::Span;
use crate::program::Program;
use crate::sdf::CapOf;
use sel4_abi::microkit::address::STACK_TOP;
use sel4_abi::object::{LARGE_PAGE_BITS, SMALL_PAGE_BITS};
use std::ops::Range;
use system_spec::{DomainSlot, Trigger};

/// A whole system.
#[derive(Debug)]
pub struct System {
    /// Protection domains: each one's children follow it directly.
    pub pds: Vec<Pd>,
    /// Memory regions.
    pub regions: Vec<Region>,
    /// Channels: both ends.
    pub channels: Vec<[End; 2]>,
    /// The domain schedule.
    pub schedule: Option<DomainSchedule>,
}

impl System {
    /// Whether a protection domain receives on an endpoint rather than on its notification: it is called, or it has
    /// children or a virtual machine whose faults it handles.
    pub fn needs_endpoint(&self, pd: usize) -> bool {
        let called = |[a, b]: &[End; 2]| [(a, b), (b, a)].iter().any(|(from, to)| from.pp && to.party == Party::Pd(pd));
        let child = |other: &Pd| matches!(other.parent, Some((parent, _)) if parent == pd);
        self.pds[pd].vm.is_some() || self.pds.iter().any(child) || self.channels.iter().any(called)
    }

    /// Whether a region is read past the data cache: it is executed, or it is a guest's, who starts with its caches off.
    pub fn has_uncached_readers(&self, region: usize) -> bool {
        let executed = |map: &Map| map.region == region && map.execute;
        let guests = |vm: &Vm| vm.maps.iter().any(|map| map.region == region);
        self.pds.iter().any(|pd| pd.maps.iter().any(executed) || pd.vm.as_ref().is_some_and(guests))
    }

    /// The ends of channels that a protection domain has, each with the end opposite.
    pub fn ends_of(&self, pd: usize) -> impl Iterator<Item = (End, End)> {
        self.ends().filter(move |(end, _)| end.party == Party::Pd(pd))
    }

    /// The same of the guest that a protection domain manages.
    pub fn guest_ends_of(&self, manager: usize) -> impl Iterator<Item = (End, End)> {
        self.ends().filter(move |(end, _)| matches!(end.party, Party::Guest { manager: of, .. } if of == manager))
    }

    fn ends(&self) -> impl Iterator<Item = (End, End)> {
        self.channels.iter().flat_map(|[a, b]| [(*a, *b), (*b, *a)])
    }

    /// The children that a protection domain can reload.
    pub fn reloaded_by(&self, parent: usize) -> impl Iterator<Item = usize> {
        let is = move |pd: &Pd| pd.reload && pd.parent.is_some_and(|(of, _)| of == parent);
        self.pds.iter().enumerate().filter(move |(_, pd)| is(pd)).map(|(index, _)| index)
    }

    /// The name of who is at an end of a channel.
    pub fn party_name(&self, party: Party) -> &str {
        match party {
            Party::Pd(pd) => &self.pds[pd].name,
            Party::Guest { manager, .. } => self.pds[manager].vm.as_ref().map_or("", |vm| &vm.name),
        }
    }
}

/// Priority and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Priority.
    pub priority: u8,
    /// Microseconds of a period.
    pub budget_us: u64,
    /// Microseconds.
    pub period_us: u64,
}

/// A protection domain.
#[derive(Debug)]
pub struct Pd {
    /// Its name.
    pub name: String,
    /// Index of its parent, and how that calls it.
    pub parent: Option<(usize, u64)>,
    /// Its scheduling.
    pub schedule: Schedule,
    /// Runs on its callers' time after `init`.
    pub passive: bool,
    /// Bytes of stack.
    pub stack_size: u64,
    /// The core.
    pub cpu: u8,
    /// May perform SMCs.
    pub smc: bool,
    /// May use the FPU.
    pub fpu: bool,
    /// Scheduling domain.
    pub domain: Option<u8>,
    /// Its parent can reload it.
    pub reload: bool,
    /// The program.
    pub program: Program,
    /// Its address space, besides program and stack.
    pub maps: Vec<Map>,
    /// Its interrupts.
    pub irqs: Vec<Irq>,
    /// Symbols to be written.
    pub setvars: Vec<SetVar>,
    /// Capabilities of others.
    pub caps: Vec<UserCap>,
    /// Its virtual machine.
    pub vm: Option<Vm>,
}

/// The addresses of a stack of `size` bytes.
pub fn stack(size: u64) -> Range<u64> {
    STACK_TOP - size..STACK_TOP
}

/// A region in an address space.
#[derive(Debug, Clone)]
pub struct Map {
    /// Index of the region.
    pub region: usize,
    /// First address.
    pub vaddr: u64,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub execute: bool,
    /// Normal memory.
    pub cached: bool,
}

/// An interrupt.
#[derive(Debug, Clone, Copy)]
pub struct Irq {
    /// Its number.
    pub irq: u32,
    /// The protection domain's name for it.
    pub id: u64,
    /// How it signals.
    pub trigger: Trigger,
}

/// A symbol to be written.
#[derive(Debug)]
pub struct SetVar {
    /// The symbol.
    pub symbol: String,
    /// What it gets.
    pub value: SetVarValue,
}

/// What a symbol gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetVarValue {
    /// This.
    Number(u64),
    /// The physical address of the region with this index.
    Paddr(usize),
}

/// A capability of another protection domain, or of a guest.
#[derive(Debug, Clone, Copy)]
pub struct UserCap {
    /// Which of its capabilities.
    pub of: CapOf,
    /// Whose it is. A virtual CPU is named for its scheduling context only.
    pub of_whom: Party,
    /// Slot of the root CNode.
    pub slot: u32,
}

/// A virtual machine.
#[derive(Debug)]
pub struct Vm {
    /// Its name.
    pub name: String,
    /// Scheduling of its vCPUs.
    pub schedule: Schedule,
    /// Whether its time stands still while it is kept from running.
    pub virtual_time: bool,
    /// Its vCPUs.
    pub vcpus: Vec<Vcpu>,
    /// Its guest-physical address space.
    pub maps: Vec<Map>,
    /// Devices of the machine that it has.
    pub devices: Vec<Device>,
}

/// A device of the machine that a virtual machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it is, as device trees have it.
    pub compatible: String,
    /// Guest-physical address of its registers.
    pub vaddr: u64,
    /// Bytes of registers.
    pub size: u64,
    /// Its interrupt, one of its monitor's.
    pub irq: Option<u32>,
    /// Whether it reads and writes memory.
    pub dma: bool,
}

/// A virtual CPU.
#[derive(Debug, Clone, Copy)]
pub struct Vcpu {
    /// Its id.
    pub id: u64,
    /// The core.
    pub cpu: u8,
}

/// Size of the frames of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
}

impl PageSize {
    /// Both, the smaller one first.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// log2 of the size in bytes.
    pub fn bits(self) -> u8 {
        match self {
            Self::Small => SMALL_PAGE_BITS as u8,
            Self::Large => LARGE_PAGE_BITS as u8,
        }
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        1 << self.bits()
    }
}

/// A memory region.
#[derive(Debug)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Where the description says where it lies, or at least its name.
    pub span: Span,
    /// Bytes.
    pub size: u64,
    /// Size of its frames.
    pub page: PageSize,
    /// Where it lies.
    pub place: Place,
    /// What it holds at first; zeros follow.
    pub data: Vec<u8>,
}

/// Where a region lies in physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Wherever the initialiser finds room.
    Anywhere,
    /// At an address that the tool picks because a program is told it.
    Picked,
    /// At this address.
    At(u64),
}

impl Place {
    /// The address, where there is one.
    pub fn address(self) -> Option<u64> {
        match self {
            Self::At(paddr) => Some(paddr),
            Self::Anywhere | Self::Picked => None,
        }
    }
}

/// Who is at an end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The protection domain with this index.
    Pd(usize),
    /// A guest.
    Guest {
        /// Index of the protection domain that manages it.
        manager: usize,
        /// Id of the virtual CPU in whose mailbox it receives.
        vcpu: u64,
    },
}

/// One end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Who is there.
    pub party: Party,
    /// Its name for the channel; of a guest also the slot of its mailbox.
    pub id: u64,
    /// May call the other end.
    pub pp: bool,
    /// May notify the other end, and send messages if that is a guest's.
    pub notify: bool,
    /// What it sends to all, the other end gets as well.
    pub broadcast: bool,
    /// Does not learn whether its messages were taken.
    pub blind: bool,
}

/// The domain schedule.
#[derive(Debug)]
pub struct DomainSchedule {
    /// The turns.
    pub slots: Vec<DomainSlot>,
    /// The index of the first.
    pub start: u32,
}
