//! Capabilities: as the kernel's code sees them ([`Cap`]) and as the two words that a slot holds ([`RawCap`]).
//!
//! Word 0 holds the tag (bits 63:59), eleven bits of the type's own (58:48) and the object's address (47:0); word 1 is
//! the type's own. Packing and unpacking are inverse; a property test below says so for every type.

use core::num::NonZero;
use sel4_abi::message::{CNodeCapData, CapRights};
use sel4_abi::object::{MAX_UNTYPED_BITS, MIN_UNTYPED_BITS};
use sel4_abi::quoll::port;

/// The address of a kernel object or frame, as a capability names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addr(u64);

impl Addr {
    /// Where nothing is.
    pub const NONE: Self = Self(0);
    /// Bits of an address that a capability can hold.
    pub const BITS: u32 = 48;

    /// The address, cut to [`Addr::BITS`] bits.
    pub const fn new(addr: u64) -> Self {
        Self(addr & MASK_ADDR)
    }

    /// As a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Where a frame or table is mapped: the address space's ASID (bits 63:48), the virtual address (47:12), and a bit that is
/// always set. A slot holds it in this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping(NonZero<u64>);

impl Mapping {
    /// At a virtual address, which is cut to 48 bits and to pages.
    pub const fn new(asid: u16, vaddr: u64) -> Self {
        Self(NonZero::<u64>::MIN.saturating_add((asid as u64) << 48 | vaddr & MASK_ADDR & !0xfff))
    }

    /// The address space.
    pub const fn asid(self) -> u16 {
        (self.0.get() >> 48) as u16
    }

    /// The virtual address, 4 KiB aligned.
    pub const fn vaddr(self) -> u64 {
        self.0.get() & MASK_ADDR & !0xfff
    }

    const fn word(this: Option<Self>) -> u64 {
        match this {
            Some(Self(word)) => word.get(),
            None => 0,
        }
    }

    const fn from_word(word: u64) -> Option<Self> {
        match NonZero::new(word) {
            Some(word) => Some(Self(word)),
            None => None,
        }
    }
}

/// Size of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameSize {
    /// 4 KiB.
    Small = 0,
    /// 2 MiB.
    Large = 1,
    /// 1 GiB.
    Huge = 2,
}

impl FrameSize {
    /// log2 of the size in bytes.
    pub const fn bits(self) -> u32 {
        12 + 9 * self as u32
    }

    const fn from_bits(bits: u64) -> Self {
        match bits {
            0 => Self::Small,
            1 => Self::Large,
            _ => Self::Huge,
        }
    }
}

