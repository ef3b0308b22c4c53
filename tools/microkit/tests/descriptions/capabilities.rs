//! A protection domain holds what its description gives it, and nothing else: all slots of its CNodes, whatever is
//! asked for.

use crate::kernel;
use crate::support::{folder, run};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;
use system_spec::{Cap, CapData, Record, Rights, Spec};

static FILES: LazyLock<PathBuf> = LazyLock::new(|| folder("capabilities"));

/// A capability: what it points to, its rights as in `rw-p`, its badge.
type Held = (String, String, Option<u64>);

/// What a description asks for, for the protection domain `a`.
#[derive(Debug, Clone)]
struct Wishes {
    benchmark: bool,
    passive: bool,
    smc: bool,
    /// Of the channel to `b`: ids of both ends, `a` may call, `a` may notify, `b` may notify.
    channel: Option<(u64, u64, bool, bool, bool)>,
    /// Another one calls `a`.
    called: bool,
    irq: Option<u64>,
    child: Option<u64>,
    vcpu: Option<u64>,
    /// Of a channel between its guest and that of `b`: ids of both ends, the guest may tell the other one.
    guests: Option<(u64, u64, bool)>,
    /// Slots for capabilities of `b`: TCB, scheduling context, address space.
    granted: BTreeSet<u64>,
}

fn wishes() -> impl Strategy<Value = Wishes> {
    let own = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let id = |range| prop::option::of(range);
    let channel = prop::option::of((0u64..20, 0u64..62, any::<bool>(), any::<bool>(), any::<bool>()));
    let guests = prop::option::of((0u64..62, 0u64..62, any::<bool>()));
    let slots = prop::collection::btree_set(1u64..64, 0..4);
    let others = (channel, id(20u64..40), id(0u64..30), id(30u64..62), guests, slots);
    (own, others).prop_map(|((benchmark, passive, smc, called), (channel, irq, child, vcpu, guests, granted))| Wishes {
        benchmark,
        passive,
        smc,
        channel,
        called,
        irq,
        child,
        vcpu,
        guests: guests.filter(|_| vcpu.is_some()),
        granted,
    })
}

const GRANTS: [(&str, &str); 3] =
    [("cap_tcb", "TCB"), ("cap_sc", "scheduling context"), ("cap_vspace", "address space")];

impl Wishes {
    fn xml(&self) -> String {
        const IMAGE: &str = "<program_image path=\"pd.elf\" />";
        let one = |wish: Option<u64>, text: &dyn Fn(u64) -> String| wish.map(text).unwrap_or_default();
        let irq = one(self.irq, &|id| format!("<irq irq=\"40\" id=\"{id}\" />"));
        let child = |id| format!("<protection_domain name=\"c\" id=\"{id}\">{IMAGE}</protection_domain>");
        let vm = |id| format!("<virtual_machine name=\"v\"><vcpu id=\"{id}\" /></virtual_machine>");
        let grants = GRANTS.iter().cycle().zip(&self.granted);
        let grants: String = grants.map(|((cap, _), slot)| format!("<{cap} pd=\"b\" slot=\"{slot}\" />")).collect();
        let channel = self.channel.map(|(ours, theirs, calls, notifies, is_notified)| {
            format!(
                "<channel><end pd=\"a\" id=\"{ours}\" pp=\"{calls}\" notify=\"{notifies}\" />\
                 <end pd=\"b\" id=\"{theirs}\" notify=\"{is_notified}\" /></channel>"
            )
        });
        let caller = if self.called {
            "<channel><end pd=\"l\" id=\"3\" pp=\"true\" /><end pd=\"a\" id=\"61\" /></channel>"
        } else {
            ""
        };
        let guests = self.guests.map_or(String::new(), |(ours, theirs, tells)| {
            format!(
                "<channel><end vm=\"v\" id=\"{ours}\" notify=\"{tells}\" />\
                 <end vm=\"w\" id=\"{theirs}\" notify=\"false\" /></channel>"
            )
        });
        format!(
            "<system><protection_domain name=\"a\" priority=\"5\" passive=\"{}\" smc=\"{}\">\
             {IMAGE}{irq}{}{}<cspace>{grants}</cspace></protection_domain>\
             <protection_domain name=\"b\" priority=\"9\">{IMAGE}\
             <virtual_machine name=\"w\"><vcpu id=\"0\" /></virtual_machine></protection_domain>\
             <protection_domain name=\"l\">{IMAGE}</protection_domain>{}{guests}{caller}</system>",
            self.passive,
            self.smc,
            one(self.child, &child),
            one(self.vcpu, &vm),
            channel.unwrap_or_default(),
        )
    }

