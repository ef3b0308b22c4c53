//! Entry: the header of an arm64 `Image` (Linux's documentation, arch/arm64/booting), stack, vectors. A program is made of
//! three functions, without mangled names:
//!
//! - `extern "C" fn guest_main(tree: usize) -> !`, its life, at EL1 with the MMU off and interrupts masked: it gets the address of
//!   the device tree;
//! - `extern "C" fn guest_irq()`, which handles an interrupt;
//! - `extern "C" fn guest_exception(link: u64)`, which handles a synchronous exception: it gets x30, and leaves in ELR_EL1
//!   where to go on.
//!
//! Any other exception stops the guest, which its user notices: it does not come to its end.

use core::arch::global_asm;

/// The marker at the interrupt vector.
pub const VECTOR_MARKER: u32 = 17;

global_asm!(
    r#"
    .macro call_handler handler
    sub     sp, sp, #160
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    mov     x0, x30
    bl      \handler
    ldp     x0, x1, [sp, #0]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x30, [sp, #144]
    add     sp, sp, #160
    eret
    .endm

    .section .text.image, "ax"
    .global image_start
image_start:
    b       1f
    .word   0
    .quad   0                       // text_offset
    .quad   image_size              // the linker script has it
    .quad   0xa                     // little-endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

1:  mov     x19, x0
    adrp    x0, stack_end
    add     x0, x0, :lo12:stack_end
    mov     sp, x0
    adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
2:  cmp     x0, x1
    b.hs    3f
    stp     xzr, xzr, [x0], #16
    b       2b
3:  adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0
    mov     x0, #(3 << 20)          // CPACR_EL1.FPEN: floating point is not trapped
    msr     cpacr_el1, x0
    isb
    mov     x0, x19
    b       guest_main

    .section .text.vectors, "ax"
    .balign 2048
vectors:
    .rept 4
    .balign 128
    b       .
    .endr
    .balign 128                     // synchronous, from the current level with SP_ELx
    call_handler guest_exception
    .balign 128                     // IRQ, likewise
    hint    #(48 + {vector})        // in front of everything: the guest's vector is reached
    call_handler guest_irq
    .rept 10
    .balign 128
    b       .
    .endr
"#,
    vector = const VECTOR_MARKER,
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
