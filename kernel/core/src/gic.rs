//! The guest's side of the interrupt controller as data: list registers of both GIC versions and when a virtual interrupt
//! would be signalled (GIC architecture IHI 0069, 12.4; IHI 0048, 5.3).
//!
//! The interface to user level is GICv3's layout for both versions. `GICH_VMCR`, `GICH_HCR` and the status registers of
//! GICv2 have the same layout as GICv3's, only list registers differ.

/// A list register in the layout of `ICH_LR<n>_EL2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct ListRegister(pub u64);

/// Bits of the fields that a list register has in common between versions.
const INTID_BITS: u32 = 10;
/// Interrupts below are software-generated ones.
const SGIS: u64 = 16;

impl ListRegister {
    const PHYSICAL_SHIFT: u32 = 32;
    /// Without [`Self::HARDWARE`]: a maintenance interrupt when the guest ends the interrupt.
    pub const END_MAINTENANCE: u64 = 1 << 41;
    const PRIORITY_SHIFT: u32 = 48;
    const GROUP_SHIFT: u32 = 60;
    /// Ends the physical interrupt with the virtual one.
    pub const HARDWARE: u64 = 1 << 61;
    const STATE_SHIFT: u32 = 62;
    const PENDING: u64 = 1;

    /// A pending interrupt as `VCPU_InjectIRQ` asks for it: its end is reported. `priority` has five bits.
    pub const fn injected(intid: u64, priority: u64, group: u64) -> Self {
        Self(
            Self::PENDING << Self::STATE_SHIFT
                | group << Self::GROUP_SHIFT
                | (priority << 3) << Self::PRIORITY_SHIFT
                | Self::END_MAINTENANCE
                | intid,
        )
    }

    /// Number, priority and group alone: an interrupt of no hardware's, whose end is not reported.
    pub const fn for_software(self) -> Self {
        const FIELDS: u64 =
            ((1 << INTID_BITS) - 1) | 0xff << ListRegister::PRIORITY_SHIFT | 1 << ListRegister::GROUP_SHIFT;
        Self(self.0 & FIELDS)
    }

    /// As [`Self::for_software`], but the guest's end ends a physical interrupt, too.
    pub const fn for_hardware(self, physical: u32) -> Self {
        Self(self.for_software().0 | Self::HARDWARE | (physical as u64) << Self::PHYSICAL_SHIFT)
    }

    /// The interrupt becomes pending; it stays active if it is.
    pub const fn made_pending(self) -> Self {
        Self(self.0 | Self::PENDING << Self::STATE_SHIFT)
    }

    /// Pending (bit 0) and active (bit 1).
    pub const fn state(self) -> u64 {
        self.0 >> Self::STATE_SHIFT
    }

    /// Whether it holds no interrupt.
    pub const fn is_empty(self) -> bool {
        self.state() == 0
    }

    /// Whether its interrupt has ended and the end is to be reported (`ICH_EISR_EL2`).
    pub const fn has_ended(self) -> bool {
        self.is_empty() && self.0 & (Self::HARDWARE | Self::END_MAINTENANCE) == Self::END_MAINTENANCE
    }

    /// Whether the interrupt waits for the guest to acknowledge it.
    pub const fn is_pending(self) -> bool {
        self.state() & Self::PENDING != 0
    }

    /// The physical interrupt that is ended with it, if there is one.
    pub const fn physical(self) -> Option<u32> {
        if self.0 & Self::HARDWARE == 0 { None } else { Some((self.0 >> Self::PHYSICAL_SHIFT & 0x1fff) as u32) }
    }

    const fn priority(self) -> u64 {
        self.0 >> Self::PRIORITY_SHIFT & 0xff
    }

    const fn group(self) -> u64 {
        self.0 >> Self::GROUP_SHIFT & 1
    }

    /// In the layout of `GICH_LR<n>`: ten bits of numbers, the upper five of the priority. The physical number of a
    /// software-generated interrupt that is not hardware's is its source processor.
    pub const fn to_v2(self) -> u32 {
        const MASK: u64 = (1 << INTID_BITS) - 1;
        let intid = self.0 & MASK;
        let physical = self.0 >> Self::PHYSICAL_SHIFT & MASK;
        let middle = if self.0 & Self::HARDWARE != 0 {
            physical
        } else {
            let source = if intid < SGIS { physical & 7 } else { 0 };
            if self.0 & Self::END_MAINTENANCE != 0 { source | v2::END_MAINTENANCE } else { source }
        };
        let hardware = self.0 >> 61 & 1;
        let word = intid
            | middle << v2::MIDDLE_SHIFT
            | (self.priority() >> 3) << v2::PRIORITY_SHIFT
            | self.state() << v2::STATE_SHIFT
            | self.group() << v2::GROUP_SHIFT
            | hardware << v2::HARDWARE_SHIFT;
        word as u32
    }

