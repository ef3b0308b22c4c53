//! Programs and the symbols that are written into them.

use super::{Context, value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::model::{Region, SetVar, SetVarValue};
use crate::program::Program;
use crate::sdf::{RawPd, RawSetVar, RawSetVarValue, Text};
use sel4_abi::microkit::{limit::NAME_LENGTH, symbol};
use std::collections::HashMap;

/// Bytes of a symbol that gets a value.
const WORD_BYTES: u64 = 8;

/// The symbols that the runtime has, with their sizes in bytes.
const RUNTIME: [(&str, u64); 6] = [
    (symbol::NAME, NAME_LENGTH as u64),
    (symbol::PASSIVE, 1),
    (symbol::IRQS, WORD_BYTES),
    (symbol::NOTIFICATIONS, WORD_BYTES),
    (symbol::PPS, WORD_BYTES),
    (symbol::IOPORTS, WORD_BYTES),
];

/// Reads the program of a protection domain.
pub fn program(context: &Context, pd: &RawPd, diagnostics: &mut Diagnostics) -> Option<Program> {
    let path = pd.image.as_ref()?;
    let mut program = read(context, path, diagnostics);
    if let Some(path) = &pd.image_for_symbols {
        let other = read(context, path, diagnostics)?;
        program.as_mut()?.take_symbols(other);
    }
    let program = program?;
    for (name, size) in RUNTIME {
        let there = program.symbol(name).is_some_and(|symbol| program.covers(symbol.vaddr, size));
        if !there {
            let message = format!("`{}` has no symbol `{name}`", path.value);
            let error = Diagnostic::new(Code::ProgramRuntime, path.span.clone(), message);
            diagnostics.push(error.help("a protection domain's program is linked with libmicrokit or sel4-microkit"));
            return None;
        }
    }
    Some(program)
}

fn read(context: &Context, path: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Program> {
    let program = context.files.load(path).and_then(|bytes| {
        Program::parse(&bytes).map_err(|unfit| {
            let message = format!("`{}` can't be loaded: {}", path.value, unfit.reason);
            Diagnostic::new(unfit.code, path.span.clone(), message)
        })
    });
    program.map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

/// Checks the values that symbols get.
pub fn check(
    context: &Context,
    pd: &RawPd,
    program: Option<&Program>,
    regions: &[Option<Region>],
    diagnostics: &mut Diagnostics,
) -> Option<Vec<SetVar>> {
    let mut used: HashMap<&str, &Span> = HashMap::new();
    let mut setvars = Vec::new();
    for raw in &pd.setvars {
        let Spanned { value: name, span } = &raw.symbol;
        if let Some(first) = used.insert(name, span) {
            let error =
                Diagnostic::new(Code::RepeatedSymbol, span.clone(), format!("the symbol `{name}` gets two values"));
            diagnostics.push(error.also(first.clone(), "the first is here"));
        }
        if let Some(program) = program {
            check_symbol(program, &raw.symbol, diagnostics);
        }
        let value = resolve(context, raw, regions, diagnostics);
        setvars.push(value.map(|value| SetVar { symbol: name.clone(), value }));
    }
    setvars.into_iter().collect()
}

fn check_symbol(program: &Program, symbol: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let Spanned { value: name, span } = symbol;
    if RUNTIME.iter().any(|(reserved, _)| reserved == name) {
        let message = format!("the symbol `{name}` is written by the tool itself");
        diagnostics.push(Diagnostic::new(Code::ReservedSymbol, span.clone(), message));
        return;
    }
    let Some(found) = program.symbol(name) else {
        let message = format!("the program has no symbol `{name}`");
        let error = Diagnostic::new(Code::UnknownSymbol, span.clone(), message);
        let mut names: Vec<_> = program.symbol_names().collect();
        names.sort_unstable();
        diagnostics.push(error.did_you_mean(name, names));
        return;
    };
    if found.ambiguous {
        let message = format!("the program has several symbols `{name}`");
        let error = Diagnostic::new(Code::AmbiguousSymbol, span.clone(), message);
        diagnostics.push(error.help("give the variable a name of its own"));
        return;
    }
    if found.size != WORD_BYTES || !program.covers(found.vaddr, WORD_BYTES) {
        let message = format!("the symbol `{name}` is no variable of {WORD_BYTES} bytes but of {}", found.size);
        diagnostics.push(Diagnostic::new(Code::SymbolSize, span.clone(), message));
    }
}

fn resolve(
    context: &Context,
    raw: &RawSetVar,
    regions: &[Option<Region>],
    diagnostics: &mut Diagnostics,
) -> Option<SetVarValue> {
    // A region that is unknown has been reported where it is mapped; `region_paddr` is a place of its own.
    let region = |name: &Text| regions[context.names.region_if_any(name)?].as_ref();
    match &raw.value {
        RawSetVarValue::Number(number) => value(number).map(SetVarValue::Number),
        RawSetVarValue::Size(name) => Some(SetVarValue::Number(region(name)?.size)),
        RawSetVarValue::Paddr(name) => context.names.region(name, diagnostics).map(SetVarValue::Paddr),
        RawSetVarValue::PrefillSize(name) => {
            let region = region(name)?;
            if region.data.is_empty() {
                let message = format!("the region `{}` has no data whose size could be told", region.name);
                let error = Diagnostic::new(Code::NoData, raw.symbol.span.clone(), message);
                diagnostics.push(error.also(region.span.clone(), "it has no `prefill_path`"));
            }
            Some(SetVarValue::Number(region.data.len() as u64))
        }
    }
}
