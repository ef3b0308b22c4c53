//! Memory regions: size, page size, physical place, data.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::model::{PageSize, Place, Region};
use crate::sdf::{RawRegion, RawSetVarValue};
use kernel_config::Range;
use sel4_abi::config::{DEVICE_TOP, ROOT_CNODE_SIZE_BITS};

/// Checks all regions.
pub fn check(context: &Context, diagnostics: &mut Diagnostics) -> Vec<Option<Region>> {
    let regions: Vec<_> = (0..context.raw.regions.len()).map(|index| region(context, index, diagnostics)).collect();
    check_overlap(&regions, diagnostics);
    check_pages(&regions, diagnostics);
    regions
}

/// The root task holds a capability to each page, and has so many slots.
fn check_pages(regions: &[Option<Region>], diagnostics: &mut Diagnostics) {
    const SLOTS: u64 = 1 << ROOT_CNODE_SIZE_BITS;
    let mut pages = 0;
    for region in regions.iter().flatten() {
        pages += region.size / region.page.bytes();
        if pages > SLOTS {
            let message = format!("up to here, regions have {pages} pages, {SLOTS} at most are possible");
            let error = Diagnostic::new(Code::TooManyPages, region.span.clone(), message);
            diagnostics.push(error.help("larger pages: make sizes and addresses multiples of 0x200000"));
            return;
        }
    }
}

fn region(context: &Context, index: usize, diagnostics: &mut Diagnostics) -> Option<Region> {
    let raw = &context.raw.regions[index];
    let uses = Uses::of(context, index);
    if uses.addresses.is_empty() && !uses.unclear && !uses.paddr_wanted {
        diagnostics.push(Diagnostic::new(Code::UnusedRegion, name_span(raw), "the region is mapped nowhere"));
    }
    let data = data(context, raw, diagnostics);
    let asked = page_size(raw, diagnostics);
    let unit = asked.as_ref().ok()?.unwrap_or(PageSize::Small);
    let size = size(raw, unit, data.as_deref(), diagnostics);
    let place = place(raw, unit, uses.paddr_wanted, diagnostics);
    let (size, place) = (size?, place?);
    check_place(context, raw, place, size, diagnostics)?;
    let page = asked.ok()?.unwrap_or_else(|| largest_page(size, place, &uses.addresses));
    let span = raw.phys_addr.as_ref().map_or(name_span(raw), |paddr| paddr.span.clone());
    Some(Region { name: raw.name.as_ref()?.value.clone(), span, size, page, place, data: data? })
}

fn name_span(raw: &RawRegion) -> Span {
    raw.name.as_ref().map_or(raw.span.clone(), |name| name.span.clone())
}

/// How a region is used.
struct Uses {
    /// Where it is mapped.
    addresses: Vec<u64>,
    /// Whether a program is told its physical address.
    paddr_wanted: bool,
    /// Some mapping names no region that there is: it may have meant this one.
    unclear: bool,
}

impl Uses {
    fn of(context: &Context, region: usize) -> Self {
        // Of two regions with one name, the first is found by it.
        let unclear = context.names.region_if_any(&context.raw.regions[region].name) != Some(region);
        let mut uses = Self { addresses: Vec::new(), paddr_wanted: false, unclear };
        for pd in &context.raw.pds {
            for map in pd.maps.iter().chain(pd.vm.iter().flat_map(|vm| &vm.maps)) {
                match context.names.region_if_any(&map.region) {
                    Some(found) if found == region => uses.addresses.extend(value(&map.vaddr)),
                    Some(_) => {}
                    None => uses.unclear = true,
                }
            }
            uses.paddr_wanted |= pd.setvars.iter().any(|setvar| match &setvar.value {
                RawSetVarValue::Paddr(name) => context.names.region_if_any(name) == Some(region),
                _ => false,
            });
        }
        uses
    }
}

/// The data, empty if there is none to be had; nothing if it has been reported.
fn data(context: &Context, raw: &RawRegion, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
    let Some(path) = &raw.prefill else {
        return Some(Vec::new());
    };
    match context.files.load(path) {
        Err(error) => {
            diagnostics.push(error);
            None
        }
        Ok(bytes) if bytes.is_empty() => {
            let message = format!("`{}` is empty", path.value);
            diagnostics.push(Diagnostic::new(Code::EmptyFile, path.span.clone(), message));
            None
        }
        Ok(bytes) => Some(bytes),
    }
}

/// The page size that was asked for, if any; an error if there is no such size.
fn page_size(raw: &RawRegion, diagnostics: &mut Diagnostics) -> Result<Option<PageSize>, ()> {
    let Some(Spanned { value: asked, span }) = &raw.page_size else {
        return Ok(None);
    };
    match PageSize::ALL.into_iter().find(|page| page.bytes() == *asked) {
        Some(page) => Ok(Some(page)),
        None => {
            let sizes = PageSize::ALL.map(|page| format!("{:#x}", page.bytes())).join(" and ");
            let message = format!("there are no pages of {asked:#x} bytes");
            diagnostics
                .push(Diagnostic::new(Code::PageSize, span.clone(), message).help(format!("page sizes are {sizes}")));
            Err(())
        }
    }
}

