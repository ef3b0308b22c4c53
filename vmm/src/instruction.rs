//! Loads and stores of general-purpose registers in A64 (Arm ARM C4.1.94), decoded: a data abort describes only those of one
//! register without write-back.

use crate::syndrome::Transfer;

/// What the address is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// General-purpose register 0 to 30.
    Register(u8),
    /// The stack pointer in use.
    Stack,
    /// The instruction's own address.
    Pc,
}

/// What is added to the base before the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// In bytes.
    Immediate(i64),
    /// A general-purpose register.
    Register {
        /// Its number; 31 is the zero register.
        number: u8,
        /// Only its lower 32 bits count.
        word: bool,
        /// Those are signed.
        signed: bool,
        /// It is shifted left by so many bits then.
        shift: u8,
    },
}

impl Offset {
    /// In bytes. `read` reads a general-purpose register.
    pub fn resolve(self, read: impl FnOnce(u8) -> u64) -> u64 {
        match self {
            Self::Immediate(bytes) => bytes.cast_unsigned(),
            Self::Register { number, word, signed, shift } => {
                let value = read(number);
                let value = match (word, signed) {
                    (false, _) => value,
                    (true, false) => value & 0xffff_ffff,
                    (true, true) => i64::from(value as i32).cast_unsigned(),
                };
                value << shift
            }
        }
    }
}

/// A load or a store of one register or of two.
///
/// Where the architecture leaves open what happens (Arm ARM K1), it is this: a base that is loaded as well keeps what was loaded, a
/// base that is stored as well is stored as it was before, and of two loads to one register the second stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadStore {
    /// What the address is computed from.
    pub base: Base,
    /// What is added to that for the access.
    pub offset: Offset,
    /// What is added to the base for good afterwards, in bytes.
    pub write_back: Option<i64>,
    /// The access at the address.
    pub first: Transfer,
    /// The one behind it, of the same width and direction.
    pub second: Option<Transfer>,
}

impl LoadStore {
    /// The transfers in their order.
    pub fn transfers(&self) -> impl Iterator<Item = Transfer> + use<> {
        [Some(self.first), self.second].into_iter().flatten()
    }

    /// Bytes from the first that is accessed to the last.
    pub const fn length(&self) -> u64 {
        let elements = if self.second.is_some() { 2 } else { 1 };
        elements * self.first.width as u64
    }
}

/// How an immediate is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    Offset,
    Pre,
    Post,
}

/// The groups of encodings.
#[derive(Clone, Copy)]
enum Form {
    /// Two registers, `imm7` times their width.
    Pair(Index),
    /// Two registers with a hint that they are not used again soon.
    NonTemporalPair,
    /// One register, `imm12` times its width.
    Unsigned,
    /// One register, `imm9` bytes.
    Unscaled(Index),
    /// One register, at the sum of two.
    Register,
    /// One register, `imm19` words from here.
    Literal,
}

/// Mask and value of the bits that make a group. All have bit 26 (SIMD and floating point) clear.
const FORMS: [(u32, u32, Form); 11] = [
    (0x3f80_0000, 0x2800_0000, Form::NonTemporalPair),
    (0x3f80_0000, 0x2880_0000, Form::Pair(Index::Post)),
    (0x3f80_0000, 0x2900_0000, Form::Pair(Index::Offset)),
    (0x3f80_0000, 0x2980_0000, Form::Pair(Index::Pre)),
    (0x3f00_0000, 0x3900_0000, Form::Unsigned),
    (0x3f20_0c00, 0x3800_0000, Form::Unscaled(Index::Offset)),
    (0x3f20_0c00, 0x3800_0400, Form::Unscaled(Index::Post)),
    // LDTR, STTR: as EL0 would. What EL0 may do there the processor has checked.
    (0x3f20_0c00, 0x3800_0800, Form::Unscaled(Index::Offset)),
    (0x3f20_0c00, 0x3800_0c00, Form::Unscaled(Index::Pre)),
    (0x3f20_0c00, 0x3820_0800, Form::Register),
    (0x3f00_0000, 0x1800_0000, Form::Literal),
];

/// Fields of an instruction.
#[derive(Clone, Copy)]
struct Fields(u32);

impl Fields {
    const fn unsigned(self, low: u32, width: u32) -> u32 {
        self.0 >> low & ((1 << width) - 1)
    }

    const fn signed(self, low: u32, width: u32) -> i64 {
        ((self.0 << (32 - low - width)) as i32 >> (32 - width)) as i64
    }

