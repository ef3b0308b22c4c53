//! Random bytes from a source to one user: a ring of bytes, and the word beside them.

/// The word beside the bytes ([`Producer::set_note`](crate::Producer::set_note)) of a source that has none and never will:
/// nobody is to wait for it.
pub const DRY: u32 = 1;
