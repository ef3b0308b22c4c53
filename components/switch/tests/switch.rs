//! The switch between stations in memory.

use std::collections::VecDeque;

use ivc::net::{MAX_FRAME, Port};
use ivc::statistics::{Reader, Table};
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;
use switch::config::Config;
use switch::{Station, Switch};

const STATIONS: &str = "\
0 a 02:00:00:00:00:00
1 b 02:00:00:00:00:01
2 c 02:00:00:00:00:02
3 up any
talk a b
talk up a
";
const ALL: u8 = 0xff;

fn memory() -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(1024).collect()
}

struct Bench<'m> {
    switch: Switch<'m>,
    stations: Vec<Port<'m>>,
    impostors: Vec<String>,
}

impl<'m> Bench<'m> {
    fn new(memory: &'m [Vec<Block>]) -> Self {
        let (config, problems) = Config::parse(STATIONS.as_bytes());
        assert_eq!(problems, []);
        let port = |n: usize| Port::switch(Region::over(&memory[n])).expect("room");
        let stations =
            config.stations.iter().map(|station| Station { config: station.clone(), port: port(station.channel) });
        let switch = Switch::new(stations.collect(), &config);
        let stations = memory.iter().map(|memory| Port::station(Region::over(memory)).expect("room")).collect();
        Self { switch, stations, impostors: Vec::new() }
    }

    fn settle(&mut self) {
        loop {
            let turn = self.switch.turn();
            self.impostors.extend(turn.impostors);
            if !turn.more {
                return;
            }
        }
    }

    /// What has come to a station: the frames' last bytes.
    fn received(&mut self, station: usize) -> Vec<u8> {
        let mut buffer = [0; MAX_FRAME];
        std::iter::from_fn(|| self.stations[station].receive(&mut buffer).map(|length| buffer[length - 1])).collect()
    }
}

fn address(last: u8) -> [u8; 6] {
    if last == ALL { [0xff; 6] } else { [2, 0, 0, 0, 0, last] }
}

fn frame(to: u8, from: u8, mark: u8) -> Vec<u8> {
    [address(to).as_slice(), &address(from), &[8, 0], &[0; 45], &[mark]].concat()
}

fn four() -> Vec<Vec<Block>> {
    std::iter::repeat_with(memory).take(4).collect()
}

#[test]
fn stations_know_their_addresses() {
    let memory = four();
    let bench = Bench::new(&memory);
    let addresses: Vec<_> = bench.stations.iter().map(Port::address).collect();
    assert_eq!(addresses, [Some(address(0)), Some(address(1)), Some(address(2)), None]);
}

#[test]
fn only_those_who_may_hear_each_other() {
    let memory = four();
    let mut bench = Bench::new(&memory);
    for (from, to) in [(0, ALL), (1, ALL), (2, ALL), (2, 0), (2, 1), (0, 2), (1, 0), (0, 1)] {
        bench.stations[usize::from(from)].send(&frame(to, from, from * 16 + to % 16));
        bench.settle();
    }
    let got: Vec<_> = (0..4).map(|station| bench.received(station)).collect();
    // Nobody knows who 2 is, as far as 0 may: that goes to those behind the uplink.
    assert_eq!(got, [vec![0x1f, 0x10], vec![0x0f, 0x01], vec![], vec![0x0f]]);
}

#[test]
fn frames_are_counted() {
    let (memory, counters) = (four(), memory());
    let mut bench = Bench::new(&memory);
    bench.switch = bench.switch.counted(&mut Table::over(Region::over(&counters)));
    // To one that may hear it, to one that may not, under another's address.
    for frame in [frame(1, 0, 1), frame(0, 2, 2), frame(1, 2, 3), frame(0, 1, 4)] {
        let from = usize::from(frame[11] % 2);
        bench.stations[from].send(&frame);
        bench.settle();
    }
    bench.stations[2].send(&frame(0, 2, 5));
    // More than station 1 has room for.
    let room = (0..10_000)
        .take_while(|_| {
            bench.stations[0].send(&frame(1, 0, 6)) && {
                bench.settle();
                true
            }
        })
        .count();
    let counted: Vec<u64> = Reader::over(Region::over(&counters)).counters().map(|(_, value)| value).collect();
    let names: Vec<String> =
        Reader::over(Region::over(&counters)).counters().map(|(name, _)| name.as_str().to_owned()).collect();
    assert_eq!(names, ["frames", "bytes", "lost", "unheard", "impostors"]);
    assert_eq!((counted[0], counted[1]), (room as u64 + 5, (room as u64 + 5) * frame(0, 0, 0).len() as u64));
    assert!(counted[2] > 0 && counted[2] < room as u64, "{counted:?}");
    assert_eq!((counted[3], counted[4]), (1, 2));
}

