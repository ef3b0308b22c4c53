//! Capabilities of every kind, packed, unpacked and changed; other modules' tests take theirs from here.

use super::*;
use proptest::prelude::*;

fn addr(align: u32) -> impl Strategy<Value = Addr> {
    (0u64..1 << Addr::BITS).prop_map(move |a| Addr::new(a >> align << align))
}

fn rights() -> impl Strategy<Value = CapRights> {
    (0u64..16).prop_map(CapRights::from_word)
}

fn mapping() -> impl Strategy<Value = Option<Mapping>> {
    proptest::option::of((any::<u16>(), 0u64..1 << 36).prop_map(|(asid, page)| Mapping::new(asid, page << 12)))
}

/// Any capability.
pub fn any_cap() -> impl Strategy<Value = Cap> {
    let frame =
        (addr(12), 0u64..3, rights(), any::<bool>(), mapping()).prop_map(|(addr, size, rights, device, mapping)| {
            Cap::Frame { addr, size: FrameSize::from_bits(size), rights, device, mapping }
        });
    prop_oneof![
        Just(Cap::Null),
        (addr(4), 4u32..48, any::<bool>(), 0..=1u64 << 43, 0..=MAX_CLEARED).prop_map(
            |(addr, size_bits, device, free, cleared)| Cap::Untyped {
                addr,
                size_bits,
                device,
                free: free << 4,
                cleared
            }
        ),
        (addr(4), any::<u64>(), rights()).prop_map(|(addr, badge, rights)| Cap::Endpoint { addr, badge, rights }),
        (addr(6), any::<u64>(), rights()).prop_map(|(addr, badge, rights)| Cap::Notification { addr, badge, rights }),
        (addr(5), any::<bool>()).prop_map(|(addr, grant)| Cap::Reply { addr, grant }),
        (addr(5), 1u32..40, any::<u64>()).prop_map(|(addr, radix, word)| Cap::CNode {
            addr,
            radix,
            guard: CNodeCapData::from_word(word)
        }),
        addr(11).prop_map(|addr| Cap::Thread { addr }),
        (addr(7), 7u32..48).prop_map(|(addr, size_bits)| Cap::SchedContext { addr, size_bits }),
        any::<u32>().prop_map(|core| Cap::SchedControl { core }),
        Just(Cap::IrqControl),
        any::<u32>().prop_map(|irq| Cap::IrqHandler { irq }),
        (0u32..16, any::<u32>()).prop_map(|(irq, target)| Cap::SgiSignal { irq, target }),
        Just(Cap::Domain),
        Just(Cap::AsidControl),
        (addr(12), any::<u16>()).prop_map(|(addr, base)| Cap::AsidPool { addr, base }),
        (addr(13), any::<Option<u16>>()).prop_map(|(addr, asid)| Cap::VSpace { addr, asid }),
        (addr(12), mapping()).prop_map(|(addr, mapping)| Cap::PageTable { addr, mapping }),
        frame,
        (addr(12), any::<u64>()).prop_map(|(addr, port)| Cap::VCpu { addr, port }),
        any::<u64>().prop_map(|badge| Cap::Smc { badge }),
        (addr(5), any::<u32>(), addr(5)).prop_map(|(slots, next, parent)| Cap::Zombie(Zombie { slots, next, parent })),
    ]
}

proptest! {
    #[test]
    fn packing_is_lossless(cap in any_cap()) {
        prop_assert_eq!(RawCap::pack(cap).unpack(), cap);
    }

    #[test]
    fn memory_that_is_shared_is_what_unpacking_says(cap in any_cap()) {
        let expected = match cap {
            Cap::Frame { addr, size, rights, device: false, .. } if rights.read && rights.write => Some((addr, size)),
            _ => None,
        };
        prop_assert_eq!(RawCap::pack(cap).shared_memory(), expected);
    }

    #[test]
    fn masking_never_adds_rights(cap in any_cap(), mask in rights()) {
        let rights_of = |cap| match cap {
            Cap::Endpoint { rights, .. } | Cap::Notification { rights, .. } | Cap::Frame { rights, .. } => {
                rights.to_word()
            }
            Cap::Reply { grant, .. } => u64::from(grant) << 2,
            _ => 0,
        };
        let masked = rights_of(cap.with_rights(mask));
        prop_assert_eq!(masked, rights_of(cap) & mask.to_word());
    }

    #[test]
    fn a_port_is_made_of_the_virtual_cpu_itself(data: u64, other: u64) {
        let (addr, port) = (Addr::new(4096), port::PORT | data);
        prop_assert_eq!(Cap::VCpu { addr, port: 0 }.with_data(port, false), Some(Cap::VCpu { addr, port }));
        prop_assert_eq!(Cap::VCpu { addr, port }.with_data(other, false), Some(Cap::VCpu { addr, port }));
        let meaningless = data & !port::PORT;
        prop_assert_eq!(Cap::VCpu { addr, port: 0 }.with_data(meaningless, false), Some(Cap::VCpu { addr, port: 0 }));
    }

    #[test]
    fn a_badge_is_set_once(badge in 1u64.., data: u64, rights in rights()) {
        let cap = Cap::Endpoint { addr: Addr::new(64), badge, rights };
        prop_assert_eq!(cap.with_data(data, false), None);
    }
}

proptest! {
    /// The ways to single fields, which the hot paths use, say what unpacking says.
    #[test]
    fn single_fields_agree_with_unpacking(cap in any_cap()) {
        let raw = RawCap::pack(cap);
        let cnode = match cap {
            Cap::CNode { addr, radix, guard } => Some((addr, radix, guard)),
            _ => None,
        };
        prop_assert_eq!(raw.as_cnode(), cnode);
        let endpoint = match cap {
            Cap::Endpoint { addr, badge, rights } => Some((addr, badge, rights)),
            _ => None,
        };
        prop_assert_eq!(raw.as_channel(Tag::Endpoint), endpoint);
        let notification = match cap {
            Cap::Notification { addr, badge, rights } => Some((addr, badge, rights)),
            _ => None,
        };
        prop_assert_eq!(raw.as_channel(Tag::Notification), notification);
        let reply = match cap {
            Cap::Reply { addr, grant } => Some((addr, grant)),
            _ => None,
        };
        prop_assert_eq!(raw.as_reply(), reply);
    }
}

#[test]
fn a_guard_must_leave_room_for_the_radix() {
    let cnode = Cap::CNode { addr: Addr::new(64), radix: 10, guard: CNodeCapData::from_word(0) };
    let data = |guard_size| CNodeCapData { guard: 0, guard_size }.to_word();
    assert!(cnode.with_data(data(54), false).is_some());
    assert!(cnode.with_data(data(55), false).is_none());
}
