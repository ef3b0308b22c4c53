//! Interrupts of the machine's devices, on a physical controller.

use super::*;
use proptest::prelude::*;

const LEVEL: u32 = 40;
const EDGE: u32 = 41;
const THIRD: u32 = 42;
const LINES: [HardwareLine; 3] = [
    HardwareLine { intid: LEVEL, edge: false },
    HardwareLine { intid: EDGE, edge: true },
    HardwareLine { intid: THIRD, edge: false },
];

fn machine(version: Version, vcpus: usize) -> Machine {
    let mut machine = Machine::with_lines(version, vcpus, &LINES);
    machine.write(machine.distributor(), 0, CTLR, 4, 3);
    for intid in [LEVEL, EDGE, THIRD] {
        if version == Version::V2 && vcpus > 1 {
            machine.write(Block::GICD_V2, 0, TARGETS + u64::from(intid), 1, 1);
        }
        machine.write_bit(0, ENABLE, intid);
    }
    machine
}

fn take(machine: &mut Machine, cpu: usize) -> Option<u32> {
    let taken = machine.acknowledge(cpu)?;
    machine.set_physical(taken.intid, false);
    machine.end(cpu, taken);
    Some(taken.intid)
}

#[test]
fn it_comes_again_after_its_end_and_nobody_is_woken() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        for _ in 0..3 {
            machine.hw.set_line(LEVEL, true);
            assert!(machine.hw.signalled.is_empty());
            let taken = machine.hw.acknowledge(0).expect("it is there");
            assert_eq!((taken.intid, machine.hw.acknowledge(0)), (LEVEL, None));
            machine.hw.set_line(LEVEL, false);
            machine.hw.end(0, taken);
            assert_eq!(machine.hw.maintenance(0), None);
        }
        // A level that stays high is there again at once.
        machine.hw.set_line(LEVEL, true);
        let taken = machine.hw.acknowledge(0).expect("it is there");
        machine.hw.end(0, taken);
        assert_eq!(machine.hw.acknowledge(0).map(|taken| taken.intid), Some(LEVEL));
    }
}

#[test]
fn several_at_once_all_come() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        for _ in 0..3 {
            [LEVEL, EDGE, THIRD].iter().for_each(|&intid| machine.set_physical(intid, true));
            let mut taken: std::vec::Vec<_> = (0..3).filter_map(|_| take(&mut machine, 0)).collect();
            taken.sort_unstable();
            assert_eq!(taken, [LEVEL, EDGE, THIRD]);
            assert_eq!(take(&mut machine, 0), None);
        }
    }
}

#[test]
fn disabled_it_stays_in_the_controller_where_its_state_is_seen() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        for intid in [LEVEL, EDGE] {
            machine.write_bit(0, DISABLE, intid);
            machine.set_physical(intid, true);
            assert_eq!(machine.acknowledge(0), None);
            assert!(machine.read_bit(0, SET_PENDING, intid));
        }
        // The level falls, and is forgotten; an edge is not.
        machine.set_physical(LEVEL, false);
        machine.set_physical(EDGE, false);
        assert!(!machine.read_bit(0, SET_PENDING, LEVEL) && machine.read_bit(0, SET_PENDING, EDGE));
        [LEVEL, EDGE].iter().for_each(|&intid| machine.write_bit(0, ENABLE, intid));
        assert_eq!(take(&mut machine, 0), Some(EDGE));
        assert_eq!(take(&mut machine, 0), None);
    }
}

#[test]
fn the_guest_sees_it_pending_and_active() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        machine.set_physical(LEVEL, true);
        assert!(machine.read_bit(0, SET_PENDING, LEVEL) && !machine.read_bit(0, SET_ACTIVE, LEVEL));
        let taken = machine.acknowledge(0).expect("it is there");
        machine.set_physical(LEVEL, false);
        assert!(!machine.read_bit(0, SET_PENDING, LEVEL) && machine.read_bit(0, SET_ACTIVE, LEVEL));
        machine.end(0, taken);
        assert!(!machine.read_bit(0, SET_PENDING, LEVEL) && !machine.read_bit(0, SET_ACTIVE, LEVEL));
    }
}

#[test]
fn the_guest_makes_it_pending_and_takes_it_back() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        machine.write_bit(0, SET_PENDING, EDGE);
        assert_eq!(take(&mut machine, 0), Some(EDGE));
        machine.set_physical(EDGE, true);
        machine.write_bit(0, CLEAR_PENDING, EDGE);
        assert_eq!(take(&mut machine, 0), None);
        // A line that is high is pending all the same.
        machine.set_physical(LEVEL, true);
        machine.write_bit(0, CLEAR_PENDING, LEVEL);
        assert_eq!(take(&mut machine, 0), Some(LEVEL));
        // One that is active does not come, until it is made inactive.
        machine.write_bit(0, SET_ACTIVE, LEVEL);
        machine.set_physical(LEVEL, true);
        assert_eq!(machine.acknowledge(0), None);
        machine.write_bit(0, CLEAR_ACTIVE, LEVEL);
        assert_eq!(take(&mut machine, 0), Some(LEVEL));
    }
}