fn size(raw: &RawRegion, unit: PageSize, data: Option<&[u8]>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let page = unit.bytes();
    let Some(Spanned { value: size, span }) = &raw.size else {
        let length = data?.len() as u64;
        if raw.has_size {
            return None;
        }
        if raw.prefill.is_none() {
            let error = Diagnostic::new(Code::MissingSize, name_span(raw), "the region has no size");
            diagnostics.push(error.help("give it a `size`, or data by `prefill_path`"));
            return None;
        }
        return Some(length.next_multiple_of(page));
    };
    let error = |code, message: String| Diagnostic::new(code, span.clone(), message);
    if *size == 0 || !size.is_multiple_of(page) {
        let message = format!("the size {size:#x} is no multiple of the page size {page:#x}");
        let rounded = size.checked_next_multiple_of(page).map_or(page, |rounded| rounded.max(page));
        diagnostics.push(error(Code::SizeAlignment, message).help(format!("the next is {rounded:#x}")));
        return None;
    }
    if *size > DEVICE_TOP {
        diagnostics.push(error(Code::SizeRange, format!("the size {size:#x} is more than can be addressed")));
        return None;
    }
    let length = data?.len() as u64;
    if length > *size {
        let message = format!("the region of {size:#x} bytes is smaller than its data of {length:#x} bytes");
        diagnostics.push(error(Code::DataLength, message));
        return None;
    }
    Some(*size)
}

fn place(raw: &RawRegion, unit: PageSize, paddr_wanted: bool, diagnostics: &mut Diagnostics) -> Option<Place> {
    let Some(paddr) = &raw.phys_addr else {
        return Some(if paddr_wanted { Place::Picked } else { Place::Anywhere });
    };
    if !paddr.value.is_multiple_of(unit.bytes()) {
        let message = format!("{:#x} is no multiple of the page size {:#x}", paddr.value, unit.bytes());
        diagnostics.push(Diagnostic::new(Code::PhysicalAlignment, paddr.span.clone(), message));
        return None;
    }
    Some(Place::At(paddr.value))
}

/// A fixed region lies in memory or outside of it, and not where the kernel keeps its devices.
fn check_place(
    context: &Context,
    raw: &RawRegion,
    place: Place,
    size: u64,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let (Place::At(start), Some(paddr)) = (place, &raw.phys_addr) else {
        return Some(());
    };
    let problem = place_problem(context, start, size, raw.prefill.is_some());
    match problem {
        None => Some(()),
        Some((code, message)) => {
            diagnostics.push(Diagnostic::new(code, paddr.span.clone(), message));
            None
        }
    }
}

/// What is wrong with the physical addresses of a region, if anything.
fn place_problem(context: &Context, start: u64, size: u64, filled: bool) -> Option<(Code, String)> {
    let Some(end) = start.checked_add(size).filter(|end| *end <= DEVICE_TOP) else {
        let message =
            format!("{size:#x} bytes from {start:#x} on reach beyond the physical addresses ({DEVICE_TOP:#x})");
        return Some((Code::PhysicalRange, message));
    };
    let range = Range::new(start, end);
    let (ram, shown) = (context.target.board.ram, format!("[{start:#x}..{end:#x})"));
    if let Some(kept) = context.target.board.kernel_devices().iter().find(|kept| kept.overlaps(range)) {
        let kept = format!("[{:#x}..{:#x})", kept.start, kept.end);
        let message = format!("{shown} has registers of the interrupt controller, which are the kernel's: {kept}");
        return Some((Code::KernelDevice, message));
    }
    match (ram.overlaps(range), start >= ram.start && end <= ram.end) {
        (true, false) => {
            let message = format!("{shown} is memory in part only: that is [{:#x}..{:#x})", ram.start, ram.end);
            Some((Code::PartlyMemory, message))
        }
        (false, _) if filled => {
            Some((Code::DataOnDevice, format!("{shown} is no memory that could be filled with data")))
        }
        _ => None,
    }
}

/// The largest page of which size and all addresses are multiples.
fn largest_page(size: u64, place: Place, addresses: &[u64]) -> PageSize {
    let paddr = match place {
        Place::At(paddr) => Some(paddr),
        Place::Anywhere | Place::Picked => None,
    };
    let all: u64 = addresses.iter().copied().chain(paddr).fold(size, |all, address| all | address);
    PageSize::ALL.into_iter().rev().find(|page| all.is_multiple_of(page.bytes())).unwrap_or(PageSize::Small)
}

fn check_overlap(regions: &[Option<Region>], diagnostics: &mut Diagnostics) {
    let fixed: Vec<_> = regions
        .iter()
        .flatten()
        .filter_map(|region| match region.place {
            Place::At(start) => Some((region, Range::new(start, start + region.size))),
            Place::Anywhere | Place::Picked => None,
        })
        .collect();
    for (index, (region, range)) in fixed.iter().enumerate() {
        if let Some((other, other_range)) = fixed[..index].iter().find(|(_, other)| other.overlaps(*range)) {
            let shown = |range: &Range| format!("[{:#x}..{:#x})", range.start, range.end);
            let message = format!("the regions `{}` and `{}` overlap", other.name, region.name);
            diagnostics.push(
                Diagnostic::new(Code::RegionOverlap, region.span.clone(), message)
                    .label(format!("`{}` is {}", region.name, shown(range)))
                    .also(other.span.clone(), format!("`{}` is {}", other.name, shown(other_range))),
            );
        }
    }
}
