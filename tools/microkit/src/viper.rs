//! What each protection domain may do, as definitions for the Viper verification language: channels, capabilities,
//! memory. Names and shapes are those of Microkit 2.3's `--viper-output`, so that its proofs find them.

use crate::model::{End, Pd, System};
use crate::plan::{Plan, RunKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use system_spec::{Cap, Kind, ObjectId, Record};

/// The definitions of each protection domain, by its name. `path` is that of the description.
pub fn definitions(system: &System, plan: &Plan, path: &str) -> Vec<(String, String)> {
    let pds = system.pds.iter().enumerate();
    let cspaces = cspaces(plan);
    let of = |(index, pd): (usize, &Pd)| {
        let mut text = format!("// what the protection domain {} may do by {path}\n", pd.name);
        channels(system, index, &mut text);
        let empty = CSpace::new();
        capabilities(cspaces.get(format!("{}: CNode", pd.name).as_str()).unwrap_or(&empty), &mut text);
        memory(system, pd, &mut text);
        (pd.name.clone(), text)
    };
    pds.map(of).collect()
}

/// What a slot of a CNode holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Object(Kind),
    IrqHandler,
    Smc,
    /// A page of the root task's image.
    Frame,
}

type CSpace = BTreeMap<u32, Held>;

/// What all CNodes hold, by their names.
fn cspaces<'a>(plan: &'a Plan) -> BTreeMap<&'a str, CSpace> {
    let objects: Vec<_> = plan
        .runs
        .iter()
        .flat_map(|run| std::iter::repeat_n((run.name.as_str(), run.kind), run.count as usize))
        .collect();
    let find = |object: ObjectId| objects.get(object.0 as usize).copied();
    let mut cspaces: BTreeMap<&str, CSpace> = BTreeMap::new();
    for step in &plan.steps {
        let Record::Slot { cnode, index, cap, .. } = step else { continue };
        let held = match cap {
            Cap::Object(object) => match find(*object) {
                Some((_, RunKind::Objects(kind))) => Held::Object(kind),
                Some((_, RunKind::Irq { .. })) => Held::IrqHandler,
                None => continue,
            },
            Cap::ImagePage(_) => Held::Frame,
            Cap::Smc => Held::Smc,
        };
        let name = find(*cnode).map_or("", |(name, _)| name);
        cspaces.entry(name).or_default().insert(*index, held);
    }
    cspaces
}

/// Defines a set of numbers, and the same as a function of a heap.
fn define_set(text: &mut String, name: &str, numbers: impl IntoIterator<Item = u64>) {
    let numbers: Vec<_> = numbers.into_iter().map(|number| number.to_string()).collect();
    let test = if numbers.is_empty() { "false".to_owned() } else { format!("x in Set({})", numbers.join(",")) };
    define(text, name, &test);
}

fn define(text: &mut String, name: &str, test: &str) {
    writeln!(text, "define {name}(x) ({test})\ndefine f_{name}(heap,gv,x) ({name}(x))")
        .expect("a string takes everything");
}

/// By which ids it is called, calls, is notified and notifies; its interrupts and children.
fn channels(system: &System, index: usize, text: &mut String) {
    let ends: Vec<(End, End)> = system.ends_of(index).collect();
    let ids = |which: &dyn Fn(&(End, End)) -> bool| {
        ends.iter().filter(|ends| which(ends)).map(|(end, _)| end.id).collect::<Vec<_>>()
    };
    let irqs = || system.pds[index].irqs.iter().map(|irq| irq.id);
    define_set(text, "mk_is_protected_source", ids(&|(_, other)| other.pp));
    define_set(text, "mk_is_ppcall_target", ids(&|(end, _)| end.pp));
    define_set(text, "mk_is_notified_source", irqs().chain(ids(&|(_, other)| other.notify)));
    define_set(text, "mk_is_notify_target", ids(&|(end, _)| end.notify));
    define_set(text, "mk_is_irq_channel", irqs());
    let children = system.pds.iter().filter_map(|pd| pd.parent.filter(|(parent, _)| *parent == index));
    define_set(text, "mk_is_child", children.map(|(_, id)| id));
}

/// The slots that hold something, and those of each type.
fn capabilities(cspace: &CSpace, text: &mut String) {
    let mut define = |name: &str, of: &dyn Fn(Held) -> bool| {
        let slots = cspace.iter().filter(|(_, held)| of(**held)).map(|(slot, _)| u64::from(*slot));
        define_set(text, name, slots);
    };
    let object = |kind| move |held| held == Held::Object(kind);
    define("pansel4_has_cap", &|_| true);
    define("pansel4_has_endpoint_cap", &object(Kind::Endpoint));
    define("pansel4_has_notification_cap", &object(Kind::Notification));
    define("pansel4_has_reply_cap", &object(Kind::Reply));
    define("pansel4_has_page_table_cap", &|held| matches!(held, Held::Object(Kind::VSpace | Kind::PageTable)));
    define("pansel4_has_irq_handler_cap", &|held| held == Held::IrqHandler);
    define("pansel4_has_tcb_cap", &object(Kind::Tcb));
    define("pansel4_has_vcpu_cap", &object(Kind::VCpu));
    define("pansel4_has_ioport_cap", &|_| false);
    define("pansel4_has_arm_smc_cap", &|held| held == Held::Smc);
}

/// The regions that it may read, and those that it may write, by address. A region is defined once for each mapping.
fn memory(system: &System, pd: &Pd, text: &mut String) {
    let mut mapped = BTreeSet::new();
    for map in &pd.maps {
        let region = &system.regions[map.region];
        let (name, start, end) = (&region.name, map.vaddr, map.vaddr + region.size);
        writeln!(text, "define mem_{name}_contains(x) ({start} <= x && x < {end})").expect("a string takes everything");
        mapped.insert(map.region);
    }
    let mut define_any = |name: &str, wanted: &dyn Fn(usize) -> bool| {
        let tests = mapped.iter().filter(|region| wanted(**region));
        let tests: Vec<_> = tests.map(|region| format!("mem_{}_contains(x)", system.regions[*region].name)).collect();
        let test = if tests.is_empty() { "false".to_owned() } else { tests.join(" || ") };
        define(text, name, &test);
    };
    define_any("mem_readable", &|_| true);
    define_any("mem_writeable", &|region| pd.maps.iter().any(|map| map.region == region && map.write));
}
