//! Names: each given once, none too long.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::sdf::{RawSystem, Text};
use sel4_abi::microkit::limit::{MAX_PDS, NAME_LENGTH};
use std::collections::HashMap;

/// The name that the tool itself uses.
const MONITOR: &str = "monitor";

/// Names of protection domains and regions, with their indices.
pub struct Names<'a> {
    pds: HashMap<&'a str, usize>,
    /// Virtual machines, by the index of the protection domain that manages them.
    vms: HashMap<&'a str, usize>,
    regions: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    /// Collects all names and reports those that can't be used.
    pub fn collect(raw: &'a RawSystem, diagnostics: &mut Diagnostics) -> Self {
        let pds = unique("protection domain", raw.pds.iter().map(|pd| &pd.name), diagnostics);
        let regions = unique("memory region", raw.regions.iter().map(|region| &region.name), diagnostics);
        let vms = || raw.pds.iter().filter_map(|pd| pd.vm.as_ref()).map(|vm| &vm.name);
        unique("virtual machine", vms(), diagnostics);
        let managers = raw.pds.iter().enumerate().filter_map(|(index, pd)| Some((pd.vm.as_ref()?, index)));
        let vms_by_name = managers.filter_map(|(vm, index)| Some((vm.name.as_ref()?.value.as_str(), index))).collect();
        raw.pds.iter().map(|pd| &pd.name).chain(vms()).for_each(|name| check_length(name, diagnostics));
        check_reserved(raw, diagnostics);
        check_number(raw, diagnostics);
        Self { pds, vms: vms_by_name, regions }
    }

    /// The protection domain of this name; reports if there is none.
    pub fn pd(&self, name: &Text, diagnostics: &mut Diagnostics) -> Option<usize> {
        look_up("protection domain", &self.pds, name.as_ref()?, diagnostics)
    }

    /// The protection domain that manages the virtual machine of this name; reports if there is none.
    pub fn vm(&self, name: &Text, diagnostics: &mut Diagnostics) -> Option<usize> {
        look_up("virtual machine", &self.vms, name.as_ref()?, diagnostics)
    }

    /// The region of this name; reports if there is none.
    pub fn region(&self, name: &Text, diagnostics: &mut Diagnostics) -> Option<usize> {
        look_up("memory region", &self.regions, name.as_ref()?, diagnostics)
    }

    /// The region of this name, silently.
    pub fn region_if_any(&self, name: &Text) -> Option<usize> {
        self.regions.get(name.as_ref()?.value.as_str()).copied()
    }
}

fn look_up(
    what: &str,
    names: &HashMap<&str, usize>,
    name: &Spanned<String>,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let found = names.get(name.value.as_str()).copied();
    if found.is_none() {
        let message = format!("there is no {what} `{}`", name.value);
        let mut known: Vec<_> = names.keys().copied().collect();
        known.sort_unstable();
        diagnostics
            .push(Diagnostic::new(Code::UnknownName, name.span.clone(), message).did_you_mean(&name.value, known));
    }
    found
}

fn unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a Text>,
    diagnostics: &mut Diagnostics,
) -> HashMap<&'a str, usize> {
    let mut found: HashMap<&str, (usize, &Spanned<String>)> = HashMap::new();
    for (index, name) in names.enumerate() {
        let Some(name) = name else { continue };
        if name.value.is_empty() {
            let message = format!("the name of a {what} is empty");
            diagnostics.push(Diagnostic::new(Code::EmptyName, name.span.clone(), message));
        }
        match found.get(name.value.as_str()) {
            Some((_, first)) => {
                let message = format!("two {what}s are called `{}`", name.value);
                let error = Diagnostic::new(Code::RepeatedName, name.span.clone(), message);
                diagnostics.push(error.also(first.span.clone(), "the first is here"));
            }
            None => {
                found.insert(&name.value, (index, name));
            }
        }
    }
    found.into_iter().map(|(name, (index, _))| (name, index)).collect()
}

/// Programs have room for so many bytes of a name; what identifies a thing in the description is all of it.
fn check_length(name: &Text, diagnostics: &mut Diagnostics) {
    let Some(Spanned { value: name, span }) = name else { return };
    if name.len() > NAME_LENGTH {
        let message = format!("a name of {} bytes: programs see the first {NAME_LENGTH}", name.len());
        diagnostics.push(Diagnostic::new(Code::LongName, span.clone(), message));
    }
}

fn check_reserved(raw: &RawSystem, diagnostics: &mut Diagnostics) {
    for name in raw.pds.iter().filter_map(|pd| pd.name.as_ref()) {
        if name.value == MONITOR {
            let message = format!("`{MONITOR}` is the name of the system's own fault handler");
            diagnostics.push(Diagnostic::new(Code::ReservedName, name.span.clone(), message));
        }
    }
}

fn check_number(raw: &RawSystem, diagnostics: &mut Diagnostics) {
    if let Some(extra) = raw.pds.get(MAX_PDS) {
        let message = format!("there are {} protection domains, {MAX_PDS} at most are possible", raw.pds.len());
        let error = Diagnostic::new(Code::TooManyDomains, extra.span.clone(), message);
        diagnostics.push(error.label("this is one too many"));
    }
    let vcpus = raw.pds.iter().filter_map(|pd| pd.vm.as_ref()).flat_map(|vm| &vm.vcpus);
    if let Some(Some(extra)) = vcpus.map(|vcpu| &vcpu.id).nth(crate::plan::MAX_VCPUS) {
        let message = format!("there are more than {} virtual CPUs", crate::plan::MAX_VCPUS);
        let error = Diagnostic::new(Code::TooManyVcpus, extra.span.clone(), message);
        diagnostics.push(error.label("this is one too many"));
    }
}
