//! From elements of the right shape to what they say.

use super::raw::*;
use super::value::Attributes;
use crate::code::Code;
use crate::diagnostic::Diagnostics;
use roxmltree::Node;
use sel4_abi::microkit::limit;

fn elements<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The root element.
pub fn system(root: Node, diagnostics: &mut Diagnostics) -> RawSystem {
    let mut system = RawSystem::default();
    for element in elements(root, "protection_domain") {
        protection_domain(element, None, &mut system.pds, diagnostics);
    }
    system.regions = elements(root, "memory_region").map(|element| region(element, diagnostics)).collect();
    for element in elements(root, "channel") {
        let channel = channel(element, &mut system.pds, diagnostics);
        system.channels.push(channel);
    }
    system.domains = elements(root, "domains").next().map(|element| domains(element, diagnostics));
    system
}

fn schedule(attributes: &mut Attributes) -> RawSchedule {
    let budget = attributes.number_or("budget", limit::BUDGET_DEFAULT_US);
    let period = attributes.number("period").or_else(|| budget.clone());
    RawSchedule { priority: attributes.number_or("priority", 0), budget, period }
}

/// Reads a protection domain and its children into `pds`.
fn protection_domain(node: Node, parent: Option<usize>, pds: &mut Vec<RawPd>, diagnostics: &mut Diagnostics) {
    let index = pds.len();
    let mut attributes = Attributes::of(node, diagnostics);
    let pd = RawPd {
        span: attributes.element(),
        name: attributes.text("name"),
        parent,
        child_id: attributes.number("id"),
        schedule: schedule(&mut attributes),
        passive: attributes.boolean("passive", false).value,
        stack_size: attributes.number_or("stack_size", limit::STACK_DEFAULT),
        cpu: attributes.number_or("cpu", 0),
        smc: attributes.boolean("smc", false).value,
        fpu: attributes.boolean("fpu", true).value,
        domain: attributes.text("domain"),
        reload: attributes.boolean("reload", false),
        image: None,
        image_for_symbols: None,
        maps: Vec::new(),
        irqs: Vec::new(),
        setvars: Vec::new(),
        caps: Vec::new(),
        vm: None,
    };
    let child_id = pd.child_id.clone();
    let setvar_id = attributes.text("setvar_id");
    pds.push(pd);
    pd_children(node, &mut pds[index], diagnostics);
    if let Some(parent) = parent {
        pds[parent].set(setvar_id, RawSetVarValue::Number(child_id));
    }
    for child in elements(node, "protection_domain") {
        protection_domain(child, Some(index), pds, diagnostics);
    }
}

fn pd_children(node: Node, pd: &mut RawPd, diagnostics: &mut Diagnostics) {
    if let Some(element) = elements(node, "program_image").next() {
        let attributes = Attributes::of(element, diagnostics);
        pd.image = attributes.text("path");
        pd.image_for_symbols = attributes.text("path_for_symbols");
    }
    for element in elements(node, "map") {
        let map = map(element, pd, diagnostics);
        pd.maps.push(map);
    }
    for element in elements(node, "irq") {
        let mut attributes = Attributes::of(element, diagnostics);
        let irq = RawIrq {
            irq: attributes.number("irq"),
            id: attributes.number("id"),
            edge: attributes.choice("trigger", &[("level", false), ("edge", true)], false).value,
        };
        pd.set(attributes.text("setvar_id"), RawSetVarValue::Number(irq.id.clone()));
        pd.irqs.push(irq);
    }
    for element in elements(node, "setvar") {
        let attributes = Attributes::of(element, diagnostics);
        pd.set(attributes.text("symbol"), RawSetVarValue::Paddr(attributes.text("region_paddr")));
    }
    if let Some(element) = elements(node, "cspace").next() {
        caps(element, pd, diagnostics);
    }
    if let Some(element) = elements(node, "virtual_machine").next() {
        pd.vm = Some(virtual_machine(element, pd, diagnostics));
    }
}

impl RawPd {
    fn set(&mut self, symbol: Text, value: RawSetVarValue) {
        self.setvars.extend(symbol.map(|symbol| RawSetVar { symbol, value }));
    }
}

/// Reads a `map` of a protection domain or of its virtual machine; symbols are the protection domain's.
fn map(node: Node, pd: &mut RawPd, diagnostics: &mut Diagnostics) -> RawMap {
    let mut attributes = Attributes::of(node, diagnostics);
    let map = RawMap {
        span: attributes.element(),
        region: attributes.text("mr"),
        vaddr: attributes.number("vaddr"),
        perms: attributes.perms("perms"),
        cached: attributes.boolean("cached", true).value,
    };
    pd.set(attributes.text("setvar_vaddr"), RawSetVarValue::Number(map.vaddr.clone()));
    pd.set(attributes.text("setvar_size"), RawSetVarValue::Size(map.region.clone()));
    pd.set(attributes.text("setvar_prefill_size"), RawSetVarValue::PrefillSize(map.region.clone()));
    map
}

