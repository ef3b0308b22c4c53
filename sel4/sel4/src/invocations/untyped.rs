//! Untyped memory.

use super::methods;
use crate::{AbsoluteCPtr, ObjectBlueprint, Word, cap::Untyped};

methods! { Untyped<C> {
    /// `seL4_Untyped_Retype`: makes `num_objects` objects in the slots from `dst_offset` on of the
    /// CNode `dst`.
    untyped_retype(blueprint: &ObjectBlueprint, dst: &AbsoluteCPtr, dst_offset: usize, num_objects: usize)
        = UntypedRetype,
        caps [dst.root().bits()],
        words [
            blueprint.ty().into_sys(),
            blueprint.api_size_bits().unwrap_or(0) as Word,
            dst.path().bits(),
            dst.path().depth() as Word,
            dst_offset as Word,
            num_objects as Word
        ];
} }
