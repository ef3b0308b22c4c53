//! What must be on the machine.

pub mod apt;
