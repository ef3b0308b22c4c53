//! Guests of the VMM that comes with quoll: what it would refuse when the system runs is refused here, by the VMM's own
//! rules. The VMM is known by its symbols; other programs that manage a virtual machine are left alone.

use super::{Context, emulated, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::model::{Map, Region, Vm};
use crate::program::Program;
use crate::sdf::{RawMap, RawPd, RawRegion, RawSetVarValue, RawVm};
use kernel_config::Range;
use sel4_abi::quoll::{guest_map, symbol::GUEST_VIRTUAL_TIME};
use vmm::boot::{BootError, Placement, image::Image};

/// Symbols of the VMM that no system can do without.
const REQUIRED: [&str; 4] = ["guest_ram_vaddr", "guest_ram_size", "kernel_vaddr", "kernel_size"];
/// Symbols by which the VMM is known, besides.
const OTHERS: [&str; 4] = ["initrd_vaddr", "initrd_size", "cmdline_vaddr", "cmdline_size"];

/// Checks the guest of a protection domain.
pub fn check(
    context: &Context,
    pd: &RawPd,
    program: &Program,
    regions: &[Option<Region>],
    vm: Option<&Vm>,
    diagnostics: &mut Diagnostics,
) {
    check_time(pd, program, diagnostics);
    let (Some(raw_vm), true) = (&pd.vm, REQUIRED.iter().chain(&OTHERS).all(|name| program.symbol(name).is_some()))
    else {
        return;
    };
    let guest = Guest { context, pd, regions };
    guest.check_given(diagnostics);
    guest.check_boot(diagnostics);
    if let Some(vm) = vm {
        guest.check_vm(raw_vm, vm, diagnostics);
    }
}

/// Virtual CPUs that are kept from running at different moments would have clocks that differ, which no guest expects; and
/// whether time stands still is up to the program that manages the guest.
fn check_time(pd: &RawPd, program: &Program, diagnostics: &mut Diagnostics) {
    let Some(vm) = pd.vm.as_ref().filter(|vm| vm.virtual_time.value) else { return };
    let error = |message: String| Diagnostic::new(Code::VirtualTime, vm.virtual_time.span.clone(), message);
    if vm.vcpus.len() > 1 {
        let message = "the clocks of several virtual CPUs would not show the same with virtual time".to_owned();
        diagnostics.push(error(message).help("give it one `vcpu`, or `time=\"real\"`"));
    }
    if program.symbol(GUEST_VIRTUAL_TIME).is_none() {
        let message =
            format!("the program that manages it knows no virtual time: it has no symbol `{GUEST_VIRTUAL_TIME}`");
        diagnostics.push(error(message).help("quoll's VMM has it"));
    }
}

struct Guest<'a> {
    context: &'a Context<'a>,
    pd: &'a RawPd,
    regions: &'a [Option<Region>],
}

