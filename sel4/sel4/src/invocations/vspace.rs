//! Address spaces: frames, translation tables, identifiers, cache maintenance.

use super::{call, methods};
use crate::abi::label::InvocationLabel;
use crate::{
    AbsoluteCPtr, Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result, TranslationTableObjectType,
    VmAttributes, Word,
    cap::{AsidControl, AsidPool, PT, UnspecifiedIntermediateTranslationTable, Untyped, VSpace},
    cap_type,
};

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// `seL4_ARM_Page_Map`: maps the frame at `vaddr`, or changes rights and attributes there.
    pub fn frame_map(self, vspace: VSpace, vaddr: usize, rights: CapRights, attrs: VmAttributes) -> Result<()> {
        let words = [vaddr as Word, rights.into_word(), attrs.into_inner()];
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::ARMPageMap, [vspace.bits()], words))?;
        Ok(())
    }

    /// `seL4_ARM_Page_Unmap`.
    pub fn frame_unmap(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::ARMPageUnmap, [], []))?;
        Ok(())
    }

    /// `seL4_ARM_Page_GetAddress`: the frame's physical address.
    pub fn frame_get_address(self) -> Result<usize> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::ARMPageGetAddress, [], []))
            .map(|[paddr, ..]| paddr as usize)
    }

    /// Cache maintenance of bytes `start` to `end` (exclusive) of the frame.
    fn frame_maintain(self, label: InvocationLabel, start: usize, end: usize) -> Result<()> {
        let words = [start as Word, end as Word];
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, label, [], words))?;
        Ok(())
    }

    /// `seL4_ARM_Page_Clean_Data`: writes bytes `start..end` of the frame back to memory.
    #[cfg(not(sel4_plain))]
    pub fn frame_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_maintain(InvocationLabel::ARMPageClean_Data, start, end)
    }

    /// `seL4_ARM_Page_Invalidate_Data`: drops bytes `start..end` of the frame from the cache.
    #[cfg(not(sel4_plain))]
    pub fn frame_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_maintain(InvocationLabel::ARMPageInvalidate_Data, start, end)
    }

    /// `seL4_ARM_Page_CleanInvalidate_Data`: writes bytes `start..end` back and drops them.
    #[cfg(not(sel4_plain))]
    pub fn frame_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_maintain(InvocationLabel::ARMPageCleanInvalidate_Data, start, end)
    }

    /// `seL4_ARM_Page_Unify_Instruction`: lets instruction fetches see bytes `start..end`.
    #[cfg(not(sel4_plain))]
    pub fn frame_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.frame_maintain(InvocationLabel::ARMPageUnify_Instruction, start, end)
    }
}

methods! { PT<C> {
    /// `seL4_ARM_PageTable_Map`: puts the table below the lowest one that translates `vaddr`.
    pt_map(vspace: VSpace, vaddr: usize, attr: VmAttributes)
        = ARMPageTableMap, caps [vspace.bits()], words [vaddr as Word, attr.into_inner()];

    /// `seL4_ARM_PageTable_Unmap`.
    #[cfg(not(sel4_plain))]
    pt_unmap() = ARMPageTableUnmap, caps [], words [];
} }

impl<C: InvocationContext> UnspecifiedIntermediateTranslationTable<C> {
    /// [`PT::pt_map`](crate::cap::PT::pt_map) for a table whose kind is known at run time.
    ///
    /// # Panics
    ///
    /// When `ty` is the VSpace, which is mapped nowhere.
    pub fn generic_intermediate_translation_table_map(
        self,
        ty: TranslationTableObjectType,
        vspace: VSpace,
        vaddr: usize,
        attr: VmAttributes,
    ) -> Result<()> {
        match ty {
            TranslationTableObjectType::PT => self.cast::<cap_type::PT>().pt_map(vspace, vaddr, attr),
            TranslationTableObjectType::VSpace => panic!("a VSpace is no intermediate translation table"),
        }
    }
}

methods! { VSpace<C> {
    /// `seL4_ARM_VSpace_Clean_Data`: writes addresses `start..end` back to memory.
    #[cfg(not(sel4_plain))]
    vspace_clean_data(start: usize, end: usize)
        = ARMVSpaceClean_Data, caps [], words [start as Word, end as Word];

    /// `seL4_ARM_VSpace_Invalidate_Data`: drops addresses `start..end` from the cache.
    #[cfg(not(sel4_plain))]
    vspace_invalidate_data(start: usize, end: usize)
        = ARMVSpaceInvalidate_Data, caps [], words [start as Word, end as Word];

    /// `seL4_ARM_VSpace_CleanInvalidate_Data`: writes addresses `start..end` back and drops them.
    #[cfg(not(sel4_plain))]
    vspace_clean_invalidate_data(start: usize, end: usize)
        = ARMVSpaceCleanInvalidate_Data, caps [], words [start as Word, end as Word];

    /// `seL4_ARM_VSpace_Unify_Instruction`: lets instruction fetches see addresses `start..end`.
    #[cfg(not(sel4_plain))]
    vspace_unify_instruction(start: usize, end: usize)
        = ARMVSpaceUnify_Instruction, caps [], words [start as Word, end as Word];
} }

methods! { AsidControl<C> {
    /// `seL4_ARM_ASIDControl_MakePool`: makes a pool of an untyped (`ObjectBlueprint::asid_pool`).
    asid_control_make_pool(untyped: Untyped, dst: &AbsoluteCPtr)
        = ARMASIDControlMakePool,
        caps [untyped.bits(), dst.root().bits()],
        words [dst.path().bits(), dst.path().depth() as Word];
} }

methods! { AsidPool<C> {
    /// `seL4_ARM_ASIDPool_Assign`: gives an address space its identifier.
    asid_pool_assign(vspace: VSpace) = ARMASIDPoolAssign, caps [vspace.bits()], words [];
} }
