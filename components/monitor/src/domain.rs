//! What the monitor was told of the protection domains.

use sel4::Word;

/// What the monitor knows of a protection domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain<'a> {
    /// Its name.
    pub name: &'a str,
    /// The lowest address of its stack, if it has one.
    pub stack_bottom: Option<Word>,
}
