//! The grammar of a description: which elements may stand where, with which attributes, how often.
//!
//! It is one table, walked once; what is read afterwards has the right shape or has been reported.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use roxmltree::Node;
use sel4_abi::microkit::limit;

/// An element in one place of the grammar.
struct Shape {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    /// Optional attributes that upstream's format does not have.
    ours: &'static [&'static str],
    children: &'static [Child],
}

struct Child {
    shape: &'static Shape,
    least: usize,
    most: usize,
    /// Upstream's format does not have it.
    ours: bool,
}

impl Shape {
    fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).chain(self.ours).copied()
    }
}

const MANY: usize = usize::MAX;

const fn child(shape: &'static Shape, least: usize, most: usize) -> Child {
    Child { shape, least, most, ours: false }
}

/// Any number of an element that upstream's format does not have.
const fn own(shape: &'static Shape) -> Child {
    Child { shape, least: 0, most: MANY, ours: true }
}

const fn leaf(name: &'static str, required: &'static [&'static str], optional: &'static [&'static str]) -> Shape {
    Shape { name, required, optional, ours: &[], children: &[] }
}

/// The root element.
static SYSTEM: Shape = Shape {
    name: "system",
    required: &[],
    optional: &[],
    ours: &[],
    children: &[child(&ROOT_PD, 1, MANY), child(&REGION, 0, MANY), child(&CHANNEL, 0, MANY), child(&DOMAINS, 0, 1)],
};

static REGION: Shape =
    leaf("memory_region", &["name"], &["size", "page_size", "phys_addr", "prefill_path", "prefill_bootinfo"]);

static ROOT_PD: Shape = Shape {
    name: "protection_domain",
    required: &["name"],
    optional: &["priority", "budget", "period", "passive", "stack_size", "cpu", "smc", "fpu", "domain"],
    ours: &[],
    children: PD_CHILDREN,
};

static CHILD_PD: Shape = Shape {
    name: "protection_domain",
    required: &["name", "id"],
    optional: &["priority", "budget", "period", "passive", "stack_size", "cpu", "smc", "fpu", "domain", "setvar_id"],
    ours: &["reload"],
    children: PD_CHILDREN,
};

static PD_CHILDREN: &[Child] = &[
    child(&PROGRAM_IMAGE, 1, 1),
    child(&PD_MAP, 0, MANY),
    child(&IRQ, 0, MANY),
    child(&SETVAR, 0, MANY),
    child(&CHILD_PD, 0, MANY),
    child(&VIRTUAL_MACHINE, 0, 1),
    child(&CSPACE, 0, 1),
];

static PROGRAM_IMAGE: Shape = leaf("program_image", &["path"], &["path_for_symbols"]);
static PD_MAP: Shape =
    leaf("map", &["mr", "vaddr"], &["perms", "cached", "setvar_vaddr", "setvar_size", "setvar_prefill_size"]);
static VM_MAP: Shape = leaf("map", &["mr", "vaddr"], &["perms", "cached", "setvar_size", "setvar_prefill_size"]);
static IRQ: Shape = leaf("irq", &["irq", "id"], &["trigger", "setvar_id"]);
static SETVAR: Shape = leaf("setvar", &["symbol", "region_paddr"], &[]);

static VIRTUAL_MACHINE: Shape = Shape {
    name: "virtual_machine",
    required: &["name"],
    optional: &["priority", "budget", "period"],
    ours: &["time"],
    children: &[child(&VCPU, 1, MANY), child(&VM_MAP, 0, MANY), own(&DEVICE)],
};
static DEVICE: Shape = leaf("device", &["compatible", "vaddr"], &["size", "irq", "dma"]);
static VCPU: Shape = leaf("vcpu", &["id"], &["cpu", "setvar_id"]);

static CSPACE: Shape = Shape {
    name: "cspace",
    required: &[],
    optional: &[],
    ours: &[],
    children: &[child(&CAP_TCB, 0, MANY), child(&CAP_SC, 0, MANY), child(&CAP_VSPACE, 0, MANY)],
};
static CAP_TCB: Shape = leaf("cap_tcb", &["slot", "pd"], &[]);
static CAP_SC: Shape = Shape { ours: &["vm", "vcpu"], ..leaf("cap_sc", &["slot"], &["pd"]) };
static CAP_VSPACE: Shape = leaf("cap_vspace", &["slot", "pd"], &[]);

static CHANNEL: Shape =
    Shape { name: "channel", required: &[], optional: &[], ours: &[], children: &[child(&END, 2, 2)] };
static END: Shape =
    Shape { ours: &["vm", "vcpu", "broadcast", "blind"], ..leaf("end", &["id"], &["pd", "pp", "notify", "setvar_id"]) };

static DOMAINS: Shape = Shape {
    name: "domains",
    required: &[],
    optional: &[],
    ours: &[],
    children: &[child(&DOMAIN, 1, MANY), child(&DOMAIN_SCHEDULE, 1, 1)],
};
static DOMAIN: Shape = leaf("domain", &["name"], &["id"]);
static DOMAIN_SCHEDULE: Shape = Shape {
    name: "domain_schedule",
    required: &[],
    optional: &["start_index", "index_shift"],
    ours: &[],
    children: &[child(&SCHEDULE_ENTRY, 1, MANY), child(&SCHEDULE_END_MARKER, 0, MANY)],
};
static SCHEDULE_ENTRY: Shape = leaf("schedule_entry", &["domain", "duration"], &[]);
static SCHEDULE_END_MARKER: Shape = leaf("schedule_end_marker", &[], &[]);

/// Elements and attributes of upstream's format that have no meaning on this architecture.
const X86_ONLY: &[&str] = &["ioport", "io_address_space", "pin", "pcidev", "vector", "ioapic", "polarity", "handle"];

/// Where an element's name stands in its start tag.
pub fn name_span(node: Node) -> Span {
    let start = node.range().start + 1;
    start..start + qualified_name_length(node)
}

fn qualified_name_length(node: Node) -> usize {
    let text = &node.document().input_text()[node.range().start + 1..];
    text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len())
}

/// Deepest nesting of protection domains: there are not more of them.
const MAX_DEPTH: usize = limit::MAX_PDS;

/// Reports everything in which the root element is not of its shape. False if the rest can't be read at all.
pub fn check(root: Node, strict: bool, diagnostics: &mut Diagnostics) -> bool {
    if root.tag_name().name() != SYSTEM.name {
        let message = format!("the root element is `{}`, not `{}`", root.tag_name().name(), SYSTEM.name);
        diagnostics.push(Diagnostic::new(Code::Root, name_span(root), message));
        return false;
    }
    if let Some(deep) = root.descendants().find(|node| node.ancestors().nth(MAX_DEPTH + 4).is_some()) {
        let message = format!("elements are nested more than {MAX_DEPTH} deep");
        diagnostics.push(Diagnostic::new(Code::Nesting, name_span(deep), message));
        return false;
    }
    check_element(root, &SYSTEM, diagnostics);
    if strict {
        refuse_ours(root, &SYSTEM, diagnostics);
    }
    true
}

fn check_element(node: Node, shape: &Shape, diagnostics: &mut Diagnostics) {
    check_attributes(node, shape, diagnostics);
    check_text(node, diagnostics);
    for element in node.children().filter(Node::is_element) {
        let name = element.tag_name().name();
        match shape.children.iter().find(|child| child.shape.name == name) {
            Some(child) => check_element(element, child.shape, diagnostics),
            None => diagnostics.push(unknown_element(element, shape)),
        }
    }
    for child in shape.children {
        check_count(node, child, diagnostics);
    }
}

/// Reports what upstream's tool would not understand.
fn refuse_ours(node: Node, shape: &Shape, diagnostics: &mut Diagnostics) {
    for attribute in node.attributes().filter(|attribute| shape.ours.contains(&attribute.name())) {
        let message = format!("`{}` of `{}` is not in the format of Microkit 2.3", attribute.name(), shape.name);
        let error = Diagnostic::new(Code::Extension, attribute.range_qname(), message);
        diagnostics.push(error.help("without `--strict` it is taken"));
    }
    for element in node.children().filter(Node::is_element) {
        let child = shape.children.iter().find(|child| child.shape.name == element.tag_name().name());
        match child {
            Some(child) if child.ours => {
                let message = format!("`{}` is not in the format of Microkit 2.3", child.shape.name);
                let error = Diagnostic::new(Code::Extension, name_span(element), message);
                diagnostics.push(error.help("without `--strict` it is taken"));
            }
            Some(child) => refuse_ours(element, child.shape, diagnostics),
            None => {}
        }
    }
}

fn check_attributes(node: Node, shape: &Shape, diagnostics: &mut Diagnostics) {
    for attribute in node.attributes() {
        let name = attribute.name();
        if !shape.attributes().any(|known| known == name) {
            let message = format!("`{}` has no attribute `{name}`", shape.name);
            let diagnostic = Diagnostic::new(Code::UnknownAttribute, attribute.range_qname(), message);
            diagnostics.push(explain_unknown(diagnostic, name, shape.attributes()));
        }
    }
    for required in shape.required {
        if node.attribute(*required).is_none() {
            let message = format!("`{}` lacks its attribute `{required}`", shape.name);
            diagnostics.push(Diagnostic::new(Code::MissingAttribute, name_span(node), message));
        }
    }
}

fn explain_unknown(diagnostic: Diagnostic, name: &str, known: impl Iterator<Item = &'static str>) -> Diagnostic {
    if X86_ONLY.contains(&name) {
        return diagnostic.help(format!("`{name}` is for x86-64 only"));
    }
    let known: Vec<_> = known.collect();
    let diagnostic = diagnostic.did_you_mean(name, known.iter().copied());
    let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    if list.is_empty() { diagnostic } else { diagnostic.help(format!("it has {}", list.join(", "))) }
}

fn unknown_element(element: Node, shape: &Shape) -> Diagnostic {
    let name = element.tag_name().name();
    let message = format!("no `{name}` is allowed in `{}`", shape.name);
    let diagnostic = Diagnostic::new(Code::UnknownElement, name_span(element), message);
    if name == VIRTUAL_MACHINE.name && shape.name == SYSTEM.name {
        return diagnostic.help("a `virtual_machine` is a child of the protection domain that manages it");
    }
    explain_unknown(diagnostic, name, shape.children.iter().map(|child| child.shape.name))
}

fn check_text(node: Node, diagnostics: &mut Diagnostics) {
    for text in node.children().filter(Node::is_text) {
        let range = text.range();
        let content = &node.document().input_text()[range.clone()];
        if !content.trim().is_empty() {
            let start = range.start + content.len() - content.trim_start().len();
            let span = start..start + content.trim().len();
            let message = format!("text has no meaning in `{}`", node.tag_name().name());
            diagnostics.push(Diagnostic::new(Code::Text, span, message));
        }
    }
}

fn check_count(node: Node, child: &Child, diagnostics: &mut Diagnostics) {
    let name = child.shape.name;
    let found: Vec<_> = node.children().filter(|element| element.tag_name().name() == name).collect();
    let parent = node.tag_name().name();
    if found.len() < child.least {
        let wanted = match (child.least, child.most) {
            (1, 1) => "exactly one".to_owned(),
            (least, most) if least == most => format!("exactly {least}"),
            (1, _) => "at least one".to_owned(),
            (least, _) => format!("at least {least}"),
        };
        let message = format!("`{parent}` needs {wanted} `{name}`, not {}", found.len());
        diagnostics.push(Diagnostic::new(Code::MissingElement, name_span(node), message));
    }
    for extra in found.iter().skip(child.most) {
        let message = format!("`{parent}` has more than {} `{name}`", child.most);
        let error = Diagnostic::new(Code::RepeatedElement, name_span(*extra), message);
        diagnostics.push(error.also(name_span(found[0]), "the first is here"));
    }
}
