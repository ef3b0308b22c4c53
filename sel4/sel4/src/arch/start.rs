//! The first instructions of a program that brings its own stack.

use core::cell::UnsafeCell;

/// A stack of `SIZE` bytes.
#[doc(hidden)]
#[repr(C, align(16))]
pub struct Stack<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: only the entry point uses it, as the stack of the one thread that starts there.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    #[allow(clippy::new_without_default, reason = "for statics")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; SIZE]))
    }
}

/// Declares `_start`, which sets the stack pointer to the top of a stack in the image and goes on with an
/// `extern "C" fn` of the same arguments that does not return.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_start {
    (stack_size = $stack_size:expr, then = $then:ident) => {
        static STACK: $crate::_private::Stack<{ $stack_size }> = $crate::_private::Stack::new();

        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            ::core::arch::naked_asm!(
                "adrp x9, {stack}",
                "add x9, x9, :lo12:{stack}",
                "ldr x10, ={size}",
                "add sp, x9, x10",
                "b {then}",
                stack = sym STACK,
                size = const ::core::mem::size_of_val(&STACK),
                then = sym $then,
            )
        }
    };
}
