//! Channels: two ends, of different protection domains or guests, calls upwards only.

use super::{Context, ids, party, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{End, Party};
use crate::sdf::{RawChannel, RawEnd};

/// How an end says whose it is.
const WHAT: party::What = party::What { code: Code::ChannelEnd, name: "an end of a channel", vcpu: "receives" };

/// Checks all channels.
pub fn check(context: &Context, diagnostics: &mut Diagnostics) -> Vec<Option<[End; 2]>> {
    context.raw.channels.iter().map(|raw| channel(context, raw, diagnostics)).collect()
}

fn channel(context: &Context, raw: &RawChannel, diagnostics: &mut Diagnostics) -> Option<[End; 2]> {
    let parties: Vec<_> = raw.ends.iter().map(|end| party::check(context, &WHAT, &end.party, diagnostics)).collect();
    let ([raw_a, raw_b], [Some(a), Some(b)]) = (raw.ends.as_slice(), parties.as_slice()) else {
        return None;
    };
    if is_same(*a, *b) {
        let message = "a channel connects two, not one with itself";
        let error = Diagnostic::new(Code::ChannelToItself, raw_b.span.clone(), message);
        diagnostics.push(error.also(raw_a.span.clone(), "the other end"));
        return None;
    }
    if raw_a.pp.value && raw_b.pp.value {
        let message = "both ends of a channel can't call each other";
        let error = Diagnostic::new(Code::CallsBothWays, raw_b.pp.span.clone(), message);
        diagnostics.push(error.also(raw_a.pp.span.clone(), "the other end's `pp`"));
        return None;
    }
    for (raw, from, to) in [(raw_a, *a, *b), (raw_b, *b, *a)] {
        check_call(context, raw, from, to, diagnostics);
        check_messages(raw, to, diagnostics);
    }
    Some([end(raw_a, *a)?, end(raw_b, *b)?])
}

fn is_same(a: Party, b: Party) -> bool {
    match (a, b) {
        (Party::Pd(a), Party::Pd(b)) => a == b,
        (Party::Guest { manager: a, .. }, Party::Guest { manager: b, .. }) => a == b,
        _ => false,
    }
}

fn end(raw: &RawEnd, party: Party) -> Option<End> {
    Some(End {
        party,
        id: ids::valid(&raw.id)?,
        pp: raw.pp.value,
        notify: raw.notify,
        broadcast: raw.broadcast.value,
        blind: raw.blind.value,
    })
}

fn check_call(context: &Context, raw: &RawEnd, from: Party, to: Party, diagnostics: &mut Diagnostics) {
    match (from, to) {
        (Party::Pd(from), Party::Pd(to)) => check_priorities(context, (raw, from), to, diagnostics),
        _ if raw.pp.value => {
            let message = "protected calls are between protection domains: a guest neither makes nor takes them";
            diagnostics.push(Diagnostic::new(Code::GuestCall, raw.pp.span.clone(), message));
        }
        _ => {}
    }
}

/// Messages go to guests.
fn check_messages(raw: &RawEnd, to: Party, diagnostics: &mut Diagnostics) {
    for (name, option) in [("broadcast", &raw.broadcast), ("blind", &raw.blind)] {
        if option.value && matches!(to, Party::Pd(_)) {
            let message = format!("`{name}` is for messages, and the other end is no guest that could take any");
            diagnostics.push(Diagnostic::new(Code::MessageOption, option.span.clone(), message));
        }
    }
}

/// A call goes to a protection domain of strictly higher priority, so that there is no cycle of calls.
fn check_priorities(context: &Context, (raw, from): (&RawEnd, usize), to: usize, diagnostics: &mut Diagnostics) {
    let [caller, callee] = [from, to].map(|pd| &context.raw.pds[pd]);
    let [low, high] = [caller, callee].map(|pd| value(&pd.schedule.priority));
    let (true, Some(low), Some(high)) = (raw.pp.value, low, high) else {
        return;
    };
    if low >= high {
        let name = |pd: &crate::sdf::RawPd| pd.name.as_ref().map_or(String::new(), |name| name.value.clone());
        let (caller_name, callee_name) = (name(caller), name(callee));
        let message = "protected calls go to a protection domain of higher priority only";
        diagnostics.push(
            Diagnostic::new(Code::CallPriority, raw.pp.span.clone(), message)
                .label(format!("`{caller_name}` (priority {low}) calls `{callee_name}` (priority {high})"))
                .also(callee.span.clone(), format!("give `{callee_name}` a priority above {low}")),
        );
    }
}