/// A capability. The fields are in an order that leaves no gaps behind a variant's number of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Cap {
    /// An empty slot.
    Null,
    /// Memory from which objects are made.
    Untyped {
        /// log2 of the size.
        size_bits: u32,
        /// Start.
        addr: Addr,
        /// Offset of the first free byte, a multiple of 16.
        free: u64,
        /// Chunks of [`CLEAR_CHUNK`] bytes from there on that an interrupted retype has cleared already.
        cleared: u32,
        /// Device memory: no kernel objects, never cleared.
        device: bool,
    },
    /// Synchronous messages.
    Endpoint {
        /// The object.
        addr: Addr,
        /// What the receiver learns about the capability that was used; 0 is none.
        badge: u64,
        /// What the holder may do.
        rights: CapRights,
    },
    /// Asynchronous signals.
    Notification {
        /// The object.
        addr: Addr,
        /// Bits that a signal sets.
        badge: u64,
        /// Read is to wait, write to signal.
        rights: CapRights,
    },
    /// A way to answer a call.
    Reply {
        /// The object.
        addr: Addr,
        /// Whether the answer may carry capabilities.
        grant: bool,
    },
    /// A table of slots.
    CNode {
        /// log2 of the number of slots.
        radix: u32,
        /// The first slot.
        addr: Addr,
        /// Guard.
        guard: CNodeCapData,
    },
    /// A thread.
    Thread {
        /// The TCB.
        addr: Addr,
    },
    /// Time.
    SchedContext {
        /// The object.
        addr: Addr,
        /// log2 of its size.
        size_bits: u32,
    },
    /// The right to set parameters of scheduling contexts on a core.
    SchedControl {
        /// The core.
        core: u32,
    },
    /// The right to make interrupt handlers.
    IrqControl,
    /// One interrupt.
    IrqHandler {
        /// Its number.
        irq: u32,
    },
    /// The right to send a software-generated interrupt.
    SgiSignal {
        /// The interrupt, 0 to 15.
        irq: u32,
        /// The target core.
        target: u32,
    },
    /// The right to set domains.
    Domain,
    /// The right to make ASID pools.
    AsidControl,
    /// Room for address spaces.
    AsidPool {
        /// The object.
        addr: Addr,
        /// The pool's first ASID.
        base: u16,
    },
    /// The root of an address space.
    VSpace {
        /// The top-level table.
        addr: Addr,
        /// The ASID that it was assigned.
        asid: Option<u16>,
    },
    /// A translation table below the root.
    PageTable {
        /// The table.
        addr: Addr,
        /// Where it is mapped.
        mapping: Option<Mapping>,
    },
    /// Memory that can be mapped.
    Frame {
        /// Size.
        size: FrameSize,
        /// Read and write rights.
        rights: CapRights,
        /// Device memory.
        device: bool,
        /// Physical address.
        addr: Addr,
        /// Where it is mapped.
        mapping: Option<Mapping>,
    },
    /// A virtual CPU, or a port to its mailbox.
    VCpu {
        /// The object.
        addr: Addr,
        /// What a port may do ([`sel4_abi::quoll::port`]); 0 is the virtual CPU itself.
        port: u64,
    },
    /// The right to call the secure monitor.
    Smc {
        /// The only function id that may be called; 0 is any.
        badge: u64,
    },
    /// What is left of the last capability of a CNode or thread while its slots are emptied.
    Zombie(Zombie),
}

// Copied in registers, not by a function for large blocks.
const _: () = assert!(size_of::<Cap>() <= 4 * size_of::<u64>());

impl Cap {
    /// Whether it is none.
    #[inline(always)]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// A container of capabilities that is being emptied, from the last slot to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zombie {
    /// The container's first slot.
    pub slots: Addr,
    /// The slot to empty next.
    pub next: u32,
    /// The slot of the zombie whose container holds this one's slot, if that is being emptied too; else 0.
    pub parent: Addr,
}

/// Tag of a capability: the variant of [`Cap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "named as the variants of Cap")]
pub enum Tag {
    Null = 0,
    Untyped = 1,
    Endpoint = 2,
    Notification = 3,
    Reply = 4,
    CNode = 5,
    Thread = 6,
    SchedContext = 7,
    SchedControl = 8,
    IrqControl = 9,
    IrqHandler = 10,
    SgiSignal = 11,
    Domain = 12,
    AsidControl = 13,
    AsidPool = 14,
    VSpace = 15,
    PageTable = 16,
    Frame = 17,
    VCpu = 18,
    Smc = 19,
    Zombie = 20,
}

/// A capability as a slot holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RawCap {
    /// Tag, the type's own bits, address.
    pub w0: u64,
    /// The type's own.
    pub w1: u64,
}

