//! The decoder against machine code, and against an encoder.

use super::*;
use proptest::prelude::*;
use std::{vec, vec::Vec};

const fn load(width: usize, register: u8) -> Transfer {
    Transfer { width, sign_extend: false, register, wide: width == 8, write: false }
}

const fn signed(width: usize, register: u8, wide: bool) -> Transfer {
    Transfer { width, sign_extend: true, register, wide, write: false }
}

const fn store(width: usize, register: u8) -> Transfer {
    Transfer { width, sign_extend: false, register, wide: width == 8, write: true }
}

const fn at(base: Base, offset: i64, first: Transfer) -> LoadStore {
    indexed(base, first, None, offset, Index::Offset)
}

const fn pre(base: Base, offset: i64, first: Transfer) -> LoadStore {
    indexed(base, first, None, offset, Index::Pre)
}

const fn post(base: Base, offset: i64, first: Transfer) -> LoadStore {
    indexed(base, first, None, offset, Index::Post)
}

const fn sum(base: u8, number: u8, extension: Option<bool>, shift: u8, first: Transfer) -> LoadStore {
    let (word, signed) = match extension {
        None => (false, false),
        Some(signed) => (true, signed),
    };
    let offset = Offset::Register { number, word, signed, shift };
    LoadStore { base: X(base), offset, write_back: None, first, second: None }
}

impl LoadStore {
    const fn and(self, register: u8) -> Self {
        Self { second: Some(Transfer { register, ..self.first }), ..self }
    }
}

use Base::{Pc, Register as X, Stack};

/// What an assembler makes of each instruction.
const LOADS_AND_STORES: [(u32, &str, LoadStore); 37] = [
    (0xb840_4423, "ldr w3, [x1], #4", post(X(1), 4, load(4, 3))),
    (0xf85f_8c23, "ldr x3, [x1, #-8]!", pre(X(1), -8, load(8, 3))),
    (0x385f_f444, "ldrb w4, [x2], #-1", post(X(2), -1, load(1, 4))),
    (0x7840_2c44, "ldrh w4, [x2, #2]!", pre(X(2), 2, load(2, 4))),
    (0x38c1_07e5, "ldrsb w5, [sp], #16", post(Stack, 16, signed(1, 5, false))),
    (0x388f_fcc5, "ldrsb x5, [x6, #255]!", pre(X(6), 255, signed(1, 5, true))),
    (0x78d0_04c5, "ldrsh w5, [x6], #-256", post(X(6), -256, signed(2, 5, false))),
    (0x7880_24c5, "ldrsh x5, [x6], #2", post(X(6), 2, signed(2, 5, true))),
    (0xb880_44c5, "ldrsw x5, [x6], #4", post(X(6), 4, signed(4, 5, true))),
    (0xb800_4507, "str w7, [x8], #4", post(X(8), 4, store(4, 7))),
    (0xf800_8d07, "str x7, [x8, #8]!", pre(X(8), 8, store(8, 7))),
    (0x3800_1507, "strb w7, [x8], #1", post(X(8), 1, store(1, 7))),
    (0x781f_ed1f, "strh wzr, [x8, #-2]!", pre(X(8), -2, store(2, 31))),
    (0xf97f_fc20, "ldr x0, [x1, #32760]", at(X(1), 32760, load(8, 0))),
    (0xb9bf_ffe0, "ldrsw x0, [sp, #16380]", at(Stack, 16380, signed(4, 0, true))),
    (0x393f_fc20, "strb w0, [x1, #4095]", at(X(1), 4095, store(1, 0))),
    (0xb85f_d149, "ldur w9, [x10, #-3]", at(X(10), -3, load(4, 9))),
    (0xf80f_f149, "stur x9, [x10, #255]", at(X(10), 255, store(8, 9))),
    (0xf850_098b, "ldtr x11, [x12, #-256]", at(X(12), -256, load(8, 11))),
    (0x7800_198b, "sttrh w11, [x12, #1]", at(X(12), 1, store(2, 11))),
    (0xb880_098b, "ldtrsw x11, [x12]", at(X(12), 0, signed(4, 11, true))),
    (0xb86f_69cd, "ldr w13, [x14, x15]", sum(14, 15, None, 0, load(4, 13))),
    (0xf86f_79cd, "ldr x13, [x14, x15, lsl #3]", sum(14, 15, None, 3, load(8, 13))),
    (0x786f_59cd, "ldrh w13, [x14, w15, uxtw #1]", sum(14, 15, Some(false), 1, load(2, 13))),
    (0xf82f_c9cd, "str x13, [x14, w15, sxtw]", sum(14, 15, Some(true), 0, store(8, 13))),
    (0x38af_e9cd, "ldrsb x13, [x14, x15, sxtx]", sum(14, 15, None, 0, signed(1, 13, true))),
    (0x2940_0440, "ldp w0, w1, [x2]", at(X(2), 0, load(4, 0)).and(1)),
    (0xa960_0440, "ldp x0, x1, [x2, #-512]", at(X(2), -512, load(8, 0)).and(1)),
    (0xa8c1_7bfd, "ldp x29, x30, [sp], #16", post(Stack, 16, load(8, 29)).and(30)),
    (0xa9bf_7bfd, "stp x29, x30, [sp, #-16]!", pre(Stack, -16, store(8, 29)).and(30)),
    (0x291f_8c9f, "stp wzr, w3, [x4, #252]", at(X(4), 252, store(4, 31)).and(3)),
    (0x69c0_90a3, "ldpsw x3, x4, [x5, #4]!", pre(X(5), 4, signed(4, 3, true)).and(4)),
    (0xa840_90a3, "ldnp x3, x4, [x5, #8]", at(X(5), 8, load(8, 3)).and(4)),
    (0x2800_10a3, "stnp w3, w4, [x5]", at(X(5), 0, store(4, 3)).and(4)),
    (0x5880_0011, "ldr x17, . - 1048576", at(Pc, -1_048_576, load(8, 17))),
    (0x187f_fff1, "ldr w17, . + 1048572", at(Pc, 1_048_572, load(4, 17))),
    (0x9800_0011, "ldrsw x17, .", at(Pc, 0, signed(4, 17, true))),
];

