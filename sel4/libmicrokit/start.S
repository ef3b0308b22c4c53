/* Where a protection domain starts. The tool has set the stack pointer. SPDX-License-Identifier: BSD-2-Clause */

.section .text.start, "ax"
.global _start
.type _start, %function
_start:
    mov x29, xzr
    mov x30, xzr
    b microkit_main
.size _start, . - _start