const MASK_ADDR: u64 = (1 << Addr::BITS) - 1;
const TAG_SHIFT: u32 = 59;
/// A frame's own bits: its size (1:0), its rights, whether it is device memory.
const FRAME_RIGHTS_SHIFT: u32 = 2;
const FRAME_DEVICE: u64 = 1 << 6;
/// Memory is cleared in chunks of so many bytes, and interrupts are looked for in between.
pub const CLEAR_CHUNK: u64 = 1 << 18;
/// Most chunks that [`Cap::Untyped`] can count.
pub const MAX_CLEARED: u32 = (1 << (u64::BITS - CLEARED_SHIFT)) - 1;
/// Where the cleared chunks stand in word 1: behind the free offset, in units of the smallest object.
const CLEARED_SHIFT: u32 = MAX_UNTYPED_BITS - MIN_UNTYPED_BITS + 1;
const OWN_MASK: u64 = (1 << (TAG_SHIFT - Addr::BITS)) - 1;
/// Bits of a slot's address that carry information above its alignment.
const SLOT_SHIFT: u32 = sel4_abi::object::SLOT_BITS;
/// Bits of `Zombie::next` that stand in word 1, behind the parent.
const NEXT_LOW_BITS: u32 = SLOT_SHIFT + 16;

const fn word0(tag: Tag, own: u64, addr: Addr) -> u64 {
    (tag as u64) << TAG_SHIFT | (own & OWN_MASK) << Addr::BITS | addr.0
}

impl RawCap {
    /// The empty slot's.
    pub const NULL: Self = Self { w0: 0, w1: 0 };

    /// The tag's number.
    #[inline(always)]
    pub const fn tag_bits(self) -> u8 {
        (self.w0 >> TAG_SHIFT) as u8
    }

    /// Whether the capability is of this type.
    #[inline(always)]
    pub const fn is(self, tag: Tag) -> bool {
        self.tag_bits() == tag as u8
    }

    /// The object's address, of a type that has one.
    #[inline(always)]
    pub const fn addr(self) -> Addr {
        Addr(self.w0 & MASK_ADDR)
    }

    /// The fields of a CNode's capability: address, radix, guard.
    #[inline(always)]
    pub const fn as_cnode(self) -> Option<(Addr, u32, CNodeCapData)> {
        if !self.is(Tag::CNode) {
            return None;
        }
        Some((self.addr(), self.own() as u32 & 0x3f, CNodeCapData::from_word(self.w1)))
    }

    /// The fields of an endpoint's or notification's capability, whichever was asked for: address, badge, rights.
    #[inline(always)]
    pub const fn as_channel(self, tag: Tag) -> Option<(Addr, u64, CapRights)> {
        if !self.is(tag) {
            return None;
        }
        Some((self.addr(), self.w1, CapRights::from_word(self.own())))
    }

    /// The fields of a port's capability: the virtual CPU, what the port may do.
    #[inline(always)]
    pub const fn as_port(self) -> Option<(Addr, u64)> {
        if self.is(Tag::VCpu) && self.w1 != 0 { Some((self.addr(), self.w1)) } else { None }
    }

    /// The fields of a reply object's capability: address, grant right.
    #[inline(always)]
    pub const fn as_reply(self) -> Option<(Addr, bool)> {
        if self.is(Tag::Reply) { Some((self.addr(), self.own() & 1 != 0)) } else { None }
    }

    #[inline(always)]
    const fn own(self) -> u64 {
        self.w0 >> Addr::BITS & OWN_MASK
    }

    /// Address and size of the memory that a frame's holder may read and write; `None` for device memory and all else. What
    /// [`RawCap::unpack`] would tell, for the kernel's most frequent question: where a thread's buffer is.
    #[inline(always)]
    pub const fn shared_memory(self) -> Option<(Addr, FrameSize)> {
        const READ_AND_WRITE: u64 = 3 << FRAME_RIGHTS_SHIFT;
        let own = self.own();
        if self.is(Tag::Frame) && own & (READ_AND_WRITE | FRAME_DEVICE) == READ_AND_WRITE {
            Some((self.addr(), FrameSize::from_bits(own & 3)))
        } else {
            None
        }
    }

