//! Who is meant: a protection domain, or one virtual CPU of a guest.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Party;
use crate::sdf::RawParty;

/// What names somebody, for messages.
pub struct What {
    /// The finding when it is nobody, or two.
    pub code: Code,
    /// What it is called.
    pub name: &'static str,
    /// What becomes of the virtual CPU that it names.
    pub vcpu: &'static str,
}

/// Looks up who is named; reports if there is no such, or not exactly one.
pub fn check(context: &Context, what: &What, raw: &RawParty, diagnostics: &mut Diagnostics) -> Option<Party> {
    match (&raw.pd, &raw.vm) {
        (Some(_), None) => {
            if let Some(vcpu) = &raw.vcpu {
                let message = format!("`vcpu` says which of a guest's virtual CPUs {}", what.vcpu);
                diagnostics.push(Diagnostic::new(what.code, vcpu.span.clone(), message));
            }
            context.names.pd(&raw.pd, diagnostics).map(Party::Pd)
        }
        (None, Some(_)) => guest(context, raw, diagnostics),
        (Some(_), Some(vm)) => {
            let message = format!("{} is a protection domain's or a guest's, not both", what.name);
            diagnostics.push(Diagnostic::new(what.code, vm.span.clone(), message));
            None
        }
        (None, None) => {
            let message = format!("{} names its protection domain (`pd`) or its virtual machine (`vm`)", what.name);
            diagnostics.push(Diagnostic::new(what.code, raw.span.clone(), message));
            None
        }
    }
}

fn guest(context: &Context, raw: &RawParty, diagnostics: &mut Diagnostics) -> Option<Party> {
    let manager = context.names.vm(&raw.vm, diagnostics)?;
    let vm = context.raw.pds[manager].vm.as_ref()?;
    let mut ids = vm.vcpus.iter().filter_map(|vcpu| value(&vcpu.id));
    let vcpu = match &raw.vcpu {
        None => ids.next()?,
        Some(vcpu) if ids.any(|id| id == vcpu.value) => vcpu.value,
        Some(vcpu) => {
            let message = format!("the virtual machine has no virtual CPU {}", vcpu.value);
            diagnostics.push(Diagnostic::new(Code::UnknownVcpu, vcpu.span.clone(), message));
            return None;
        }
    };
    Some(Party::Guest { manager, vcpu })
}
