//! Exception syndromes: why a vCPU was left (`ESR_EL2`, Arm ARM D24.2.40).

/// A value of `ESR_EL1` or `ESR_EL2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syndrome(pub u64);

/// Exception classes (`ESR_ELx.EC`).
pub mod class {
    #![allow(missing_docs, reason = "the names are the architecture's")]
    pub const UNKNOWN: u8 = 0x00;
    pub const WFX: u8 = 0x01;
    pub const HVC64: u8 = 0x16;
    pub const SMC64: u8 = 0x17;
    pub const SYSTEM_REGISTER: u8 = 0x18;
    pub const INSTRUCTION_ABORT_LOWER: u8 = 0x20;
    pub const INSTRUCTION_ABORT_SAME: u8 = 0x21;
    pub const DATA_ABORT_LOWER: u8 = 0x24;
    pub const DATA_ABORT_SAME: u8 = 0x25;
}

/// The instruction was 32 bits long.
pub const INSTRUCTION_LENGTH: u64 = 1 << 25;

impl Syndrome {
    /// The exception class.
    pub const fn class(self) -> u8 {
        (self.0 >> 26 & 0x3f) as u8
    }

    /// The length of the instruction in bytes.
    pub const fn instruction_size(self) -> u64 {
        if self.0 & INSTRUCTION_LENGTH != 0 { 4 } else { 2 }
    }

    const fn bit(self, n: u32) -> bool {
        self.0 >> n & 1 != 0
    }

    /// The load or store that a data abort describes, if it does (`ISV`).
    pub const fn transfer(self) -> Option<Transfer> {
        if !self.bit(24) {
            return None;
        }
        Some(Transfer {
            width: 1 << (self.0 >> 22 & 3),
            sign_extend: self.bit(21),
            register: (self.0 >> 16 & 0x1f) as u8,
            wide: self.bit(15),
            write: self.is_write(),
        })
    }

    /// A data abort of a store (`WnR`).
    pub const fn is_write(self) -> bool {
        self.bit(6)
    }

    /// An abort on a stage 1 table walk (`S1PTW`).
    pub const fn is_table_walk(self) -> bool {
        self.bit(7)
    }

    /// The level of the lookup that an abort happened in (`xFSC[1:0]`).
    pub const fn level(self) -> u64 {
        self.0 & 3
    }

    /// The instruction that waits (`TI` of a trapped WFx).
    pub const fn wait(self) -> Wait {
        if self.bit(0) { Wait::Event } else { Wait::Interrupt }
    }

    /// The trapped access to a system register.
    pub fn system_access(self) -> SystemAccess {
        let field = |shift: u32, mask: u64| (self.0 >> shift & mask) as u8;
        SystemAccess {
            name: [field(20, 3), field(14, 7), field(10, 0xf), field(1, 0xf), field(17, 7)],
            register: field(5, 0x1f),
            read: self.bit(0),
        }
    }
}

/// What a trapped WFI or WFE (with or without timeout) waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// WFI, WFIT.
    Interrupt,
    /// WFE, WFET.
    Event,
}

/// A load or a store of one general-purpose register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// In bytes: 1, 2, 4 or 8.
    pub width: usize,
    /// A load of a signed value.
    pub sign_extend: bool,
    /// The register; 31 is the zero register.
    pub register: u8,
    /// The register is an X rather than a W register.
    pub wide: bool,
    /// A store.
    pub write: bool,
}

impl Transfer {
    /// What a store sends of its register.
    pub const fn stored(self, register: u64) -> u64 {
        if self.width == 8 { register } else { register & ((1 << (8 * self.width)) - 1) }
    }

    /// What a load leaves in its register.
    pub const fn loaded(self, value: u64) -> u64 {
        let unused = 64 - 8 * self.width as u32;
        let value = value << unused;
        let value = if self.sign_extend { (value as i64 >> unused) as u64 } else { value >> unused };
        if self.wide { value } else { value & 0xffff_ffff }
    }
}

/// An access to a system register by MRS or MSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemAccess {
    /// Op0, Op1, CRn, CRm, Op2.
    pub name: [u8; 5],
    /// The general-purpose register; 31 is the zero register.
    pub register: u8,
    /// MRS rather than MSR.
    pub read: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_store() {
        // str w3, [..]: EC 0x24, IL, ISV, SAS 2, SRT 3, WnR, translation fault level 3.
        let syndrome = Syndrome(0x24 << 26 | 1 << 25 | 1 << 24 | 2 << 22 | 3 << 16 | 1 << 6 | 7);
        assert_eq!(syndrome.class(), class::DATA_ABORT_LOWER);
        assert_eq!(syndrome.instruction_size(), 4);
        let transfer = Transfer { width: 4, sign_extend: false, register: 3, wide: false, write: true };
        assert_eq!(syndrome.transfer(), Some(transfer));
        assert_eq!(transfer.stored(0x1234_5678_9abc_def0), 0x9abc_def0);
    }

    #[test]
    fn an_undescribed_access() {
        assert_eq!(Syndrome(0x24 << 26 | 1 << 25 | 7).transfer(), None);
    }

    #[test]
    fn loads_extend_as_they_should() {
        let load = |width, sign_extend, wide| Transfer { width, sign_extend, register: 0, wide, write: false };
        assert_eq!(load(1, false, false).loaded(0xfff0), 0xf0);
        assert_eq!(load(1, true, false).loaded(0xf0), 0xffff_fff0);
        assert_eq!(load(1, true, true).loaded(0xf0), 0xffff_ffff_ffff_fff0);
        assert_eq!(load(4, true, true).loaded(0x8000_0000), 0xffff_ffff_8000_0000);
        assert_eq!(load(8, false, true).loaded(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_write_to_icc_sgi1r() {
        // msr icc_sgi1r_el1 (3, 0, c12, c11, 5), x7
        let iss = 3 << 20 | 5 << 17 | 12 << 10 | 7 << 5 | 11 << 1;
        let access = Syndrome(0x18 << 26 | 1 << 25 | iss).system_access();
        assert_eq!(access, SystemAccess { name: [3, 0, 12, 11, 5], register: 7, read: false });
    }

    proptest! {
        #[test]
        fn no_syndrome_is_too_strange(esr in any::<u64>(), value in any::<u64>()) {
            if let Some(transfer) = Syndrome(esr).transfer() {
                prop_assert!(transfer.register < 32);
                prop_assert_eq!(transfer.stored(transfer.loaded(value)), transfer.stored(value) & transfer.loaded(u64::MAX));
            }
        }
    }
}
