//! What a description says, before it is checked. A value that is missing or malformed has been reported and is `None`.

use crate::diagnostic::{Span, Spanned};

/// A number that was given, or not.
pub type Number = Option<Spanned<u64>>;
/// A name or path that was given, or not.
pub type Text = Option<Spanned<String>>;

/// The whole description.
#[derive(Debug, Default)]
pub struct RawSystem {
    /// All protection domains: each one's children follow it directly.
    pub pds: Vec<RawPd>,
    /// Memory regions.
    pub regions: Vec<RawRegion>,
    /// Channels.
    pub channels: Vec<RawChannel>,
    /// Scheduling domains.
    pub domains: Option<RawDomains>,
}

impl RawSystem {
    /// The children that a protection domain is to reload.
    pub fn reloaded_by(&self, parent: usize) -> impl Iterator<Item = &RawPd> {
        self.pds.iter().filter(move |pd| pd.reload.value && pd.parent == Some(parent))
    }
}

/// How much time a thread gets.
#[derive(Debug, Clone)]
pub struct RawSchedule {
    /// Priority.
    pub priority: Number,
    /// Microseconds of a period.
    pub budget: Number,
    /// Microseconds.
    pub period: Number,
}

/// A `protection_domain`.
#[derive(Debug)]
pub struct RawPd {
    /// The element's name.
    pub span: Span,
    /// Its name.
    pub name: Text,
    /// Index of the parent.
    pub parent: Option<usize>,
    /// How the parent calls it.
    pub child_id: Number,
    /// Its scheduling.
    pub schedule: RawSchedule,
    /// Runs on its callers' time after `init`.
    pub passive: bool,
    /// Bytes of stack.
    pub stack_size: Number,
    /// The core.
    pub cpu: Number,
    /// May perform SMCs.
    pub smc: bool,
    /// May use the FPU.
    pub fpu: bool,
    /// Scheduling domain.
    pub domain: Text,
    /// The parent can reload it; the span is that of the attribute.
    pub reload: Spanned<bool>,
    /// Path of the program.
    pub image: Text,
    /// Path of the ELF file whose symbols are used instead.
    pub image_for_symbols: Text,
    /// Its address space.
    pub maps: Vec<RawMap>,
    /// Its interrupts.
    pub irqs: Vec<RawIrq>,
    /// Symbols to be written, also those that children, vCPUs and channels name.
    pub setvars: Vec<RawSetVar>,
    /// Capabilities of others.
    pub caps: Vec<RawCap>,
    /// Its virtual machine.
    pub vm: Option<RawVm>,
}

/// A `map`.
#[derive(Debug, Clone)]
pub struct RawMap {
    /// The element's name.
    pub span: Span,
    /// The region's name.
    pub region: Text,
    /// First address.
    pub vaddr: Number,
    /// What is allowed.
    pub perms: Option<Spanned<Perms>>,
    /// Normal memory.
    pub cached: bool,
}

/// Rights of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Perms {
    /// Read.
    pub read: bool,
    /// Write.
    pub write: bool,
    /// Fetch instructions.
    pub execute: bool,
}

/// An `irq`.
#[derive(Debug)]
pub struct RawIrq {
    /// The interrupt's number.
    pub irq: Number,
    /// The protection domain's name for it.
    pub id: Number,
    /// Edge-triggered rather than level-triggered.
    pub edge: bool,
}

/// A symbol that gets a value.
#[derive(Debug)]
pub struct RawSetVar {
    /// The symbol.
    pub symbol: Spanned<String>,
    /// The value.
    pub value: RawSetVarValue,
}

/// What a symbol gets.
#[derive(Debug)]
pub enum RawSetVarValue {
    /// A number that stands in the description.
    Number(Number),
    /// The size of a region.
    Size(Text),
    /// The length of a region's data.
    PrefillSize(Text),
    /// The physical address of a region.
    Paddr(Text),
}

/// What a `cap_…` element gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapOf {
    /// The TCB.
    Tcb,
    /// The scheduling context.
    SchedContext,
    /// The address space.
    VSpace,
}