#[test]
fn who_is_behind_the_uplink_is_learned() {
    let memory = four();
    let mut bench = Bench::new(&memory);
    bench.stations[0].send(&frame(77, 0, 1));
    bench.settle();
    assert_eq!((bench.received(3), bench.received(1)), (vec![1], vec![]));
    bench.stations[3].send(&frame(0, 77, 2));
    bench.stations[3].send(&frame(1, 77, 3));
    bench.settle();
    assert_eq!((bench.received(0), bench.received(1)), (vec![2], vec![]));
    bench.stations[0].send(&frame(77, 0, 4));
    bench.settle();
    assert_eq!(bench.received(3), [4]);
}

#[test]
fn an_impostor_is_told_once_and_not_heard() {
    let memory = four();
    let mut bench = Bench::new(&memory);
    for source in [0, 77, ALL] {
        bench.stations[1].send(&frame(0, source, 1));
    }
    bench.settle();
    assert_eq!((bench.received(0), bench.impostors), (vec![], vec!["b".to_owned()]));
}

#[test]
fn addresses_without_end_cost_the_uplink_only() {
    let memory = four();
    let mut bench = Bench::new(&memory);
    for last in 0..200u8 {
        let source = [6, 0, 0, 0, 9, last];
        bench.stations[3].send(&[&address(0), source.as_slice(), &[0; 46]].concat());
        bench.settle();
        bench.received(0);
    }
    bench.stations[0].send(&frame(1, 0, 5));
    bench.settle();
    assert_eq!((bench.received(1), bench.received(3)), (vec![5], vec![]));
}

#[test]
fn one_that_does_not_listen_delays_nobody() {
    let memory = four();
    let mut bench = Bench::new(&memory);
    let mut heard = 0;
    for round in 0..200 {
        bench.stations[0].send(&frame(ALL, 0, round));
        bench.settle();
        heard += bench.received(1).len();
    }
    // The uplink has not listened.
    assert_eq!(heard, 200);
    assert!(bench.received(3).len() < 200);
}

proptest! {
    /// Frames arrive where the rules say, in order, as long as there is room; scribbling harms nobody else.
    #[test]
    fn it_does_what_the_rules_say(frames in vec((0..4u8, 0..5u8, 0..5u8, any::<u8>()), 0..60)) {
        let memory = four();
        let mut bench = Bench::new(&memory);
        let mut expected: Vec<VecDeque<u8>> = vec![VecDeque::new(); 4];
        let may = |from, to| matches!((from, to), (0, 1) | (1, 0) | (0, 3) | (3, 0));
        for (from, to, source, mark) in frames {
            let to = if to == 4 { ALL } else { to };
            // Only the uplink has others behind it; it does not take the stations' addresses here.
            let source = if from == 3 { 100 + source } else { source };
            bench.stations[usize::from(from)].send(&frame(to, source, mark));
            bench.settle();
            for station in 0..4u8 {
                let honest = from == 3 || source == from;
                // Nobody has sent as 3, so it is looked for behind the uplink.
                let meant = to == ALL || to == station;
                if honest && meant && station != from && may(from, station) {
                    expected[usize::from(station)].push_back(mark);
                }
                let got = bench.received(usize::from(station));
                prop_assert_eq!(got, Vec::from(std::mem::take(&mut expected[usize::from(station)])));
            }
        }
    }

    #[test]
    fn no_station_harms_the_switch(
        scribbles in vec((0..4usize, any::<prop::sample::Index>(), 0..8usize, prop_oneof![any::<u64>(), 0..4000u64]), 0..60),
    ) {
        let memory = four();
        let mut bench = Bench::new(&memory);
        for (station, block, word, value) in scribbles {
            block.get(&memory[station]).scribble(word, value);
            for _ in 0..10 {
                let _ = bench.switch.turn();
            }
        }
    }
}