    /// From the layout of `GICH_LR<n>`.
    pub const fn from_v2(word: u32) -> Self {
        const MASK: u64 = (1 << INTID_BITS) - 1;
        let word = word as u64;
        let middle = word >> v2::MIDDLE_SHIFT & MASK;
        let hardware = word >> v2::HARDWARE_SHIFT & 1;
        let physical = if hardware != 0 {
            middle << Self::PHYSICAL_SHIFT
        } else {
            let end = if middle & v2::END_MAINTENANCE != 0 { Self::END_MAINTENANCE } else { 0 };
            (middle & 7) << Self::PHYSICAL_SHIFT | end
        };
        Self(
            word & MASK
                | physical
                | (word >> v2::PRIORITY_SHIFT & 0x1f) << 3 << Self::PRIORITY_SHIFT
                | (word >> v2::GROUP_SHIFT & 1) << Self::GROUP_SHIFT
                | hardware << 61
                | (word >> v2::STATE_SHIFT & 3) << Self::STATE_SHIFT,
        )
    }
}

/// Fields of `GICH_LR<n>`.
mod v2 {
    /// Physical number, or source processor and [`END_MAINTENANCE`].
    pub const MIDDLE_SHIFT: u32 = 10;
    pub const END_MAINTENANCE: u64 = 1 << 9;
    pub const PRIORITY_SHIFT: u32 = 23;
    pub const STATE_SHIFT: u32 = 28;
    pub const GROUP_SHIFT: u32 = 30;
    pub const HARDWARE_SHIFT: u32 = 31;
}

/// Whether one of the list registers would be signalled to the guest: it is pending, its group is enabled and its
/// priority passes the mask in `vmcr` (`ICH_VMCR_EL2`). Active priorities are not looked at, so the answer may be yes
/// while the guest still handles an interrupt of the same priority; a guest does not sleep in a handler.
pub fn would_signal(registers: impl IntoIterator<Item = ListRegister>, vmcr: u64) -> bool {
    let mask = vmcr >> 24 & 0xff;
    registers.into_iter().any(|lr| lr.is_pending() && vmcr >> lr.group() & 1 != 0 && lr.priority() < mask)
}

/// `ICH_VTR_EL2` or `GICH_VTR`: what the guest's side is capable of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Number of list registers.
    pub list_registers: u32,
    /// Bits of priority.
    pub priority_bits: u32,
    /// Bits of preemption, which say how many active-priorities registers there are.
    pub preemption_bits: u32,
}

impl Capabilities {
    /// Reads the register. GICv2 has six bits for the number of list registers, GICv3 five.
    pub fn from_vtr(vtr: u64) -> Self {
        let field = |shift: u32| (vtr >> shift & 7) as u32 + 1;
        Self { list_registers: (vtr & 0x3f) as u32 + 1, priority_bits: field(29), preemption_bits: field(26) }
    }

    /// Number of active-priorities registers of each group.
    pub const fn active_priority_registers(self) -> usize {
        match self.preemption_bits {
            7 => 4,
            6 => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn version_two_holds_all_that_it_has_fields_for(word: u32) {
            // Bits 22:20 are reserved. Without the hardware bit, of the middle only the end bit and, for SGIs, the source
            // are defined.
            let word = word & !(7 << 20);
            let defined = if word >> 31 != 0 {
                word
            } else if word & 0x3ff < 16 {
                word & !(0x3f << 13)
            } else {
                word & !(0x1ff << 10)
            };
            prop_assert_eq!(ListRegister::from_v2(defined).to_v2(), defined);
        }

        #[test]
        fn state_and_group_are_the_same_in_both(bits: u64) {
            let lr = ListRegister(bits);
            let back = ListRegister::from_v2(lr.to_v2());
            prop_assert_eq!(back.state(), lr.state());
            prop_assert_eq!(back.group(), lr.group());
            prop_assert_eq!(back.priority(), lr.priority() & 0xf8);
        }
    }

    #[test]
    fn the_encodings_are_the_architectures() {
        let timer = ListRegister::injected(27, 0, 1);
        assert_eq!(timer.0, 0x5000_0200_0000_001b);
        assert_eq!(timer.to_v2(), 0x5008_001b);
        let linked = ListRegister(ListRegister::HARDWARE | 1 << 62 | 27 << 32 | 27);
        assert_eq!(linked.to_v2(), 1 << 31 | 1 << 28 | 27 << 10 | 27);
        assert_eq!(linked.physical(), Some(27));
        assert_eq!(timer.physical(), None);
    }

    #[test]
    fn only_what_is_enabled_and_passes_the_mask_is_signalled() {
        let lr = ListRegister::injected(40, 10, 1);
        let vmcr = |mask: u64, groups: u64| mask << 24 | groups;
        assert!(would_signal([lr], vmcr(0xff, 2)));
        assert!(!would_signal([lr], vmcr(0xff, 1)));
        assert!(!would_signal([lr], vmcr(80, 2)));
        assert!(would_signal([lr], vmcr(81, 2)));
        let active = ListRegister(lr.0 & !(3 << 62) | 2 << 62);
        assert!(!would_signal([active, ListRegister::default()], vmcr(0xff, 3)));
    }

    #[test]
    fn capabilities_are_read() {
        let vtr = 4 << 29 | 4 << 26 | 3;
        let expected = Capabilities { list_registers: 4, priority_bits: 5, preemption_bits: 5 };
        assert_eq!(Capabilities::from_vtr(vtr), expected);
        assert_eq!(expected.active_priority_registers(), 1);
        assert_eq!(Capabilities { preemption_bits: 7, ..expected }.active_priority_registers(), 4);
    }
}