const OTHERS: [(u32, &str); 33] = [
    (0x3cc1_0420, "ldr q0, [x1], #16"),
    (0x6d40_0440, "ldp d0, d1, [x2]"),
    (0xbd00_0420, "str s0, [x1, #4]"),
    (0xfc62_6820, "ldr d0, [x1, x2]"),
    (0x5c00_0040, "ldr d0, . + 8"),
    (0xac00_0440, "stnp q0, q1, [x2]"),
    (0x885f_7c20, "ldxr w0, [x1]"),
    (0x8802_7c20, "stxr w2, w0, [x1]"),
    (0xc87f_0820, "ldxp x0, x2, [x1]"),
    (0x88df_fc20, "ldar w0, [x1]"),
    (0xc89f_fc20, "stlr x0, [x1]"),
    (0x88a0_7c41, "cas w0, w1, [x2]"),
    (0x4820_7c82, "casp x0, x1, x2, x3, [x4]"),
    (0xb820_0041, "ldadd w0, w1, [x2]"),
    (0xf820_8041, "swp x0, x1, [x2]"),
    (0xb8bf_c020, "ldapr w0, [x1]"),
    (0xd940_8020, "ldapur x0, [x1, #8]"),
    (0x991f_c020, "stlur w0, [x1, #-4]"),
    (0xf980_0420, "prfm pldl1keep, [x1, #8]"),
    (0xf89f_8020, "prfum pldl1keep, [x1, #-8]"),
    (0xf8a2_6820, "prfm pldl1keep, [x1, x2]"),
    (0xd800_0000, "prfm pldl1keep, ."),
    (0x6880_8440, "stgp x0, x1, [x2], #16"),
    (0xd920_0820, "stg x0, [x1]"),
    (0x4cdf_7820, "ld1 {v0.4s}, [x1], #16"),
    (0xf820_1c20, "ldraa x0, [x1, #8]!"),
    (0xf83f_d020, "ld64b x0, [x1]"),
    (0xd50b_7420, "dc zva, x0"),
    (0x9100_1020, "add x0, x1, #4"),
    (0x1400_0000, "b ."),
    (0xd503_201f, "nop"),
    (0xd65f_03c0, "ret"),
    (0xd400_0001, "svc #0"),
];

#[test]
fn machine_code_of_loads_and_stores() {
    for (word, text, expected) in LOADS_AND_STORES {
        assert_eq!(decode(word), Some(expected), "{text}");
    }
}