/// A `cap_…` element.
#[derive(Debug)]
pub struct RawCap {
    /// What it gives.
    pub of: CapOf,
    /// Whose.
    pub of_whom: RawParty,
    /// Slot of the root CNode.
    pub slot: Number,
}

/// A `virtual_machine`.
#[derive(Debug)]
pub struct RawVm {
    /// Its name.
    pub name: Text,
    /// Scheduling of its vCPUs.
    pub schedule: RawSchedule,
    /// Whether its time stands still while it is kept from running; the span is that of the attribute.
    pub virtual_time: Spanned<bool>,
    /// Its vCPUs.
    pub vcpus: Vec<RawVcpu>,
    /// Its guest-physical address space.
    pub maps: Vec<RawMap>,
    /// Devices of the machine that it has.
    pub devices: Vec<RawDevice>,
}

/// A `device` of a virtual machine.
#[derive(Debug)]
pub struct RawDevice {
    /// The element's name.
    pub span: Span,
    /// What it is, as device trees have it.
    pub compatible: Text,
    /// Guest-physical address of its registers.
    pub vaddr: Number,
    /// Bytes of registers, if not all that are mapped there.
    pub size: Number,
    /// Its interrupt, if it has one.
    pub irq: Number,
    /// Whether it reads and writes memory, if that is said.
    pub dma: Option<bool>,
}

/// A `vcpu`.
#[derive(Debug)]
pub struct RawVcpu {
    /// Its id.
    pub id: Number,
    /// The core, if not that of the protection domain.
    pub cpu: Number,
}

/// A `memory_region`.
#[derive(Debug)]
pub struct RawRegion {
    /// The element's name.
    pub span: Span,
    /// Its name.
    pub name: Text,
    /// Bytes.
    pub size: Number,
    /// There is a size, though perhaps a malformed one.
    pub has_size: bool,
    /// Bytes of a page.
    pub page_size: Number,
    /// Physical address.
    pub phys_addr: Number,
    /// Path of its data.
    pub prefill: Text,
}

/// A `channel`.
#[derive(Debug)]
pub struct RawChannel {
    /// Its ends; other than two have been reported.
    pub ends: Vec<RawEnd>,
}

/// A protection domain or one virtual CPU of a virtual machine, as an element names it.
#[derive(Debug)]
pub struct RawParty {
    /// The element's name.
    pub span: Span,
    /// The protection domain, or
    pub pd: Text,
    /// the virtual machine.
    pub vm: Text,
    /// The id of the virtual machine's virtual CPU, if not the first.
    pub vcpu: Number,
}

/// An `end` of a channel.
#[derive(Debug)]
pub struct RawEnd {
    /// The element's name.
    pub span: Span,
    /// Whose it is.
    pub party: RawParty,
    /// The protection domain's or virtual machine's name for the channel.
    pub id: Number,
    /// May call the other end; the span is that of the attribute.
    pub pp: Spanned<bool>,
    /// May notify the other end.
    pub notify: bool,
    /// Its broadcasts go to the other end, too; the span is that of the attribute.
    pub broadcast: Spanned<bool>,
    /// Does not learn whether a message was taken.
    pub blind: Spanned<bool>,
}

/// The `domains`.
#[derive(Debug)]
pub struct RawDomains {
    /// The element's name.
    pub span: Span,
    /// Names, and numbers if given.
    pub names: Vec<(Text, Number)>,
    /// The turns.
    pub entries: Vec<RawTurn>,
    /// Where the schedule starts.
    pub start: Number,
    /// Where it stands in the kernel's.
    pub shift: Number,
}

/// A place in the domain schedule.
#[derive(Debug)]
pub enum RawTurn {
    /// A domain's turn.
    Entry {
        /// The domain's name.
        domain: Text,
        /// How long.
        duration: Option<Spanned<RawDuration>>,
    },
    /// The end of a schedule.
    End,
}

/// How long a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawDuration {
    /// Microseconds.
    Micros(u64),
    /// Ticks of the system counter.
    Ticks(u64),
}
