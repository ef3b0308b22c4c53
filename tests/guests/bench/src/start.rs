//! Entry: the header of an arm64 `Image` (Linux's documentation, arch/arm64/booting), stack, vectors.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .text.image, "ax"
    .global image_start
image_start:
    b       1f
    .word   0
    .quad   0                       // text_offset
    .quad   image_end               // image_size: linked at 0
    .quad   0xa                     // little-endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

1:  adrp    x0, stack_end
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
    isb
    b       {main}

    // Expected from the current level with SP_ELx: an undefined SMC, where the machine has nobody to answer it, and IRQ.
    // Everything else stops, which the bench notices: the last marker is missing.
    .section .text.vectors, "ax"
    .balign 2048
vectors:
    .rept 4
    .balign 128
    b       .
    .endr
    .balign 128
    mrs     x17, elr_el1            // a call may change x17
    add     x17, x17, #4
    msr     elr_el1, x17
    eret
    .balign 128
    hint    #(48 + {timer_end})     // counted from the marker in front of the arming of the timer
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
    bl      {irq}
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
    .rept 10
    .balign 128
    b       .
    .endr
"#,
    main = sym crate::operations::main,
    irq = sym crate::operations::irq,
    timer_end = const crate::operations::VECTOR_MARKER,
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