#[test]
fn machine_code_of_others() {
    for (word, text) in OTHERS {
        assert_eq!(decode(word), None, "{text}");
    }
}

#[test]
fn what_is_not_allocated_is_none() {
    // LDTRSW to a W register, LDPSW without temporal hint, a pair of opc 3, a register offset with option 0.
    for word in [0xb8c0_0820, 0x6840_0440, 0xe940_0440, 0xb862_0820] {
        assert_eq!(decode(word), None, "{word:#x}");
    }
}

#[test]
fn offsets_are_extended_and_shifted() {
    let offset = |word, signed, shift| Offset::Register { number: 3, word, signed, shift };
    let resolve = |offset: Offset| offset.resolve(|number| if number == 3 { 0x1_ffff_fffe } else { 0 });
    assert_eq!(resolve(offset(false, false, 0)), 0x1_ffff_fffe);
    assert_eq!(resolve(offset(true, false, 2)), 0x3_ffff_fff8);
    assert_eq!(resolve(offset(true, true, 3)), 0u64.wrapping_sub(16));
    assert_eq!(resolve(Offset::Immediate(-4)), 0u64.wrapping_sub(4));
}

/// `value` in `width` bits from bit `low` on, if it fits.
fn field(value: i64, width: u32, low: u32) -> Option<u32> {
    let range = -(1i64 << (width - 1))..1i64 << (width - 1);
    range.contains(&value).then(|| (value as u32 & ((1 << width) - 1)) << low)
}

/// `bytes` counted in elements of `width` bytes, if it is a whole number of them.
fn scaled(bytes: i64, width: usize) -> Option<i64> {
    (bytes % width as i64 == 0).then_some(bytes / width as i64)
}

/// All encodings of a load or store, from its parts to the word: the other way round.
fn encodings(instruction: &LoadStore) -> Vec<u32> {
    let LoadStore { base, offset, write_back, first, second } = *instruction;
    let rn = match base {
        Base::Register(number) => u32::from(number) << 5,
        Base::Stack => 31 << 5,
        Base::Pc => return literals(offset, first),
    };
    let registers = u32::from(first.register) | rn;
    if let Some(second) = second {
        return pairs(instruction, u32::from(second.register) << 10 | registers);
    }
    let opc = match (first.write, first.sign_extend, first.wide) {
        (true, ..) => 0,
        (false, false, _) => 1,
        (false, true, true) => 2,
        (false, true, false) => 3,
    };
    let common = first.width.trailing_zeros() << 30 | opc << 22 | registers;
    match (offset, write_back) {
        (Offset::Register { number, word, signed, shift }, _) => {
            let options = if !word { vec![0b011, 0b111] } else { vec![if signed { 0b110 } else { 0b010 }] };
            let scales: &[u32] = if first.width == 1 {
                &[0, 1]
            } else if shift == 0 {
                &[0]
            } else {
                &[1]
            };
            let words = options.iter().flat_map(|option| scales.iter().map(move |s| option << 13 | s << 12));
            words.map(|bits| common | 0x3820_0800 | u32::from(number) << 16 | bits).collect()
        }
        (Offset::Immediate(bytes), None) => {
            let unscaled = field(bytes, 9, 12);
            let unsigned = scaled(bytes, first.width).filter(|n| (0..4096).contains(n));
            let unsigned = unsigned.map(|n| common | 0x3900_0000 | (n as u32) << 10);
            let plain = unscaled.map(|imm9| common | 0x3800_0000 | imm9);
            let unprivileged = unscaled.map(|imm9| common | 0x3800_0800 | imm9);
            [unsigned, plain, unprivileged].into_iter().flatten().collect()
        }
        (Offset::Immediate(0), Some(bytes)) if bytes != 0 => {
            field(bytes, 9, 12).map(|imm9| common | 0x3800_0400 | imm9).into_iter().collect()
        }
        (Offset::Immediate(_), Some(bytes)) => {
            let indices: &[u32] = if bytes == 0 { &[0x400, 0xc00] } else { &[0xc00] };
            indices.iter().filter_map(|index| Some(common | 0x3800_0000 | index | field(bytes, 9, 12)?)).collect()
        }
    }
}

