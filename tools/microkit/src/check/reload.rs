//! Children that their parents can start anew as if they had never run: what that needs.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::program::Program;
use crate::sdf::RawPd;
use sel4_abi::quoll::symbol;

/// Checks what a child must be like.
pub fn check_child(raw: &RawPd, program: Option<&Program>, diagnostics: &mut Diagnostics) {
    let span = || raw.reload.span.clone();
    if raw.passive {
        let message = "a passive protection domain can't be reloaded: it stops with the time of whom it serves";
        diagnostics.push(Diagnostic::new(Code::Reload, span(), message));
    }
    let segments = program.iter().flat_map(|program| &program.segments);
    for segment in segments.filter(|segment| segment.write && segment.execute) {
        let message = format!("the program can't be reloaded: it may write its own code at {:#x}", segment.vaddr);
        let error = Diagnostic::new(Code::Reload, span(), message);
        diagnostics.push(error.help("put what is written and what is executed into segments of their own"));
    }
}

/// Checks that the parent of a child that is to be reloaded is a program that does so.
pub fn check_parent(raw: &RawPd, program: &Program, child: &RawPd, diagnostics: &mut Diagnostics) {
    const WORD: u64 = 8;
    let name = raw.name.as_ref().map_or("", |name| &name.value);
    let has = |name: &str| program.symbol(name).is_some_and(|found| program.covers(found.vaddr, WORD));
    if let Some(symbol) = [symbol::RELOAD_TABLE, symbol::RELOAD_SIZE].into_iter().find(|name| !has(name)) {
        let message = format!("the program of `{name}` does not reload children: it has no symbol `{symbol}`");
        let error = Diagnostic::new(Code::Reload, child.reload.span.clone(), message);
        diagnostics.push(error.help("`supervisor.elf` is a program that does"));
    }
}
