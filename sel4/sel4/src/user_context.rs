//! A thread's registers: `seL4_UserContext`.

use core::slice;

use crate::abi::context::{self, Register};
use crate::{Word, abi};

/// Registers of a thread, in the order in which `TCB_ReadRegisters` and `TCB_WriteRegisters` pass
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct UserContext(abi::context::UserContext);

/// Where each general-purpose register stands in the order.
const GPR_INDEX: [usize; 31] = {
    let mut index = [0; 31];
    let mut i = 0;
    while i < context::ORDER.len() {
        if let Register::X(gpr) = context::ORDER[i] {
            index[gpr as usize] = i;
        }
        i += 1;
    }
    index
};

const _: () = assert!(size_of::<UserContext>() == context::LENGTH * size_of::<Word>());

impl UserContext {
    newtype_methods!(pub abi::context::UserContext);

    /// The registers in order.
    #[cfg(not(sel4_plain))]
    pub const fn as_words(&self) -> &[Word] {
        self.words()
    }

    /// The registers in order.
    #[cfg(not(sel4_plain))]
    pub const fn as_words_mut(&mut self) -> &mut [Word] {
        self.words_mut()
    }

    pub(crate) const fn words(&self) -> &[Word] {
        // SAFETY: the structure is `LENGTH` words without padding (asserted above).
        unsafe { slice::from_raw_parts((&raw const self.0).cast(), context::LENGTH) }
    }

    pub(crate) const fn words_mut(&mut self) -> &mut [Word] {
        // SAFETY: as in `words`, and any words are registers.
        unsafe { slice::from_raw_parts_mut((&raw mut self.0).cast(), context::LENGTH) }
    }

    /// Program counter.
    pub const fn pc(&self) -> &Word {
        &self.0.pc
    }

    /// Program counter.
    pub const fn pc_mut(&mut self) -> &mut Word {
        &mut self.0.pc
    }

    /// Stack pointer.
    pub const fn sp(&self) -> &Word {
        &self.0.sp
    }

    /// Stack pointer.
    pub const fn sp_mut(&mut self) -> &mut Word {
        &mut self.0.sp
    }

    /// Program status.
    pub const fn spsr(&self) -> &Word {
        &self.0.spsr
    }

    /// Program status.
    pub const fn spsr_mut(&mut self) -> &mut Word {
        &mut self.0.spsr
    }

    /// General-purpose register x0 to x30.
    ///
    /// # Panics
    ///
    /// When `ix` is above 30.
    pub const fn gpr(&self, ix: usize) -> &Word {
        &self.words()[GPR_INDEX[ix]]
    }

    /// General-purpose register x0 to x30.
    ///
    /// # Panics
    ///
    /// When `ix` is above 30.
    pub const fn gpr_mut(&mut self, ix: usize) -> &mut Word {
        &mut self.words_mut()[GPR_INDEX[ix]]
    }

    /// Register of the `ix`th parameter of a C function.
    ///
    /// # Panics
    ///
    /// When `ix` is above 7.
    pub const fn c_param(&self, ix: usize) -> &Word {
        assert!(ix < 8);
        self.gpr(ix)
    }

    /// Register of the `ix`th parameter of a C function.
    ///
    /// # Panics
    ///
    /// When `ix` is above 7.
    pub const fn c_param_mut(&mut self, ix: usize) -> &mut Word {
        assert!(ix < 8);
        self.gpr_mut(ix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_by_number_and_by_name_are_the_same() {
        let mut context = UserContext::default();
        for i in 0..31 {
            *context.gpr_mut(i) = 100 + i as Word;
        }
        let named = context.inner();
        let some = [named.x0, named.x8, named.x9, named.x16, named.x18, named.x19, named.x28, named.x29, named.x30];
        assert_eq!(some, [100, 108, 109, 116, 118, 119, 128, 129, 130]);
        assert_eq!((named.pc, named.sp, named.spsr, named.tpidr_el0), (0, 0, 0, 0));
    }

    #[test]
    fn the_program_counter_is_first() {
        let mut context = UserContext::default();
        *context.pc_mut() = 0x20_0000;
        assert_eq!(context.words()[0], 0x20_0000);
    }
}
