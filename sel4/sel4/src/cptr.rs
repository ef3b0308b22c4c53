//! Capability pointers: words that name a slot of a CSpace, typed by what the slot holds.

use core::fmt;
use core::hash::Hash;
use core::marker::PhantomData;

use crate::cap::{CNode, Unspecified};
use crate::{InvocationContext, IpcBuffer, NoExplicitInvocationContext, WORD_SIZE, Word};

/// The raw bits of a capability pointer.
pub type CPtrBits = Word;

/// A capability pointer, resolved through all of its bits.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtr {
    bits: CPtrBits,
}

impl CPtr {
    /// The pointer as the kernel takes it.
    pub const fn bits(self) -> CPtrBits {
        self.bits
    }

    /// The pointer with these bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self { bits }
    }

    /// This pointer as one to a capability of type `T`. Nothing is checked: the kernel refuses
    /// invocations that do not fit the capability.
    pub const fn cast<T: CapType>(self) -> Cap<T> {
        Cap::from_cptr(self)
    }
}

/// A capability pointer with the number of its low bits that are to be resolved.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtrWithDepth {
    bits: CPtrBits,
    depth: usize,
}

impl CPtrWithDepth {
    /// `depth` is in bits, at most [`WORD_SIZE`].
    pub const fn from_bits_with_depth(bits: CPtrBits, depth: usize) -> Self {
        Self { bits, depth }
    }

    /// The pointer as the kernel takes it.
    pub const fn bits(&self) -> CPtrBits {
        self.bits
    }

    /// Number of bits to resolve.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// No bit to resolve: names the CNode itself that a lookup starts from.
    pub const fn empty() -> Self {
        Self::from_bits_with_depth(0, 0)
    }
}

impl From<CPtr> for CPtrWithDepth {
    fn from(cptr: CPtr) -> Self {
        Self::from_bits_with_depth(cptr.bits(), WORD_SIZE)
    }
}

/// A capability in the current thread's CSpace: a pointer, the type `T` that the slot is taken to
/// hold, and the strategy `C` for finding the IPC buffer when the capability is invoked.
///
/// `seL4_CNode_*` invocations are methods of [`AbsoluteCPtr`].
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Cap<T: CapType, C = NoExplicitInvocationContext> {
    cptr: CPtr,
    invocation_context: C,
    _phantom: PhantomData<T>,
}

impl<T: CapType, C> Cap<T, C> {
    /// The pointer.
    pub const fn cptr(&self) -> CPtr {
        self.cptr
    }

    /// The pointer's bits.
    pub const fn bits(&self) -> CPtrBits {
        self.cptr.bits()
    }

    /// The same slot, taken to hold a `T1`.
    pub fn cast<T1: CapType>(self) -> Cap<T1, C> {
        Cap { cptr: self.cptr, invocation_context: self.invocation_context, _phantom: PhantomData }
    }

    /// The same slot, with another way to the IPC buffer.
    pub fn with<C1>(self, context: C1) -> Cap<T, C1> {
        Cap { cptr: self.cptr, invocation_context: context, _phantom: PhantomData }
    }

    /// The same slot, with the default way to the IPC buffer.
    pub fn without_context(self) -> Cap<T> {
        self.with(NoExplicitInvocationContext::new())
    }

    /// Gives the strategy back.
    pub fn into_invocation_context(self) -> C {
        self.invocation_context
    }

    /// The same slot, of unspecified type.
    pub fn upcast(self) -> Unspecified<C> {
        self.cast()
    }
}

impl<T: CapType> Cap<T> {
    /// A capability from its pointer.
    pub const fn from_cptr(cptr: CPtr) -> Self {
        Self { cptr, invocation_context: NoExplicitInvocationContext::new(), _phantom: PhantomData }
    }

    /// A capability from its pointer's bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        CPtr::from_bits(bits).cast()
    }
}

