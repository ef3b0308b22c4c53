//! Channels: two ends, of different protection domains, calls upwards only.

use super::{Context, ids, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::End;
use crate::sdf::{RawChannel, RawEnd};

/// Checks all channels.
pub fn check(context: &Context, diagnostics: &mut Diagnostics) -> Vec<Option<[End; 2]>> {
    context.raw.channels.iter().map(|raw| channel(context, raw, diagnostics)).collect()
}

fn channel(context: &Context, raw: &RawChannel, diagnostics: &mut Diagnostics) -> Option<[End; 2]> {
    let pds: Vec<_> = raw.ends.iter().map(|end| context.names.pd(&end.pd, diagnostics)).collect();
    let ([raw_a, raw_b], [Some(a), Some(b)]) = (raw.ends.as_slice(), pds.as_slice()) else {
        return None;
    };
    if a == b {
        let message = "a channel connects two protection domains, not one with itself";
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
    check_priorities(context, (raw_a, *a), *b, diagnostics);
    check_priorities(context, (raw_b, *b), *a, diagnostics);
    Some([end(raw_a, *a)?, end(raw_b, *b)?])
}

fn end(raw: &RawEnd, pd: usize) -> Option<End> {
    Some(End { pd, id: ids::valid(&raw.id)?, pp: raw.pp.value, notify: raw.notify })
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
