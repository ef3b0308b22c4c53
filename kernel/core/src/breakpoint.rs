//! Hardware breakpoints and watchpoints as a thread has them (debug configuration; seL4 manual, section 6.2.4), and as
//! the processor's registers hold them (ARM ARM, D24.3: `DBGBCR<n>_EL1`, `DBGWCR<n>_EL1`).

use crate::cap::low_mask;
use sel4_abi::config::{NUM_BREAKPOINTS, NUM_WATCHPOINTS};
use sel4_abi::object::USER_TOP;

/// Breakpoints and watchpoints are numbered in one row, the breakpoints first.
pub const COUNT: usize = NUM_BREAKPOINTS + NUM_WATCHPOINTS;

/// What triggers it (`seL4_BreakpointType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Kind {
    /// An access to data.
    Data = 0,
    /// The execution of an instruction.
    Instruction = 1,
}

/// Which accesses trigger it (`seL4_BreakpointAccess`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Access {
    /// Loads.
    Read = 0,
    /// Stores.
    Write = 1,
    /// Both.
    ReadWrite = 2,
}

/// A breakpoint or watchpoint that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    /// The first address that triggers it.
    pub vaddr: u64,
    /// Bytes that are watched; 0 of a breakpoint.
    pub size: u64,
    /// Which accesses; [`Access::Read`] of a breakpoint.
    pub access: Access,
    /// What triggers it.
    pub kind: Kind,
}

/// Why a breakpoint cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The argument of this number: 0 the breakpoint's number, 1 address, 2 type, 3 size, 4 access.
    Argument(u64),
    /// The address is not a multiple of the size, or of an instruction.
    Alignment,
}

/// Bytes of an instruction.
const INSTRUCTION: u64 = 4;
/// Bytes that one watchpoint register covers.
const WATCHED: u64 = 8;

/// The kind of the breakpoint with this number.
pub const fn kind_of(number: usize) -> Kind {
    if number < NUM_BREAKPOINTS { Kind::Instruction } else { Kind::Data }
}

impl Breakpoint {
    /// A breakpoint from the arguments of `TCB_SetBreakpoint` behind its number, which is below [`COUNT`].
    pub const fn decode(number: usize, vaddr: u64, kind: u64, size: u64, access: u64) -> Result<Self, Refusal> {
        let kind = match (kind, kind_of(number)) {
            (0, Kind::Data) => Kind::Data,
            (1, Kind::Instruction) => Kind::Instruction,
            (0 | 1, _) => return Err(Refusal::Argument(0)),
            _ => return Err(Refusal::Argument(2)),
        };
        if vaddr > USER_TOP {
            return Err(Refusal::Argument(1));
        }
        let access = match access {
            0 => Access::Read,
            1 => Access::Write,
            2 => Access::ReadWrite,
            _ => return Err(Refusal::Argument(4)),
        };
        let granule = match (kind, size, access) {
            (Kind::Data, 1 | 2 | 4 | WATCHED, _) => size,
            (Kind::Instruction, 0, Access::Read) => INSTRUCTION,
            (Kind::Instruction, 0, _) => return Err(Refusal::Argument(4)),
            _ => return Err(Refusal::Argument(3)),
        };
        if !vaddr.is_multiple_of(granule) {
            return Err(Refusal::Alignment);
        }
        Ok(Self { vaddr, size, access, kind })
    }

    /// Value register: the address, of a watchpoint that of its doubleword.
    pub const fn value(self) -> u64 {
        match self.kind {
            Kind::Instruction => self.vaddr,
            Kind::Data => self.vaddr & !(WATCHED - 1),
        }
    }

    /// Control register: enabled, for EL0 alone.
    pub const fn control(self) -> u64 {
        const ENABLE: u64 = 1;
        const EL0: u64 = 2 << 1;
        const BYTES_SHIFT: u32 = 5;
        match self.kind {
            Kind::Instruction => ENABLE | EL0 | low_mask(4) << BYTES_SHIFT,
            Kind::Data => {
                let bytes = low_mask(self.size as u32) << (self.vaddr % WATCHED);
                let access = match self.access {
                    Access::Read => 1,
                    Access::Write => 2,
                    Access::ReadWrite => 3,
                };
                ENABLE | EL0 | access << 3 | bytes << BYTES_SHIFT
            }
        }
    }

    /// How far an address is from what triggers it. The address that the processor tells of a watched access may be the
    /// access's first byte, in front of the watched ones.
    pub const fn distance(self, address: u64) -> u64 {
        if address < self.vaddr {
            self.vaddr - address
        } else {
            (address - self.vaddr).saturating_sub(self.size.saturating_sub(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WATCHPOINT: usize = NUM_BREAKPOINTS;

    proptest! {
        /// What is accepted watches exactly the bytes that were asked for, at EL0.
        #[test]
        fn a_watchpoint_covers_its_bytes(vaddr in 0..USER_TOP, log in 0u32..4, access in 0u64..3, number in 6usize..COUNT) {
            let size = 1 << log;
            match Breakpoint::decode(number, vaddr, Kind::Data as u64, size, access) {
                Err(refusal) => prop_assert_eq!((refusal, vaddr % size != 0), (Refusal::Alignment, true)),
                Ok(breakpoint) => {
                    let control = breakpoint.control();
                    let watched: Vec<u64> =
                        (0..8).filter(|byte| control >> (5 + byte) & 1 == 1).map(|byte| breakpoint.value() + byte).collect();
                    prop_assert_eq!(watched, (vaddr..vaddr + size).collect::<Vec<_>>());
                    prop_assert_eq!(control & 7, 0b101, "enabled, EL0");
                    prop_assert_eq!(control >> 3 & 3, [1, 2, 3][access as usize]);
                    prop_assert_eq!(breakpoint.distance(vaddr + size - 1), 0);
                    prop_assert_eq!(breakpoint.distance(vaddr + size), 1);
                }
            }
        }
    }

    #[test]
    fn breakpoints_are_refused_argument_by_argument() {
        let decode = Breakpoint::decode;
        assert_eq!(decode(0, 0x1000, 1, 0, 0).map(Breakpoint::control), Ok(0x1e5));
        assert_eq!(decode(WATCHPOINT, 0x1000, 1, 0, 0), Err(Refusal::Argument(0)));
        assert_eq!(decode(0, 0x1000, 0, 4, 0), Err(Refusal::Argument(0)));
        assert_eq!(decode(0, USER_TOP + 1, 1, 0, 0), Err(Refusal::Argument(1)));
        assert_eq!(decode(0, 0x1000, 2, 0, 0), Err(Refusal::Argument(2)), "single steps are set otherwise");
        assert_eq!(decode(0, 0x1000, 1, 4, 0), Err(Refusal::Argument(3)));
        assert_eq!(decode(WATCHPOINT, 0x1000, 0, 3, 0), Err(Refusal::Argument(3)));
        assert_eq!(decode(0, 0x1000, 1, 0, 1), Err(Refusal::Argument(4)));
        assert_eq!(decode(WATCHPOINT, 0x1000, 0, 4, 3), Err(Refusal::Argument(4)));
        assert_eq!(decode(0, 0x1002, 1, 0, 0), Err(Refusal::Alignment));
    }
}