#[test]
fn its_trigger_is_the_devices() {
    let mut machine = machine(Version::V2, 1);
    machine.write(Block::GICD_V2, 0, CONFIGURATION + 8, 4, 0);
    assert_eq!(machine.read(Block::GICD_V2, 0, CONFIGURATION + 8, 4), 2 << (2 * (EDGE - 32)));
}

#[test]
fn it_follows_its_target_with_what_has_come() {
    for version in VERSIONS {
        let mut machine = machine(version, 2);
        machine.set_physical(EDGE, true);
        machine.set_physical(LEVEL, true);
        for intid in [LEVEL, EDGE] {
            match version {
                Version::V2 => machine.write(Block::GICD_V2, 0, TARGETS + u64::from(intid), 1, 2),
                Version::V3 => machine.write(Block::GICD_V3, 0, ROUTE + 8 * u64::from(intid), 8, 1),
            }
        }
        assert_eq!(machine.acknowledge(0), None);
        let mut taken = [take(&mut machine, 1), take(&mut machine, 1)];
        taken.sort_unstable();
        assert_eq!((taken, take(&mut machine, 1)), ([Some(LEVEL), Some(EDGE)], None));
    }
}

#[test]
fn nothing_of_it_outlives_a_reset() {
    for version in VERSIONS {
        let mut machine = machine(version, 1);
        machine.set_physical(EDGE, true);
        machine.set_physical(LEVEL, true);
        machine.write_bit(0, SET_ACTIVE, THIRD);
        machine.gic.reset(&mut machine.hw);
        machine.maintain();
        machine.set_physical(LEVEL, false);
        machine.write(machine.distributor(), 0, CTLR, 4, 3);
        [LEVEL, EDGE, THIRD].iter().for_each(|&intid| machine.write_bit(0, ENABLE, intid));
        assert_eq!(machine.acknowledge(0), None);
        for intid in [LEVEL, THIRD] {
            machine.set_physical(intid, true);
            assert_eq!(take(&mut machine, 0), Some(intid));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Raise(usize),
    Lower(usize),
    Enable(usize, bool),
    Priority(usize, u8),
    Acknowledge,
    End,
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..3).prop_map(Step::Raise),
        2 => (0usize..3).prop_map(Step::Lower),
        2 => (0usize..3, any::<bool>()).prop_map(|(line, on)| Step::Enable(line, on)),
        1 => (0usize..3, any::<u8>()).prop_map(|(line, priority)| Step::Priority(line, priority & 0xf0)),
        4 => Just(Step::Acknowledge),
        4 => Just(Step::End),
        1 => Just(Step::Look),
    ]
}

proptest! {
    /// Whatever has happened: each level that is high and enabled comes, and so does each edge, once.
    #[test]
    fn nothing_is_lost(steps in proptest::collection::vec(step(), 1..60), v3: bool) {
        let version = if v3 { Version::V3 } else { Version::V2 };
        let mut machine = machine(version, 1);
        let mut active: std::vec::Vec<Acknowledged> = std::vec::Vec::new();
        let mut edges = 0;
        let mut high = [false; 3];
        for step in steps {
            match step {
                Step::Raise(line) => {
                    edges |= i32::from(line == 1 && !high[1]);
                    high[line] = true;
                    machine.set_physical(LINES[line].intid, true);
                }
                Step::Lower(line) => {
                    high[line] = false;
                    machine.set_physical(LINES[line].intid, false);
                }
                Step::Enable(line, on) => machine.write_bit(0, if on { ENABLE } else { DISABLE }, LINES[line].intid),
                Step::Priority(line, priority) => machine.set_priority(0, LINES[line].intid, priority),
                Step::Acknowledge => {
                    if let Some(taken) = machine.acknowledge(0) {
                        prop_assert!(!active.contains(&taken), "twice at once");
                        edges = if taken.intid == EDGE { 0 } else { edges };
                        active.push(taken);
                    }
                }
                Step::End => {
                    if let Some(taken) = active.pop() {
                        machine.end(0, taken);
                    }
                }
                Step::Look => drop((machine.read_bit(0, SET_PENDING, EDGE), machine.read_bit(0, SET_ACTIVE, LEVEL))),
            }
        }
        while let Some(taken) = active.pop() {
            machine.end(0, taken);
        }
        LINES.iter().for_each(|line| machine.write_bit(0, ENABLE, line.intid));
        LINES.iter().for_each(|line| machine.set_priority(0, line.intid, 0x80));
        let mut came = [false; 3];
        for _ in 0..6 {
            let Some(taken) = machine.acknowledge(0) else { break };
            came[LINES.iter().position(|line| line.intid == taken.intid).expect("a line")] = true;
            machine.set_physical(taken.intid, false);
            machine.end(0, taken);
        }
        prop_assert!(!high[0] || came[0], "a level is lost");
        prop_assert!(!high[2] || came[2], "a level is lost");
        prop_assert!(edges == 0 || came[1], "an edge is lost");
    }
}
