//! What a description means: names are looked up, values held against their limits and against each other, files are
//! read. Every rule that is broken is reported; only a description without errors becomes a [`System`].

mod channels;
mod devices;
mod domains;
mod emulated;
mod files;
mod guest;
mod ids;
mod maps;
mod names;
mod party;
mod pds;
mod regions;
mod reload;
mod symbols;

pub use files::SearchPaths;

use crate::diagnostic::{Diagnostics, Spanned};
use crate::model::System;
use crate::sdf::RawSystem;
use crate::target::Target;
use names::Names;

/// What every rule needs.
struct Context<'a> {
    raw: &'a RawSystem,
    names: Names<'a>,
    target: &'a Target,
    files: &'a SearchPaths,
}

/// Checks a description.
pub fn check(raw: &RawSystem, target: &Target, files: &SearchPaths, diagnostics: &mut Diagnostics) -> Option<System> {
    let names = Names::collect(raw, diagnostics);
    let context = Context { raw, names, target, files };
    ids::check(&context, diagnostics);
    let regions = regions::check(&context, diagnostics);
    let channels = channels::check(&context, diagnostics);
    let domains = domains::check(&context, diagnostics);
    let pds: Vec<_> = (0..raw.pds.len()).map(|pd| pds::check(&context, pd, &regions, &domains, diagnostics)).collect();
    devices::check_owners(&context, &regions, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    Some(System {
        pds: pds.into_iter().collect::<Option<_>>()?,
        regions: regions.into_iter().collect::<Option<_>>()?,
        channels: channels.into_iter().collect::<Option<_>>()?,
        schedule: domains.schedule,
    })
}

/// The value, if there is one.
fn value<T: Copy>(value: &Option<Spanned<T>>) -> Option<T> {
    value.as_ref().map(|value| value.value)
}