impl<C> Unspecified<C> {
    /// The same slot, taken to hold a `T`.
    pub fn downcast<T: CapType>(self) -> Cap<T, C> {
        self.cast()
    }
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// Runs a system call on this capability with the IPC buffer.
    #[inline(always)]
    pub(crate) fn invoke<R>(self, f: impl FnOnce(CPtr, &mut IpcBuffer) -> R) -> R {
        let cptr = self.cptr();
        self.into_invocation_context().with_context(|ipc_buffer| f(cptr, ipc_buffer))
    }
}

impl<T: CapType, C> fmt::Debug for Cap<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(T::NAME).field(&self.bits()).finish()
    }
}

/// A marker for one type of capability.
pub trait CapType: Copy + Clone + Eq + PartialEq + Ord + PartialOrd + Hash {
    /// The marker's name.
    const NAME: &'static str;
}

/// A slot, addressed from a CNode of the current CSpace.
///
/// More general than [`Cap`]: it reaches slots of other CSpaces, and, by its depth, slots that
/// hold a CNode. The `seL4_CNode_*` invocations are methods of this type.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct AbsoluteCPtr<C = NoExplicitInvocationContext> {
    root: CNode<C>,
    path: CPtrWithDepth,
}

impl<C> AbsoluteCPtr<C> {
    /// The slot `path` from `root`.
    pub const fn new(root: CNode<C>, path: CPtrWithDepth) -> Self {
        Self { root, path }
    }

    /// Where the lookup starts.
    pub const fn root(&self) -> &CNode<C> {
        &self.root
    }

    /// Where the lookup starts.
    pub fn into_root(self) -> CNode<C> {
        self.root
    }

    /// What is looked up from there.
    pub const fn path(&self) -> &CPtrWithDepth {
        &self.path
    }

    /// The same slot, with another way to the IPC buffer.
    pub fn with<C1>(self, context: C1) -> AbsoluteCPtr<C1> {
        AbsoluteCPtr { root: self.root.with(context), path: self.path }
    }

    /// The same slot, with the default way to the IPC buffer.
    pub fn without_context(self) -> AbsoluteCPtr {
        self.with(NoExplicitInvocationContext::new())
    }
}

/// What names a slot: pointers and capabilities with all bits of a word, or fewer.
pub trait HasCPtrWithDepth {
    /// The pointer and its depth.
    fn cptr_with_depth(self) -> CPtrWithDepth;
}

impl HasCPtrWithDepth for CPtr {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.into()
    }
}

impl<T: CapType, C> HasCPtrWithDepth for Cap<T, C> {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.cptr().into()
    }
}

impl HasCPtrWithDepth for CPtrWithDepth {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self
    }
}

impl<C> CNode<C> {
    /// The slot `path` from this CNode.
    pub fn absolute_cptr<T: HasCPtrWithDepth>(self, path: T) -> AbsoluteCPtr<C> {
        AbsoluteCPtr { root: self, path: path.cptr_with_depth() }
    }

    /// The slot that `depth` bits of `bits` name from this CNode.
    pub fn absolute_cptr_from_bits_with_depth(self, bits: CPtrBits, depth: usize) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::from_bits_with_depth(bits, depth))
    }

    /// This CNode itself, as a destination of `Untyped_Retype`.
    pub fn absolute_cptr_for_self(self) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::empty())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::{cap, cap_type};
    use std::format;

    #[test]
    fn a_cap_is_as_wide_as_its_pointer() {
        assert_eq!(size_of::<cap::Endpoint>(), size_of::<CPtrBits>());
    }

    #[test]
    fn casts_keep_the_slot() {
        let cap = Cap::<cap_type::Tcb>::from_bits(17);
        assert_eq!(cap.upcast().downcast::<cap_type::Endpoint>().bits(), 17);
        assert_eq!(format!("{cap:?}"), "Tcb(17)");
    }

    #[test]
    fn depth_is_a_word_unless_given() {
        let root = Cap::<cap_type::CNode>::from_bits(2);
        assert_eq!(root.absolute_cptr(CPtr::from_bits(9)).path().depth(), WORD_SIZE);
        assert_eq!(root.absolute_cptr_for_self().path().depth(), 0);
        assert_eq!(root.absolute_cptr_from_bits_with_depth(9, 6).path().bits(), 9);
    }
}
