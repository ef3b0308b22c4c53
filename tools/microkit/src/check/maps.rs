//! Mappings: aligned, inside the address space, apart from each other and from program and stack.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::model::{self, Map, Place, Region};
use crate::program::Program;
use crate::sdf::RawMap;
use sel4_abi::object::USER_TOP;
use sel4_abi::quoll::reload::WINDOW;
use std::ops::Range;

/// What takes up a part of an address space.
struct Taken {
    range: Range<u64>,
    what: String,
    span: Option<Span>,
}

/// An address space as it fills up.
pub struct Space {
    end: u64,
    /// What lies from `end` on, for messages.
    behind: &'static str,
    taken: Vec<Taken>,
}

impl Space {
    /// That of a protection domain, which perhaps reloads children.
    pub fn of_pd(program: Option<&Program>, stack_size: u64, reloads: bool) -> Self {
        let segment = |segment: &crate::program::Segment| Taken {
            range: segment.pages(),
            what: "a segment of the program".to_owned(),
            span: None,
        };
        let mut taken: Vec<_> = program.iter().flat_map(|program| &program.segments).map(segment).collect();
        if reloads {
            taken.push(Taken { range: WINDOW, what: "what its children are reloaded by".to_owned(), span: None });
        }
        // The page below the stack stays free to catch overflows.
        let end = model::stack(stack_size).start - system_spec::PAGE_BYTES;
        Self { end, behind: "the stack with its guard page and the IPC buffer", taken }
    }

    /// That of a virtual machine.
    pub fn of_vm() -> Self {
        Self { end: USER_TOP + 1, behind: "no address", taken: Vec::new() }
    }

    /// Takes `range` if nothing else has it.
    fn take(&mut self, taken: Taken, diagnostics: &mut Diagnostics) -> Option<()> {
        let range = &taken.range;
        let overlaps = |other: &&Taken| other.range.start < range.end && range.start < other.range.end;
        if let Some(other) = self.taken.iter().find(overlaps) {
            let shown = |taken: &Taken| format!("{} at [{:#x}..{:#x})", taken.what, taken.range.start, taken.range.end);
            let error = Diagnostic::new(Code::MapOverlap, taken.span?, format!("the mapping overlaps {}", other.what));
            let error = error.label(format!("{} at [{:#x}..{:#x})", taken.what, range.start, range.end));
            diagnostics.push(match &other.span {
                Some(span) => error.also(span.clone(), shown(other)),
                None => error.help(shown(other)),
            });
            return None;
        }
        self.taken.push(taken);
        Some(())
    }
}

/// Checks the mappings of one address space.
pub fn check(
    context: &Context,
    raw: &[RawMap],
    regions: &[Option<Region>],
    mut space: Space,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Map>> {
    let maps: Vec<_> = raw.iter().map(|raw| map(context, raw, regions, &mut space, diagnostics)).collect();
    maps.into_iter().collect()
}

fn map(
    context: &Context,
    raw: &RawMap,
    regions: &[Option<Region>],
    space: &mut Space,
    diagnostics: &mut Diagnostics,
) -> Option<Map> {
    let index = context.names.region(&raw.region, diagnostics)?;
    let region = regions[index].as_ref()?;
    let vaddr = raw.vaddr.as_ref()?;
    let page = region.page.bytes();
    let error = |code, message: String| Diagnostic::new(code, vaddr.span.clone(), message);
    if !vaddr.value.is_multiple_of(page) {
        let message = format!("{:#x} is no multiple of the region's page size {page:#x}", vaddr.value);
        diagnostics.push(error(Code::MapAlignment, message));
        return None;
    }
    let Some(end) = vaddr.value.checked_add(region.size).filter(|end| *end <= space.end) else {
        let message = format!("{:#x} bytes from {:#x} on reach beyond {:#x}", region.size, vaddr.value, space.end);
        diagnostics.push(error(Code::MapRange, message).help(format!("from there on is {}", space.behind)));
        return None;
    };
    check_cached(context, raw, region, diagnostics);
    let what = format!("`{}`", region.name);
    space.take(Taken { range: vaddr.value..end, what, span: Some(vaddr.span.clone()) }, diagnostics)?;
    let perms = value(&raw.perms)?;
    let (write, execute) = (perms.write, perms.execute);
    Some(Map { region: index, vaddr: vaddr.value, write, execute, cached: raw.cached })
}

/// Device registers behind a cache are a mistake that shows late.
fn check_cached(context: &Context, raw: &RawMap, region: &Region, diagnostics: &mut Diagnostics) {
    let Place::At(paddr) = region.place else { return };
    if raw.cached && !context.target.board.ram.contains(paddr) {
        let message = format!("`{}` is not memory but is mapped cached", region.name);
        let warning = Diagnostic::new(Code::CachedDevice, raw.span.clone(), message);
        diagnostics.push(warning.help("device registers need `cached=\"false\"`"));
    }
}
