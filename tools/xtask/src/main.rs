//! Placeholder until its owner fills it.
fn main() {}