fn pairs(instruction: &LoadStore, registers: u32) -> Vec<u32> {
    let LoadStore { offset, write_back, first, .. } = *instruction;
    let Offset::Immediate(before) = offset else { return vec![] };
    let Some(imm7) = scaled(write_back.unwrap_or(before), first.width).and_then(|n| field(n, 7, 15)) else {
        return vec![];
    };
    let opc = match (first.width, first.sign_extend) {
        (8, _) => 2,
        (_, true) => 1,
        (_, false) => 0,
    };
    let indices: &[u32] = match write_back {
        None if first.sign_extend => &[2],
        None => &[0, 2],
        Some(0) => &[1, 3],
        Some(_) if before == 0 => &[1],
        Some(_) => &[3],
    };
    let common = opc << 30 | 0x2800_0000 | u32::from(!first.write) << 22 | imm7 | registers;
    indices.iter().map(|index| common | index << 23).collect()
}

fn literals(offset: Offset, first: Transfer) -> Vec<u32> {
    let Offset::Immediate(bytes) = offset else { return vec![] };
    let opc = if first.sign_extend { 2 } else { u32::from(first.wide) };
    let imm19 = scaled(bytes, 4).and_then(|words| field(words, 19, 5));
    imm19.map(|imm19| opc << 30 | 0x1800_0000 | imm19 | u32::from(first.register)).into_iter().collect()
}

/// A transfer of one register: of any kind, or of one that pairs have.
fn transfer(paired: bool) -> impl Strategy<Value = Transfer> {
    const KINDS: [Transfer; 13] = [
        load(4, 0),
        load(8, 0),
        store(4, 0),
        store(8, 0),
        signed(4, 0, true),
        load(1, 0),
        load(2, 0),
        store(1, 0),
        store(2, 0),
        signed(1, 0, false),
        signed(1, 0, true),
        signed(2, 0, false),
        signed(2, 0, true),
    ];
    let kinds = if paired { &KINDS[..5] } else { &KINDS[..] };
    (prop::sample::select(kinds), 0..32u8).prop_map(|(kind, register)| Transfer { register, ..kind })
}

fn base() -> impl Strategy<Value = Base> {
    (0..32u8).prop_map(|number| if number == 31 { Stack } else { X(number) })
}

fn instruction() -> impl Strategy<Value = LoadStore> {
    let index = prop::sample::select(&[Index::Offset, Index::Pre, Index::Post][..]);
    let single = (base(), transfer(false), -256..256i64, index.clone())
        .prop_map(|(base, first, bytes, index)| indexed(base, first, None, bytes, index));
    let unsigned = (base(), transfer(false), 0..4096i64)
        .prop_map(|(base, first, n)| indexed(base, first, None, n * first.width as i64, Index::Offset));
    let pair = (base(), transfer(true), 0..32u8, -64..64i64, index).prop_map(|(base, first, second, n, index)| {
        let second = Transfer { register: second, ..first };
        indexed(base, first, Some(second), n * first.width as i64, index)
    });
    let register = (base(), transfer(false), 0..32u8, 0..3u8, any::<bool>()).prop_map(
        |(base, first, number, extension, scaled)| {
            let shift = if scaled { first.width.trailing_zeros() as u8 } else { 0 };
            let offset = Offset::Register { number, word: extension != 0, signed: extension == 2, shift };
            LoadStore { base, offset, write_back: None, first, second: None }
        },
    );
    let literal = (0..3usize, 0..32u8, -(1i64 << 18)..1 << 18).prop_map(|(kind, register, words)| {
        let first = [load(4, register), load(8, register), signed(4, register, true)][kind];
        at(Pc, 4 * words, first)
    });
    prop_oneof![single, unsigned, pair, register, literal]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_encoded_is_decoded(instruction in instruction()) {
        let words = encodings(&instruction);
        prop_assert!(!words.is_empty());
        for word in words {
            prop_assert_eq!(decode(word), Some(instruction), "{:#010x}", word);
        }
    }

    /// A word that is decoded is an encoding of what it is decoded as. The groups of loads and stores have bit 27 set and
    /// bit 25 clear, or are literals.
    #[test]
    fn nothing_else_is_decoded(word: u32, group in any::<bool>()) {
        let word = if group { word & !0x0600_0000 | 0x0800_0000 } else { word };
        if let Some(instruction) = decode(word) {
            prop_assert!(encodings(&instruction).contains(&word), "{:#010x} is {:?}", word, instruction);
        }
    }
}
