//! p
/// Most virtual CPUs.
pub const MAX_VCPUS: usize = 64;
