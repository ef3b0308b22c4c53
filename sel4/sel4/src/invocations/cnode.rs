//! CNodes: methods of [`AbsoluteCPtr`].

use super::call;
use crate::abi::label::InvocationLabel;
use crate::{AbsoluteCPtr, CNodeCapData, CPtrBits, CapRights, InvocationContext, Result, Word};

impl<C: InvocationContext> AbsoluteCPtr<C> {
    /// Every CNode invocation starts with the slot that it is about.
    #[inline]
    fn invoke<const CAPS: usize, const WORDS: usize>(
        self,
        label: InvocationLabel,
        caps: [CPtrBits; CAPS],
        words: impl FnOnce(Word, Word) -> [Word; WORDS],
    ) -> Result<()> {
        let path = *self.path();
        self.into_root()
            .invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, label, caps, words(path.bits(), path.depth() as Word)))?;
        Ok(())
    }

    /// `seL4_CNode_Revoke`: deletes every capability that was derived from the one here.
    pub fn revoke(self) -> Result<()> {
        self.invoke(InvocationLabel::CNodeRevoke, [], |index, depth| [index, depth])
    }

    /// `seL4_CNode_Delete`: deletes the capability.
    pub fn delete(self) -> Result<()> {
        self.invoke(InvocationLabel::CNodeDelete, [], |index, depth| [index, depth])
    }

    /// `seL4_CNode_CancelBadgedSends`: cancels sends that wait on the endpoint with this
    /// capability's badge.
    #[cfg(not(sel4_plain))]
    pub fn cancel_badged_sends(self) -> Result<()> {
        self.invoke(InvocationLabel::CNodeCancelBadgedSends, [], |index, depth| [index, depth])
    }

    /// `seL4_CNode_Copy`: puts a copy of `src`, with those of its rights that are in `rights`, here.
    pub fn copy(self, src: &AbsoluteCPtr, rights: CapRights) -> Result<()> {
        let (src_index, src_depth) = (src.path().bits(), src.path().depth() as Word);
        self.invoke(InvocationLabel::CNodeCopy, [src.root().bits()], |index, depth| {
            [index, depth, src_index, src_depth, rights.into_word()]
        })
    }

    /// `seL4_CNode_Mint`: as [`copy`](Self::copy), and gives the copy a badge, or a guard
    /// ([`CNodeCapData::into_word`]).
    pub fn mint(self, src: &AbsoluteCPtr, rights: CapRights, badge: Word) -> Result<()> {
        let (src_index, src_depth) = (src.path().bits(), src.path().depth() as Word);
        self.invoke(InvocationLabel::CNodeMint, [src.root().bits()], |index, depth| {
            [index, depth, src_index, src_depth, rights.into_word(), badge]
        })
    }

    /// `seL4_CNode_Move`: moves `src` here.
    pub fn move_(self, src: &AbsoluteCPtr) -> Result<()> {
        let (src_index, src_depth) = (src.path().bits(), src.path().depth() as Word);
        self.invoke(InvocationLabel::CNodeMove, [src.root().bits()], |index, depth| {
            [index, depth, src_index, src_depth]
        })
    }

    /// `seL4_CNode_Mutate`: moves `src` here and gives it a badge or a guard.
    pub fn mutate(self, src: &AbsoluteCPtr, badge: Word) -> Result<()> {
        let (src_index, src_depth) = (src.path().bits(), src.path().depth() as Word);
        self.invoke(InvocationLabel::CNodeMutate, [src.root().bits()], |index, depth| {
            [index, depth, src_index, src_depth, badge]
        })
    }

    /// `seL4_CNode_Rotate`: moves `pivot` here and `src` to where `pivot` was, giving each a badge
    /// or a guard.
    #[cfg(not(sel4_plain))]
    pub fn rotate(
        self,
        dst_badge: CNodeCapData,
        pivot: &AbsoluteCPtr,
        pivot_badge: CNodeCapData,
        src: &AbsoluteCPtr,
    ) -> Result<()> {
        let caps = [pivot.root().bits(), src.root().bits()];
        self.invoke(InvocationLabel::CNodeRotate, caps, |index, depth| {
            [
                index,
                depth,
                dst_badge.into_word(),
                pivot.path().bits(),
                pivot.path().depth() as Word,
                pivot_badge.into_word(),
                src.path().bits(),
                src.path().depth() as Word,
            ]
        })
    }
}
