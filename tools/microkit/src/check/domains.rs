//! Scheduling domains and their schedule.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::model::DomainSchedule;
use crate::sdf::{Number, RawDomains, RawDuration, RawPd, RawTurn};
use sel4_abi::config::NUM_DOMAIN_SCHEDULES;
use std::collections::{BTreeMap, HashMap};
use system_spec::{DomainSlot, Duration};

/// What the rules for protection domains need to know.
#[derive(Default)]
pub struct Domains {
    declared: bool,
    numbers: HashMap<String, u8>,
    /// The schedule, if it is sound.
    pub schedule: Option<DomainSchedule>,
}

/// Checks the `domains` element.
pub fn check(context: &Context, diagnostics: &mut Diagnostics) -> Domains {
    let Some(raw) = &context.raw.domains else {
        return Domains::default();
    };
    if context.target.config.smp {
        let message = "there are no scheduling domains in a configuration for several cores";
        diagnostics.push(Diagnostic::new(Code::DomainsWithCores, raw.span.clone(), message));
    }
    let numbers = number(context, raw, diagnostics);
    let slots = turns(raw, &numbers, diagnostics);
    let schedule = slots.filter(|slots| !slots.is_empty()).and_then(|slots| schedule(raw, slots, diagnostics));
    Domains { declared: true, numbers, schedule }
}

impl Domains {
    /// The domain of a protection domain: given if and only if there is a schedule.
    pub fn of(&self, pd: &RawPd, diagnostics: &mut Diagnostics) -> Option<u8> {
        match (self.declared, &pd.domain) {
            (false, None) => None,
            (false, Some(domain)) => {
                let message = "there are no domains: the system has no `domains` element";
                diagnostics.push(Diagnostic::new(Code::DomainUndeclared, domain.span.clone(), message));
                None
            }
            (true, None) => {
                let message = "with a domain schedule, every protection domain has a `domain`";
                diagnostics.push(Diagnostic::new(Code::DomainMissing, pd.span.clone(), message));
                None
            }
            (true, Some(domain)) => look_up(&self.numbers, domain, diagnostics),
        }
    }
}

fn look_up(numbers: &HashMap<String, u8>, name: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<u8> {
    let found = numbers.get(&name.value).copied();
    if found.is_none() {
        let mut known: Vec<_> = numbers.keys().map(String::as_str).collect();
        known.sort_unstable();
        let message = format!("there is no domain `{}`", name.value);
        diagnostics
            .push(Diagnostic::new(Code::UnknownName, name.span.clone(), message).did_you_mean(&name.value, known));
    }
    found
}

/// Gives each name its number: the one it asks for, else the lowest that is free.
fn number(context: &Context, raw: &RawDomains, diagnostics: &mut Diagnostics) -> HashMap<String, u8> {
    let count = context.target.domains();
    let mut taken: BTreeMap<u64, &Spanned<u64>> = BTreeMap::new();
    for id in raw.names.iter().filter_map(|(_, id)| id.as_ref()) {
        if id.value >= count {
            let message = format!("the id of a domain is 0 to {}, not {}", count - 1, id.value);
            diagnostics.push(Diagnostic::new(Code::DomainRange, id.span.clone(), message));
        } else if let Some(first) = taken.insert(id.value, id) {
            let message = format!("two domains have the id {}", id.value);
            let error = Diagnostic::new(Code::RepeatedId, id.span.clone(), message);
            diagnostics.push(error.also(first.span.clone(), "the first is here"));
        }
    }
    let mut free = (0..count).filter(|number| !taken.contains_key(number));
    let mut numbers = HashMap::new();
    for (name, id) in &raw.names {
        let Some(name) = name else { continue };
        let Some(number) = value(id).or_else(|| free.next()) else {
            let message = format!("there are more than {count} domains");
            diagnostics.push(Diagnostic::new(Code::TooManySchedulingDomains, name.span.clone(), message));
            continue;
        };
        if numbers.insert(name.value.clone(), number as u8).is_some() {
            let message = format!("two domains are called `{}`", name.value);
            diagnostics.push(Diagnostic::new(Code::RepeatedName, name.span.clone(), message));
        }
    }
    numbers
}

fn turns(
    raw: &RawDomains,
    numbers: &HashMap<String, u8>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(u8, Duration)>> {
    let turn = |turn: &RawTurn| match turn {
        RawTurn::End => Some((0, Duration::End)),
        RawTurn::Entry { domain, duration } => {
            let domain = look_up(numbers, domain.as_ref()?, diagnostics);
            let duration = match value(duration)? {
                RawDuration::Micros(micros) => Duration::Micros(micros),
                RawDuration::Ticks(ticks) => Duration::Ticks(ticks),
            };
            Some((domain?, duration))
        }
    };
    // Every turn is looked at, so that all are reported.
    let turns: Vec<_> = raw.entries.iter().map(turn).collect();
    turns.into_iter().collect()
}

fn schedule(raw: &RawDomains, turns: Vec<(u8, Duration)>, diagnostics: &mut Diagnostics) -> Option<DomainSchedule> {
    let (start, shift) = (value(&raw.start).unwrap_or(0), value(&raw.shift).unwrap_or(0));
    // The kernel needs one place for the end marker that is always there.
    let room = NUM_DOMAIN_SCHEDULES as u64 - 1;
    let length = turns.len() as u64;
    if shift.checked_add(length).is_none_or(|end| end > room) {
        let span = raw.shift.as_ref().map_or(raw.span.clone(), |shift| shift.span.clone());
        let message = format!("a schedule of {length} turns from index {shift} on is longer than {room}");
        diagnostics.push(Diagnostic::new(Code::ScheduleLength, span, message));
        return None;
    }
    let first = turns.get(start as usize).filter(|_| start < length);
    if !matches!(first, Some((_, Duration::Micros(_) | Duration::Ticks(_)))) {
        let message = format!("the schedule starts at index {start}, where no domain has its turn");
        diagnostics.push(Diagnostic::new(Code::ScheduleStart, start_span(&raw.start, raw), message));
        return None;
    }
    let slots = turns.into_iter().zip(shift as u32..);
    let slots = slots.map(|((domain, duration), index)| DomainSlot { index, domain, duration }).collect();
    Some(DomainSchedule { slots, start: (shift + start) as u32 })
}

fn start_span(start: &Number, raw: &RawDomains) -> crate::diagnostic::Span {
    start.as_ref().map_or(raw.span.clone(), |start| start.span.clone())
}