    /// Packs a capability.
    #[inline]
    pub const fn pack(cap: Cap) -> Self {
        let (w0, w1) = match cap {
            Cap::Null => (0, 0),
            Cap::Untyped { addr, size_bits, device, free, cleared } => {
                let own = device as u64 | (size_bits as u64) << 1;
                (word0(Tag::Untyped, own, addr), free >> MIN_UNTYPED_BITS | (cleared as u64) << CLEARED_SHIFT)
            }
            Cap::Endpoint { addr, badge, rights } => (word0(Tag::Endpoint, rights.to_word(), addr), badge),
            Cap::Notification { addr, badge, rights } => (word0(Tag::Notification, rights.to_word(), addr), badge),
            Cap::Reply { addr, grant } => (word0(Tag::Reply, grant as u64, addr), 0),
            Cap::CNode { addr, radix, guard } => (word0(Tag::CNode, radix as u64, addr), guard.to_word()),
            Cap::Thread { addr } => (word0(Tag::Thread, 0, addr), 0),
            Cap::SchedContext { addr, size_bits } => (word0(Tag::SchedContext, size_bits as u64, addr), 0),
            Cap::SchedControl { core } => (word0(Tag::SchedControl, 0, Addr(0)), core as u64),
            Cap::IrqControl => (word0(Tag::IrqControl, 0, Addr(0)), 0),
            Cap::IrqHandler { irq } => (word0(Tag::IrqHandler, 0, Addr(0)), irq as u64),
            Cap::SgiSignal { irq, target } => (word0(Tag::SgiSignal, irq as u64, Addr(0)), target as u64),
            Cap::Domain => (word0(Tag::Domain, 0, Addr(0)), 0),
            Cap::AsidControl => (word0(Tag::AsidControl, 0, Addr(0)), 0),
            Cap::AsidPool { addr, base } => (word0(Tag::AsidPool, 0, addr), base as u64),
            Cap::VSpace { addr, asid: Some(asid) } => (word0(Tag::VSpace, 1, addr), asid as u64),
            Cap::VSpace { addr, asid: None } => (word0(Tag::VSpace, 0, addr), 0),
            Cap::PageTable { addr, mapping } => (word0(Tag::PageTable, 0, addr), Mapping::word(mapping)),
            Cap::Frame { addr, size, rights, device, mapping } => {
                let device = if device { FRAME_DEVICE } else { 0 };
                let own = size as u64 | rights.to_word() << FRAME_RIGHTS_SHIFT | device;
                (word0(Tag::Frame, own, addr), Mapping::word(mapping))
            }
            Cap::VCpu { addr, port } => (word0(Tag::VCpu, 0, addr), port),
            Cap::Smc { badge } => (word0(Tag::Smc, 0, Addr(0)), badge),
            Cap::Zombie(zombie) => pack_zombie(zombie),
        };
        Self { w0, w1 }
    }

    /// Unpacks a capability.
    #[inline]
    pub const fn unpack(self) -> Cap {
        let (addr, own, w1) = (self.addr(), self.own(), self.w1);
        match self.tag_bits() {
            1 => Cap::Untyped {
                addr,
                size_bits: (own >> 1) as u32 & 0x3f,
                device: own & 1 != 0,
                free: (w1 & low_mask(CLEARED_SHIFT)) << MIN_UNTYPED_BITS,
                cleared: (w1 >> CLEARED_SHIFT) as u32,
            },
            2 => Cap::Endpoint { addr, badge: w1, rights: CapRights::from_word(own) },
            3 => Cap::Notification { addr, badge: w1, rights: CapRights::from_word(own) },
            4 => Cap::Reply { addr, grant: own & 1 != 0 },
            5 => Cap::CNode { addr, radix: own as u32 & 0x3f, guard: CNodeCapData::from_word(w1) },
            6 => Cap::Thread { addr },
            7 => Cap::SchedContext { addr, size_bits: own as u32 & 0x3f },
            8 => Cap::SchedControl { core: w1 as u32 },
            9 => Cap::IrqControl,
            10 => Cap::IrqHandler { irq: w1 as u32 },
            11 => Cap::SgiSignal { irq: own as u32, target: w1 as u32 },
            12 => Cap::Domain,
            13 => Cap::AsidControl,
            14 => Cap::AsidPool { addr, base: w1 as u16 },
            15 => Cap::VSpace { addr, asid: if own & 1 != 0 { Some(w1 as u16) } else { None } },
            16 => Cap::PageTable { addr, mapping: Mapping::from_word(w1) },
            17 => Cap::Frame {
                addr,
                size: FrameSize::from_bits(own & 3),
                rights: CapRights::from_word(own >> FRAME_RIGHTS_SHIFT),
                device: own & FRAME_DEVICE != 0,
                mapping: Mapping::from_word(w1),
            },
            18 => Cap::VCpu { addr, port: w1 },
            19 => Cap::Smc { badge: w1 },
            20 => unpack_zombie(self),
            _ => Cap::Null,
        }
    }
}