    /// The slots of the CNode that libmicrokit knows, as the manual lists them.
    fn expected(&self) -> BTreeMap<u32, Held> {
        let mut slots = BTreeMap::new();
        let mut hold = |slot: u64, object: &str, rights: &str, badge| {
            assert!(slots.insert(slot as u32, (object.to_owned(), rights.to_owned(), badge)).is_none());
        };
        if self.called || self.child.is_some() || self.vcpu.is_some() {
            hold(1, "a: endpoint", "rwg-", None);
        } else {
            hold(1, "a: notification", "rw--", None);
        }
        hold(2, "monitor: endpoint", "-wgp", Some(1));
        hold(3, "a: address space", "rwgp", None);
        hold(4, "a: reply", "rwgp", None);
        if self.passive {
            hold(5, "monitor: endpoint", "-wgp", Some(1));
        }
        if self.benchmark {
            hold(6, "a: TCB", "rwgp", None);
        }
        if self.smc {
            hold(7, "SMC", "rwgp", None);
        }
        if let Some((ours, theirs, calls, notifies, _)) = self.channel {
            if notifies {
                hold(10 + ours, "b: notification", "-w--", Some(1 << theirs));
            }
            if calls {
                hold(74 + ours, "b: endpoint", "-wgp", Some(1 << 63 | theirs));
            }
        }
        if self.called {
            hold(10 + 61, "l: notification", "-w--", Some(1 << 3));
        }
        if let Some(id) = self.irq {
            hold(138 + id, "a: interrupt 40", "rwgp", None);
        }
        if let Some(id) = self.child {
            hold(202 + id, "c: TCB", "rwgp", None);
        }
        if let Some(id) = self.vcpu {
            hold(266 + id, &format!("v, vCPU {id}: TCB"), "rwgp", None);
            hold(330 + id, &format!("v, vCPU {id}: vCPU"), "rwgp", None);
        }
        if let Some((ours, theirs, true)) = self.guests {
            hold(394 + ours, "w, vCPU 0: vCPU", "rwgp", Some(1 << 63 | theirs));
        }
        slots
    }

    /// The slots of the root CNode.
    fn expected_root(&self) -> BTreeMap<u32, Held> {
        let held = |object: String| (object, "rwgp".to_owned(), None);
        let grants = GRANTS.iter().cycle().zip(&self.granted);
        let grants = grants.map(|((_, object), slot)| (*slot as u32, held(format!("b: {object}"))));
        grants.chain([(0, held("a: CNode".to_owned()))]).collect()
    }
}

/// What each CNode holds, by its name.
fn held(spec: &Spec) -> BTreeMap<String, BTreeMap<u32, Held>> {
    let name = |object| spec.name_of(object).expect("an object of the specification").to_owned();
    let mut nodes: BTreeMap<String, BTreeMap<u32, Held>> = BTreeMap::new();
    for record in spec.clone() {
        let Ok(Record::Slot { cnode, index, cap, rights, data, .. }) = record else { continue };
        let object = match cap {
            Cap::Object(object) => name(object),
            Cap::ImagePage(_) => panic!("nobody is given a page of the image as a capability"),
            Cap::Smc => "SMC".to_owned(),
        };
        let badge = match data {
            CapData::Badge(badge) => Some(badge),
            CapData::None | CapData::GuardBits(_) => None,
        };
        nodes.entry(name(cnode)).or_default().insert(index, (object, letters(rights), badge));
    }
    nodes
}

fn letters(rights: Rights) -> String {
    let letters = [(rights.read, 'r'), (rights.write, 'w'), (rights.grant, 'g'), (rights.grant_reply, 'p')];
    letters.iter().map(|(right, letter)| if *right { *letter } else { '-' }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_is_held_is_what_is_described(wishes in wishes()) {
        let config = if wishes.benchmark { "benchmark" } else { "release" };
        let (outputs, _, said) = run(&FILES, config, "wishes.xml", &wishes.xml());
        let Some(outputs) = outputs else { return Err(TestCaseError::fail(said)) };
        let (bytes, _) = kernel::spec_of(&outputs.image);
        let spec = Spec::new(&bytes).expect("a specification");
        let held = held(&spec);
        prop_assert_eq!(&held["a: CNode"], &wishes.expected());
        prop_assert_eq!(&held["a: root CNode"], &wishes.expected_root());
        // A guest has a CNode of its own, with what it may tell another.
        let port = wishes.guests.filter(|(.., tells)| *tells).map(|(ours, theirs, _)| {
            (ours as u32, ("w, vCPU 0: vCPU".to_owned(), "rwgp".to_owned(), Some(1 << 63 | theirs)))
        });
        let guests: BTreeMap<_, _> = held.iter().filter(|(name, _)| name.starts_with("v, vCPU")).collect();
        prop_assert!(guests.values().copied().flatten().eq(port.as_ref().map(|(slot, held)| (slot, held))));
    }
}