impl<'a> Guest<'a> {
    fn value_of(&self, symbol: &str) -> Option<&'a RawSetVarValue> {
        self.pd.setvars.iter().find(|setvar| setvar.symbol.value == symbol).map(|setvar| &setvar.value)
    }

    /// Index and value of the region whose size a symbol is told.
    fn region_of(&self, symbol: &str) -> Option<(usize, &'a Region)> {
        let (RawSetVarValue::Size(name) | RawSetVarValue::PrefillSize(name)) = self.value_of(symbol)? else {
            return None;
        };
        let index = self.context.names.region_if_any(name)?;
        Some((index, self.regions[index].as_ref()?))
    }

    fn raw_region(&self, index: usize) -> &'a RawRegion {
        &self.context.raw.regions[index]
    }

    fn check_given(&self, diagnostics: &mut Diagnostics) {
        for symbol in REQUIRED {
            if self.value_of(symbol).is_none() {
                let message = format!("the VMM is not told its `{symbol}`");
                let error = Diagnostic::new(Code::GuestUntold, self.pd.span.clone(), message);
                diagnostics.push(error.help(format!("give it by `setvar_…=\"{symbol}\"` of a `map`")));
            }
        }
    }

    /// Whether kernel, device tree and initial ramdisk fit the guest's memory, by the VMM's own placement.
    fn check_boot(&self, diagnostics: &mut Diagnostics) {
        let (Some((kernel_index, kernel)), Some((ram_index, ram))) =
            (self.region_of("kernel_size"), self.region_of("guest_ram_size"))
        else {
            return;
        };
        let initrd = self.region_of("initrd_size").map_or(0, |(_, region)| region.data.len() as u64);
        let Some(RawSetVarValue::Number(base)) = self.value_of("guest_ram_vaddr") else { return };
        let Some(base) = value(base) else { return };
        let memory = vmm::machine::Region { base, size: ram.size };
        let placed = Image::parse(&kernel.data)
            .map_err(BootError::from)
            .and_then(|image| Placement::new(memory, &image, kernel.data.len() as u64, initrd));
        if let Err(error) = placed {
            let span = match error {
                BootError::Image(_) => path_span(self.raw_region(kernel_index)),
                _ => size_span(self.raw_region(ram_index)),
            };
            let message = format!("the guest can't be started: {error}");
            diagnostics.push(Diagnostic::new(Code::GuestBoot, span, message));
        }
    }

    /// Whether the guest sees its memory where the VMM does, and has virtual CPUs that the VMM finds.
    fn check_vm(&self, raw: &RawVm, vm: &Vm, diagnostics: &mut Diagnostics) {
        let most = vmm::machine::MAX_VCPUS as u64;
        for (index, vcpu) in (0..).zip(&raw.vcpus) {
            if let Some(id) = vcpu.id.as_ref().filter(|id| id.value != index || index >= most) {
                let message = format!("the VMM counts its virtual CPUs from 0 to at most {}, without gaps", most - 1);
                diagnostics.push(Diagnostic::new(Code::GuestVcpus, id.span.clone(), message));
            }
        }
        if let Some((_, beyond)) = vm.maps.iter().zip(&raw.maps).filter(|(map, _)| map.cached).nth(guest_map::COUNT) {
            let message = format!("the VMM tells its guest of {} regions at most", guest_map::COUNT);
            diagnostics.push(Diagnostic::new(Code::GuestMaps, beyond.span.clone(), message));
        }
        for (map, raw) in vm.maps.iter().zip(&raw.maps).filter(|(map, _)| map.cached) {
            self.check_shared(map, raw, diagnostics);
        }
        let Some((ram, region)) = self.region_of("guest_ram_size") else { return };
        let Some(RawSetVarValue::Number(base)) = self.value_of("guest_ram_vaddr") else { return };
        let seen = vm.maps.iter().any(|map| map.region == ram && Some(map.vaddr) == value(base));
        if let (false, Some(base)) = (seen, base) {
            let message = format!("the guest does not have its memory `{}` at {:#x}", region.name, base.value);
            let error = Diagnostic::new(Code::GuestMemory, base.span.clone(), message);
            diagnostics.push(error.help("map it at the same address in the `virtual_machine`"));
        }
    }
}

impl Guest<'_> {
    /// Whether memory that the guest shares hides nothing that the VMM emulates: accesses would not reach the VMM.
    fn check_shared(&self, map: &Map, raw: &RawMap, diagnostics: &mut Diagnostics) {
        let Some(region) = &self.regions[map.region] else { return };
        let Some(what) = emulated::at(self.pd, Range::new(map.vaddr, map.vaddr + region.size)) else { return };
        let message = format!("`{}` hides the {what} that the VMM emulates for its guest", region.name);
        let span = raw.vaddr.as_ref().map_or(raw.span.clone(), |vaddr| vaddr.span.clone());
        let error = Diagnostic::new(Code::GuestMapEmulated, span, message);
        diagnostics.push(error.help("map it elsewhere, at 0x50000000 for example"));
    }
}

fn path_span(region: &RawRegion) -> Span {
    region.prefill.as_ref().map_or(region.span.clone(), |path| path.span.clone())
}

fn size_span(region: &RawRegion) -> Span {
    region.size.as_ref().map_or(region.span.clone(), |size| size.span.clone())
}
