//! The accesses. Each routine is one piece of code that refers to nothing outside, so that it can be called wherever it is
//! mapped.

use core::arch::naked_asm;

/// What a routine gives back.
#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
pub struct Words(pub u64, pub u64);

/// A routine.
pub type Routine = extern "C" fn(address: usize, text: u64) -> Words;

/// Routines that load the two registers at an address, and by what. The upper half of the first word is by how much the base has
/// moved.
pub const LOADS: [(&str, Routine, u64); 7] = [
    ("pair", pair, 0),
    ("pair, post-indexed", pair_post, 16),
    ("pair, signed, pre-indexed", pair_signed_pre, 8),
    ("pair, one of them the base", pair_to_base, 0),
    ("half-word and byte, post-indexed", narrow, 8),
    ("at the stack pointer of EL1, pre- and post-indexed", stack, 20),
    ("at that of EL0", other_stack, 20),
];

/// Routines that send the bytes of `text`, the lowest first, to the register at an address.
pub const PRINTS: [(&[u8; 7], Routine); 3] =
    [(b"<post0>", print_post), (b"<pre-0>", print_pre), (b"<pair0>", print_pair)];

#[unsafe(naked)]
extern "C" fn pair(_: usize, _: u64) -> Words {
    naked_asm!("ldp w9, w1, [x0]", "mov x0, x9", "ret")
}

#[unsafe(naked)]
extern "C" fn pair_post(_: usize, _: u64) -> Words {
    naked_asm!("mov x10, x0", "ldp w9, w1, [x10], #16", "sub x10, x10, x0", "add x0, x9, x10, lsl #32", "ret")
}

#[unsafe(naked)]
extern "C" fn pair_signed_pre(_: usize, _: u64) -> Words {
    naked_asm!(
        "sub x11, x0, #8",
        "mov x10, x11",
        "ldpsw x9, x1, [x10, #8]!",
        "sub x10, x10, x11",
        "add x0, x9, x10, lsl #32",
        "ret"
    )
}

#[unsafe(naked)]
extern "C" fn pair_to_base(_: usize, _: u64) -> Words {
    naked_asm!("ldp w0, w1, [x0]", "ret")
}

#[unsafe(naked)]
extern "C" fn narrow(_: usize, _: u64) -> Words {
    naked_asm!(
        "mov x10, x0",
        "ldrh w9, [x10], #4",
        "ldrsb x1, [x10], #4",
        "sub x10, x10, x0",
        "add x0, x9, x10, lsl #32",
        "ret"
    )
}

#[unsafe(naked)]
extern "C" fn stack(_: usize, _: u64) -> Words {
    naked_asm!(
        "mov x11, sp",
        "sub x12, x0, #16",
        "mov sp, x12",
        "ldr w9, [sp, #16]!",
        "ldr w10, [sp], #4",
        "mov x10, sp",
        "mov sp, x11",
        "ldr w1, [x10]",
        "sub x10, x10, x12",
        "add x0, x9, x10, lsl #32",
        "ret"
    )
}

/// Nobody else uses the stack pointer of EL0.
#[unsafe(naked)]
extern "C" fn other_stack(_: usize, _: u64) -> Words {
    naked_asm!(
        "sub x12, x0, #16",
        "msr spsel, #0",
        "mov sp, x12",
        "ldr w9, [sp, #16]!",
        "ldr w10, [sp], #4",
        "mov x10, sp",
        "msr spsel, #1",
        "ldr w1, [x10]",
        "sub x10, x10, x12",
        "add x0, x9, x10, lsl #32",
        "ret"
    )
}

/// The base goes on and back.
#[unsafe(naked)]
extern "C" fn print_post(_: usize, _: u64) -> Words {
    naked_asm!(
        "mov x9, x0",
        "2: strb w1, [x9], #4",
        "sub x9, x9, #4",
        "lsr x1, x1, #8",
        "cbnz x1, 2b",
        "sub x0, x9, x0",
        "ret"
    )
}

#[unsafe(naked)]
extern "C" fn print_pre(_: usize, _: u64) -> Words {
    naked_asm!(
        "add x9, x0, #16",
        "2: str w1, [x9, #-16]!",
        "add x9, x9, #16",
        "lsr x1, x1, #8",
        "cbnz x1, 2b",
        "sub x0, x9, x0",
        "sub x0, x0, #16",
        "ret"
    )
}

/// The zero goes to the register behind, which does nothing with it.
#[unsafe(naked)]
extern "C" fn print_pair(_: usize, _: u64) -> Words {
    naked_asm!("2: stp w1, wzr, [x0]", "lsr x1, x1, #8", "cbnz x1, 2b", "mov x0, #0", "ret")
}
