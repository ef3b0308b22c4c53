//! Placeholder.
mod guest;
mod process;
mod setup;
mod workspace;
fn main() -> anyhow::Result<()> { guest::ensure(&workspace::Workspace::locate()) }