const fn pack_zombie(zombie: Zombie) -> (u64, u64) {
    let parent = zombie.parent.0 >> SLOT_SHIFT;
    let next = zombie.next as u64;
    let low = next & ((1 << NEXT_LOW_BITS) - 1);
    (word0(Tag::Zombie, next >> NEXT_LOW_BITS, zombie.slots), parent << NEXT_LOW_BITS | low)
}

const fn unpack_zombie(raw: RawCap) -> Cap {
    let low = raw.w1 & ((1 << NEXT_LOW_BITS) - 1);
    Cap::Zombie(Zombie {
        slots: raw.addr(),
        next: (raw.own() << NEXT_LOW_BITS | low) as u32,
        parent: Addr(raw.w1 >> NEXT_LOW_BITS << SLOT_SHIFT),
    })
}

/// Largest radix of a CNode: the number of a slot must fit [`Zombie::next`].
pub const MAX_RADIX: u32 = 32;

impl Cap {
    /// The capability that a holder may copy with fewer rights. Types without rights come back as they are.
    pub fn with_rights(self, mask: CapRights) -> Self {
        match self {
            Self::Endpoint { addr, badge, rights } => Self::Endpoint { addr, badge, rights: rights.and(mask) },
            Self::Notification { addr, badge, rights } => Self::Notification { addr, badge, rights: rights.and(mask) },
            Self::Reply { addr, grant } => Self::Reply { addr, grant: grant && mask.grant },
            Self::Frame { addr, size, rights, device, mapping } => {
                Self::Frame { addr, size, rights: rights.and(mask), device, mapping }
            }
            other => other,
        }
    }

    /// The capability with new data: the badge of an endpoint, notification or SMC that has none yet, the guard of a
    /// CNode. `None` when the type or its badge does not allow it. `preserve` is a mutation in place, which keeps badges.
    pub fn with_data(self, data: u64, preserve: bool) -> Option<Self> {
        match self {
            Self::Endpoint { addr, badge: 0, rights } if !preserve => {
                Some(Self::Endpoint { addr, badge: data, rights })
            }
            Self::Notification { addr, badge: 0, rights } if !preserve => {
                Some(Self::Notification { addr, badge: data, rights })
            }
            Self::Smc { badge: 0 } if !preserve => Some(Self::Smc { badge: data }),
            Self::Endpoint { .. } | Self::Notification { .. } | Self::Smc { .. } => None,
            // Other data means nothing for a virtual CPU, as in seL4.
            Self::VCpu { addr, port: 0 } if !preserve && data & port::PORT != 0 => {
                Some(Self::VCpu { addr, port: data })
            }
            Self::CNode { addr, radix, .. } => {
                let CNodeCapData { guard, guard_size } = CNodeCapData::from_word(data);
                if guard_size + radix > u64::BITS {
                    return None;
                }
                let guard = guard & low_mask(guard_size);
                Some(Self::CNode { addr, radix, guard: CNodeCapData { guard, guard_size } })
            }
            other => Some(other),
        }
    }
}

/// The `bits` low bits set; all for 64.
pub const fn low_mask(bits: u32) -> u64 {
    if bits >= u64::BITS { u64::MAX } else { (1 << bits) - 1 }
}

#[cfg(test)]
pub(crate) mod tests;