    /// The number of a register.
    const fn register(self, low: u32) -> u8 {
        self.unsigned(low, 5) as u8
    }

    const fn base(self) -> Base {
        match self.register(5) {
            31 => Base::Stack,
            number => Base::Register(number),
        }
    }

    /// The register in bits 4 to 0, moved as `size` and `opc` of the groups of one register say.
    fn single(self) -> Option<Transfer> {
        let (size, opc) = (self.unsigned(30, 2), self.unsigned(22, 2));
        let (write, sign_extend, wide) = match (opc, size) {
            (0, _) => (true, false, size == 3),
            (1, _) => (false, false, size == 3),
            (2, 0..=2) => (false, true, true),
            (3, 0..=1) => (false, true, false),
            // Prefetches, and what is not allocated.
            _ => return None,
        };
        Some(Transfer { width: 1 << size, sign_extend, register: self.register(0), wide, write })
    }

    /// The first register of a pair, moved as `opc` and L say.
    fn pair(self) -> Option<Transfer> {
        let write = self.unsigned(22, 1) == 0;
        let (width, sign_extend, wide) = match (self.unsigned(30, 2), write) {
            (0, _) => (4, false, false),
            (1, false) => (4, true, true),
            (2, _) => (8, false, true),
            // Stores of memory tags, and what is not allocated.
            _ => return None,
        };
        Some(Transfer { width, sign_extend, register: self.register(0), wide, write })
    }

    /// The register that a literal is loaded to.
    fn literal(self) -> Option<Transfer> {
        let (width, sign_extend, wide) = match self.unsigned(30, 2) {
            0 => (4, false, false),
            1 => (8, false, true),
            2 => (4, true, true),
            _ => return None,
        };
        Some(Transfer { width, sign_extend, register: self.register(0), wide, write: false })
    }

    /// The offset that is a register, extended as `option` says and, with S, counted in units of `width`.
    fn register_offset(self, width: usize) -> Option<Offset> {
        let option = self.unsigned(13, 3);
        let shift = if self.unsigned(12, 1) != 0 { width.trailing_zeros() as u8 } else { 0 };
        let (word, signed) = (option & 1 == 0, option & 4 != 0);
        // With 64 bits there is nothing to extend.
        let offset = Offset::Register { number: self.register(16), word, signed: word && signed, shift };
        (option & 2 != 0).then_some(offset)
    }
}

/// The load or store that an instruction is. `None` for all others, among them exclusive and atomic ones, those with
/// acquire or release, and those of SIMD and floating-point registers.
pub fn decode(instruction: u32) -> Option<LoadStore> {
    let &(_, _, form) = FORMS.iter().find(|(mask, value, _)| instruction & mask == *value)?;
    let fields = Fields(instruction);
    let one = |first, base, offset| LoadStore { base, offset, write_back: None, first, second: None };
    Some(match form {
        Form::Pair(index) => pair(fields, fields.pair()?, index),
        Form::NonTemporalPair => pair(fields, fields.pair().filter(|first| !first.sign_extend)?, Index::Offset),
        Form::Unsigned => {
            let first = fields.single()?;
            let bytes = i64::from(fields.unsigned(10, 12)) * first.width as i64;
            one(first, fields.base(), Offset::Immediate(bytes))
        }
        Form::Unscaled(index) => indexed(fields.base(), fields.single()?, None, fields.signed(12, 9), index),
        Form::Register => {
            let first = fields.single()?;
            one(first, fields.base(), fields.register_offset(first.width)?)
        }
        Form::Literal => one(fields.literal()?, Base::Pc, Offset::Immediate(4 * fields.signed(5, 19))),
    })
}

fn pair(fields: Fields, first: Transfer, index: Index) -> LoadStore {
    let second = Transfer { register: fields.register(10), ..first };
    let bytes = fields.signed(15, 7) * first.width as i64;
    indexed(fields.base(), first, Some(second), bytes, index)
}

const fn indexed(base: Base, first: Transfer, second: Option<Transfer>, bytes: i64, index: Index) -> LoadStore {
    let (offset, write_back) = match index {
        Index::Offset => (bytes, None),
        Index::Pre => (bytes, Some(bytes)),
        Index::Post => (0, Some(bytes)),
    };
    LoadStore { base, offset: Offset::Immediate(offset), write_back, first, second }
}

#[cfg(test)]
mod tests;