fn caps(node: Node, pd: &mut RawPd, diagnostics: &mut Diagnostics) {
    for element in node.children().filter(Node::is_element) {
        let of = match element.tag_name().name() {
            "cap_tcb" => CapOf::Tcb,
            "cap_sc" => CapOf::SchedContext,
            "cap_vspace" => CapOf::VSpace,
            _ => continue,
        };
        let mut attributes = Attributes::of(element, diagnostics);
        pd.caps.push(RawCap { of, of_whom: party(&mut attributes), slot: attributes.number("slot") });
    }
}

fn party(attributes: &mut Attributes) -> RawParty {
    RawParty {
        span: attributes.element(),
        pd: attributes.text("pd"),
        vm: attributes.text("vm"),
        vcpu: attributes.number("vcpu"),
    }
}

fn virtual_machine(node: Node, pd: &mut RawPd, diagnostics: &mut Diagnostics) -> RawVm {
    let mut attributes = Attributes::of(node, diagnostics);
    let name = attributes.text("name");
    let schedule = schedule(&mut attributes);
    let virtual_time = attributes.choice("time", &[("real", false), ("virtual", true)], false);
    let mut vcpus = Vec::new();
    for element in elements(node, "vcpu") {
        let mut attributes = Attributes::of(element, diagnostics);
        let vcpu = RawVcpu { id: attributes.number("id"), cpu: attributes.number("cpu") };
        pd.set(attributes.text("setvar_id"), RawSetVarValue::Number(vcpu.id.clone()));
        vcpus.push(vcpu);
    }
    let maps = elements(node, "map").map(|element| map(element, pd, diagnostics)).collect();
    let devices = elements(node, "device").map(|element| device(element, diagnostics)).collect();
    RawVm { name, schedule, virtual_time, vcpus, maps, devices }
}

fn device(node: Node, diagnostics: &mut Diagnostics) -> RawDevice {
    let mut attributes = Attributes::of(node, diagnostics);
    RawDevice {
        span: attributes.element(),
        compatible: attributes.text("compatible"),
        vaddr: attributes.number("vaddr"),
        size: attributes.number("size"),
        irq: attributes.number("irq"),
        dma: attributes.text("dma").map(|_| attributes.boolean("dma", false).value),
    }
}

fn region(node: Node, diagnostics: &mut Diagnostics) -> RawRegion {
    let mut attributes = Attributes::of(node, diagnostics);
    attributes.refuse(
        Code::BootInformation,
        "prefill_bootinfo",
        "is for x86-64 only: here no region is filled with boot information",
    );
    RawRegion {
        span: attributes.element(),
        name: attributes.text("name"),
        size: attributes.number("size"),
        has_size: attributes.text("size").is_some(),
        page_size: attributes.number("page_size"),
        phys_addr: attributes.number("phys_addr"),
        prefill: attributes.text("prefill_path"),
    }
}

fn channel(node: Node, pds: &mut [RawPd], diagnostics: &mut Diagnostics) -> RawChannel {
    let mut ends = Vec::new();
    for element in elements(node, "end") {
        let mut attributes = Attributes::of(element, diagnostics);
        let end = RawEnd {
            span: attributes.element(),
            party: party(&mut attributes),
            id: attributes.number("id"),
            pp: attributes.boolean("pp", false),
            notify: attributes.boolean("notify", true).value,
            broadcast: attributes.boolean("broadcast", false),
            blind: attributes.boolean("blind", false),
        };
        // What a guest calls the channel is told to its manager.
        let is = |name: &Text, given: &Text| name.is_some() && text(name) == text(given);
        let named = |pd: &&mut RawPd| {
            is(&pd.name, &end.party.pd) || pd.vm.as_ref().is_some_and(|vm| is(&vm.name, &end.party.vm))
        };
        if let Some(pd) = pds.iter_mut().find(named) {
            pd.set(attributes.text("setvar_id"), RawSetVarValue::Number(end.id.clone()));
        }
        ends.push(end);
    }
    RawChannel { ends }
}

fn text(text: &Text) -> Option<&str> {
    text.as_ref().map(|text| text.value.as_str())
}

fn domains(node: Node, diagnostics: &mut Diagnostics) -> RawDomains {
    let mut names = Vec::new();
    for element in elements(node, "domain") {
        let mut attributes = Attributes::of(element, diagnostics);
        names.push((attributes.text("name"), attributes.number("id")));
    }
    let span = super::shape::name_span(node);
    let mut domains = RawDomains { span, names, entries: Vec::new(), start: None, shift: None };
    let Some(schedule) = elements(node, "domain_schedule").next() else {
        return domains;
    };
    let mut attributes = Attributes::of(schedule, diagnostics);
    domains.start = attributes.number("start_index");
    domains.shift = attributes.number("index_shift");
    for element in schedule.children().filter(Node::is_element) {
        let mut attributes = Attributes::of(element, diagnostics);
        domains.entries.push(match element.tag_name().name() {
            "schedule_entry" => {
                RawTurn::Entry { domain: attributes.text("domain"), duration: attributes.duration("duration") }
            }
            _ => RawTurn::End,
        });
    }
    domains
}
