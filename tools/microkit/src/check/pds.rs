//! Protection domains and virtual machines: their own values.

use super::domains::Domains;
use super::maps::{self, Space};
use super::{Context, devices, guest, ids, party, reload, symbols, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::model::{Irq, Pd, Region, Schedule, UserCap, Vcpu, Vm};
use crate::sdf::{CapOf, Number, RawPd, RawSchedule, RawVm};
use sel4_abi::microkit::ROOT_CNODE_BITS;
use sel4_abi::microkit::limit::{MAX_PRIORITY, STACK_DEFAULT, STACK_MAX, STACK_MIN};
use std::collections::HashMap;
use system_spec::{PAGE_BYTES, Trigger};

/// Shortest budget in microseconds that the kernel takes: twice its own worst case.
const MIN_BUDGET_US: u64 = 20;
/// Longest period: an hour. The kernel multiplies it with the timer's frequency.
const MAX_PERIOD_US: u64 = 3_600_000_000;

/// Checks the protection domain with this index.
pub fn check(
    context: &Context,
    index: usize,
    regions: &[Option<Region>],
    domains: &Domains,
    diagnostics: &mut Diagnostics,
) -> Option<Pd> {
    let raw = &context.raw.pds[index];
    let schedule = schedule(&raw.schedule, diagnostics);
    let stack_size = stack_size(&raw.stack_size, diagnostics);
    let cpu = cpu(context, &raw.cpu, diagnostics);
    let domain = domains.of(raw, diagnostics);
    let program = symbols::program(context, raw, diagnostics);
    let reloads = context.raw.reloaded_by(index).next().is_some();
    let space = Space::of_pd(program.as_ref(), stack_size.unwrap_or(STACK_DEFAULT), reloads);
    let maps = maps::check(context, &raw.maps, regions, space, diagnostics);
    let setvars = symbols::check(context, raw, program.as_ref(), regions, diagnostics);
    let caps = caps(context, raw, diagnostics);
    let vm = raw.vm.as_ref().map(|vm| virtual_machine(context, raw, vm, cpu, regions, diagnostics));
    if let Some(program) = &program {
        let vm = vm.as_ref().and_then(Option::as_ref);
        guest::check(context, raw, program, regions, vm, diagnostics);
        devices::check_manager(raw, program, vm, diagnostics);
    }
    check_reachable(context, index, diagnostics);
    if raw.reload.value {
        reload::check_child(raw, program.as_ref(), diagnostics);
    }
    if let (Some(program), Some(child)) = (&program, context.raw.reloaded_by(index).next()) {
        reload::check_parent(raw, program, child, diagnostics);
    }
    Some(Pd {
        name: raw.name.as_ref()?.value.clone(),
        // An id that can't be used has been reported.
        parent: raw.parent.zip(ids::valid(&raw.child_id)),
        schedule: schedule?,
        passive: raw.passive,
        stack_size: stack_size?,
        cpu: cpu?,
        smc: raw.smc,
        fpu: raw.fpu,
        domain,
        reload: raw.reload.value,
        program: program?,
        maps: maps?,
        irqs: irqs(raw)?,
        setvars: setvars?,
        caps: caps?,
        vm: vm.map_or(Some(None), |vm| vm.map(Some))?,
    })
}

fn schedule(raw: &RawSchedule, diagnostics: &mut Diagnostics) -> Option<Schedule> {
    let limits = [
        ("priority", &raw.priority, 0, MAX_PRIORITY),
        ("budget", &raw.budget, MIN_BUDGET_US, MAX_PERIOD_US),
        ("period", &raw.period, MIN_BUDGET_US, MAX_PERIOD_US),
    ];
    let mut sound = true;
    for (name, number, least, most) in limits {
        if let Some(Spanned { value, span }) = number.as_ref().filter(|n| !(least..=most).contains(&n.value)) {
            // A period that isn't given is the budget.
            if !sound && name == "period" {
                continue;
            }
            let message = format!("the {name} is {least} to {most}, not {value}");
            diagnostics.push(Diagnostic::new(Code::ScheduleRange, span.clone(), message));
            sound = false;
        }
    }
    let (budget, period) = (raw.budget.as_ref()?, raw.period.as_ref()?);
    if sound && budget.value > period.value {
        let message = format!("the budget {} is more than the period {}", budget.value, period.value);
        let error = Diagnostic::new(Code::BudgetAbovePeriod, period.span.clone(), message);
        diagnostics.push(error.also(budget.span.clone(), "the budget"));
        sound = false;
    }
    let priority = value(&raw.priority)? as u8;
    sound.then_some(Schedule { priority, budget_us: budget.value, period_us: period.value })
}

fn stack_size(raw: &Number, diagnostics: &mut Diagnostics) -> Option<u64> {
    let Spanned { value: size, span } = raw.as_ref()?;
    if !(STACK_MIN..=STACK_MAX).contains(size) || !size.is_multiple_of(PAGE_BYTES) {
        let message = format!("a stack of {size:#x} bytes is not possible");
        let help = format!("it is a multiple of {PAGE_BYTES:#x} from {STACK_MIN:#x} to {STACK_MAX:#x}");
        diagnostics.push(Diagnostic::new(Code::StackSize, span.clone(), message).help(help));
        return None;
    }
    Some(*size)
}

fn cpu(context: &Context, raw: &Number, diagnostics: &mut Diagnostics) -> Option<u8> {
    let Spanned { value: cpu, span } = raw.as_ref()?;
    let cores = context.target.cores();
    if *cpu >= cores {
        let message = format!("there is no core {cpu}: the last is {}", cores - 1);
        let error = Diagnostic::new(Code::UnknownCore, span.clone(), message);
        let single = !context.target.config.smp;
        diagnostics.push(if single { error.help("several cores need a configuration `smp-…`") } else { error });
        return None;
    }
    Some(*cpu as u8)
}

fn irqs(raw: &RawPd) -> Option<Vec<Irq>> {
    let irq = |raw: &crate::sdf::RawIrq| {
        let trigger = if raw.edge { Trigger::Edge } else { Trigger::Level };
        Some(Irq { irq: u32::try_from(value(&raw.irq)?).ok()?, id: ids::valid(&raw.id)?, trigger })
    };
    raw.irqs.iter().map(irq).collect()
}

/// How a capability says whose it is.
const WHAT: party::What = party::What { code: Code::CapOwner, name: "a scheduling context", vcpu: "runs on it" };

/// Capabilities go to slots 1 to 63 of the root CNode: slot 0 is the Microkit CNode, and there are no others.
fn caps(context: &Context, raw: &RawPd, diagnostics: &mut Diagnostics) -> Option<Vec<UserCap>> {
    const SLOTS: u64 = 1 << ROOT_CNODE_BITS;
    let mut used: HashMap<u64, &Spanned<u64>> = HashMap::new();
    let mut caps = Vec::new();
    for raw in &raw.caps {
        // `cap_tcb` and `cap_vspace` name protection domains only: their lack was reported.
        let named = raw.of == CapOf::SchedContext || raw.of_whom.pd.is_some();
        let of_whom = if named { party::check(context, &WHAT, &raw.of_whom, diagnostics) } else { None };
        let Some(slot) = &raw.slot else { return None };
        if slot.value == 0 || slot.value >= SLOTS {
            let message = format!("slot {} can't be used: slots are 1 to {}", slot.value, SLOTS - 1);
            diagnostics.push(Diagnostic::new(Code::SlotRange, slot.span.clone(), message));
        } else if let Some(first) = used.insert(slot.value, slot) {
            let message = format!("slot {} gets two capabilities", slot.value);
            let error = Diagnostic::new(Code::RepeatedSlot, slot.span.clone(), message);
            diagnostics.push(error.also(first.span.clone(), "the first is here"));
        }
        caps.push(of_whom.map(|of_whom| UserCap { of: raw.of, of_whom, slot: slot.value as u32 }));
    }
    caps.into_iter().collect()
}

fn virtual_machine(
    context: &Context,
    manager: &RawPd,
    raw: &RawVm,
    pd_cpu: Option<u8>,
    regions: &[Option<Region>],
    diagnostics: &mut Diagnostics,
) -> Option<Vm> {
    let schedule = schedule(&raw.schedule, diagnostics);
    let maps = maps::check(context, &raw.maps, regions, Space::of_vm(), diagnostics);
    let devices = devices::check(context, manager, raw, maps.as_deref(), regions, diagnostics);
    let mut vcpus = Vec::new();
    for vcpu in &raw.vcpus {
        let core = match &vcpu.cpu {
            Some(_) => cpu(context, &vcpu.cpu, diagnostics),
            None => pd_cpu,
        };
        vcpus.push(ids::valid(&vcpu.id).zip(core).map(|(id, cpu)| Vcpu { id, cpu }));
    }
    Some(Vm {
        name: raw.name.as_ref()?.value.clone(),
        schedule: schedule?,
        virtual_time: raw.virtual_time.value,
        vcpus: vcpus.into_iter().collect::<Option<_>>()?,
        maps: maps?,
        devices: devices?,
    })
}

/// A passive protection domain runs when it is called or notified only.
fn check_reachable(context: &Context, index: usize, diagnostics: &mut Diagnostics) {
    let raw = &context.raw.pds[index];
    let silent = &mut Diagnostics::default();
    let reached = !raw.irqs.is_empty()
        || raw.vm.is_some()
        || context.raw.pds.iter().any(|pd| pd.parent == Some(index))
        || context
            .raw
            .channels
            .iter()
            .flat_map(|c| &c.ends)
            .any(|e| context.names.pd(&e.party.pd, silent) == Some(index));
    if raw.passive && !reached {
        let message = "nothing ever runs this passive protection domain: it has no channel, interrupt or child";
        diagnostics.push(Diagnostic::new(Code::Unreachable, raw.span.clone(), message));
    }
}
