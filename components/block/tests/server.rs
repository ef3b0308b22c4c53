//! The server between clients and a disk in memory.

use block::{Client, Server, config};
use ivc::block::{self as protocol, Answer, Disk, MAX_REQUEST, Operation, Request, SECTOR, Status};
use ivc::statistics::{Reader, Table};
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;

const SECTORS: u64 = 100;
const DRIVER: usize = 0;

/// Room for `data` bytes of data.
fn memory(data: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take((protocol::DATA + data) / 64).collect()
}

/// The disk's driver.
struct Driver<'m> {
    server: protocol::Server<'m>,
    content: Vec<u8>,
    fails: bool,
    /// The clients' sectors in the order in which they were asked for.
    order: Vec<u64>,
}

impl Driver<'_> {
    /// Answers so many requests.
    fn serve(&mut self, count: usize) {
        for _ in 0..count {
            let Some(request) = self.server.receive() else { return };
            let Request { tag, operation, sector, offset, length } = request.expect("a request that makes sense");
            self.order.push(sector);
            let range = sector as usize * SECTOR..sector as usize * SECTOR + length;
            match operation {
                Operation::Read => assert!(self.server.data().write(offset, &self.content[range])),
                Operation::Write => assert!(self.server.data().read(offset, &mut self.content[range])),
                Operation::Flush => {}
            }
            let status = if self.fails { Status::Failed } else { Status::Done };
            assert!(self.server.send(Answer { tag, status }));
        }
    }
}

/// A server with clients of these parts.
struct Bench<'m> {
    server: Server<'m>,
    driver: Driver<'m>,
    clients: Vec<protocol::Client<'m>>,
    problems: Vec<config::Problem>,
}

impl<'m> Bench<'m> {
    fn new(disk: &'m [Block], shared: &'m [Vec<Block>], text: &str) -> Self {
        let (parts, problems) = config::parse(text.as_bytes());
        let driver = protocol::Server::attach(Region::over(disk)).expect("room");
        driver.set_disk(&Disk { sectors: SECTORS, read_only: false, name: [0; 16] });
        let port = |n: usize| protocol::Server::attach(Region::over(&shared[n])).expect("room");
        let servers = parts.into_iter().enumerate().map(|(n, part)| Client { part, port: port(n) }).collect();
        let clients = shared.iter().map(|memory| protocol::Client::attach(Region::over(memory)).expect("room"));
        Self {
            server: Server::new(protocol::Client::attach(Region::over(disk)).expect("room"), DRIVER, servers),
            driver: Driver { server: driver, content: vec![0; SECTORS as usize * SECTOR], fails: false, order: vec![] },
            clients: clients.collect(),
            problems,
        }
    }

    /// Both sides until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..20 {
            let _ = self.server.turn(&mut self.problems);
            self.driver.serve(100);
        }
    }

    fn ask(&mut self, client: usize, operation: Operation, sector: u64, length: usize) {
        let request = Request { tag: sector as u32, operation, sector, offset: 0, length };
        assert!(self.clients[client].send(request));
    }

    fn status(&mut self, client: usize) -> Option<Status> {
        self.clients[client].receive().map(|answer| answer.status)
    }
}

const TWO: &str = "1 a 0 20K\n2 b 20K 20K read-only\n";

#[test]
fn clients_see_disks_of_their_own() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    bench.settle();
    assert_eq!(bench.problems, []);
    let disks: Vec<_> = bench.clients.iter().map(|client| client.disk().expect("the disk is known")).collect();
    assert_eq!(
        disks.iter().map(|disk| (disk.sectors, disk.read_only, disk.name[0])).collect::<Vec<_>>(),
        [(40, false, b'a'), (40, true, b'b')]
    );
}

#[test]
fn what_one_writes_is_in_its_part_and_the_other_cannot() {
    let (disk, shared, counters) = (memory(MAX_REQUEST), [memory(4096), memory(4096)], memory(256));
    let mut bench = Bench::new(&disk, &shared, TWO);
    bench.server = bench.server.counted(&mut Table::over(Region::over(&counters)));
    assert!(bench.clients[0].data().write(0, &[7; 1024]));
    bench.ask(0, Operation::Write, 38, 1024);
    bench.ask(1, Operation::Write, 0, 512);
    bench.settle();
    assert_eq!((bench.status(0), bench.status(1)), (Some(Status::Done), Some(Status::Refused)));
    assert!(bench.driver.content[38 * SECTOR..40 * SECTOR].iter().all(|&byte| byte == 7));
    assert_eq!(bench.driver.content.iter().filter(|&&byte| byte != 0).count(), 1024);
    bench.ask(1, Operation::Read, 0, 512);
    bench.ask(0, Operation::Flush, 99, 0);
    bench.settle();
    assert_eq!((bench.status(0), bench.status(1)), (Some(Status::Done), Some(Status::Done)));
    let mut read = [1; 512];
    assert!(bench.clients[1].data().read(0, &mut read));
    assert_eq!(read, [0; 512]);
    let counted = Reader::over(Region::over(&counters)).counters();
    let counted: Vec<_> = counted.map(|(name, value)| (name.as_str().to_owned(), value)).collect();
    let expected = [("requests", 4), ("refused", 1), ("bytes read", 512), ("bytes written", 1024), ("repeated", 0)];
    assert_eq!(counted, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn a_failure_goes_back_to_whom_it_happened() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    bench.driver.fails = true;
    bench.ask(0, Operation::Read, 1, 512);
    bench.settle();
    assert_eq!((bench.status(0), bench.status(1)), (Some(Status::Failed), None));
}

#[test]
fn a_flood_costs_the_other_one_turn() {
    let (disk, shared) = (memory(2 * MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    let _ = bench.server.turn(&mut bench.problems);
    for sector in 0..30 {
        bench.ask(0, Operation::Read, sector, 512);
    }
    let _ = bench.server.turn(&mut bench.problems);
    bench.ask(1, Operation::Read, 0, 512);
    for _ in 0..4 {
        bench.driver.serve(1);
        let _ = bench.server.turn(&mut bench.problems);
    }
    // Two were at the driver's before; then it is the other's turn.
    assert!(bench.driver.order.len() == 4 && bench.driver.order.contains(&40), "{:?}", bench.driver.order);
}

#[test]
fn a_part_behind_the_disk_is_told_and_empty() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, "\n1 a 20K 1M");
    bench.settle();
    assert_eq!(bench.problems.len(), 1);
    assert!(bench.problems[0].to_string().starts_with("clients, line 2: ends behind the disk"));
    assert_eq!(bench.clients[0].disk().map(|disk| disk.sectors), Some(0));
    bench.ask(0, Operation::Read, 0, 512);
    bench.settle();
    assert_eq!(bench.status(0), Some(Status::Refused));
}

#[test]
fn a_client_that_starts_anew_is_not_told_of_its_former_life() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    bench.ask(0, Operation::Read, 1, 512);
    let _ = bench.server.turn(&mut bench.problems);
    bench.clients[0] = protocol::Client::attach(Region::over(&shared[0])).expect("room");
    assert!(!bench.clients[0].is_served(), "the driver has the former life's request");
    bench.settle();
    assert!(bench.clients[0].is_served());
    assert_eq!(bench.status(0), None);
    bench.ask(0, Operation::Read, 2, 512);
    bench.settle();
    assert_eq!(bench.clients[0].receive(), Some(Answer { tag: 2, status: Status::Done }));
}

#[test]
fn a_client_that_starts_anew_loses_what_was_not_taken() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    bench.ask(0, Operation::Write, 1, 512);
    bench.clients[0] = protocol::Client::attach(Region::over(&shared[0])).expect("room");
    bench.settle();
    assert_eq!(bench.status(0), None);
    assert!(bench.driver.order.is_empty());
}

/// The driver dies with requests that it has taken, answered, and not seen.
#[test]
fn what_a_dead_driver_has_not_answered_is_asked_again() {
    let (disk, shared) = (memory(3 * MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    (1..=3).for_each(|sector| bench.ask(0, Operation::Read, sector, 512));
    let _ = bench.server.turn(&mut bench.problems);
    bench.driver.serve(1);
    assert!(bench.driver.server.receive().is_some());
    bench.driver.server = protocol::Server::attach(Region::over(&disk)).expect("room");
    assert!(bench.driver.server.receive().is_none(), "what was in the ring is thrown away");
    bench.settle();
    assert_eq!(bench.driver.order, [1, 2, 3], "each is done once more if it was not answered");
    let answers: Vec<_> = std::iter::from_fn(|| bench.clients[0].receive()).map(|answer| answer.tag).collect();
    assert_eq!(answers, [1, 2, 3]);
}

/// The server dies with requests at the driver; another takes its place.
#[test]
fn a_server_that_starts_anew_waits_for_the_driver_and_its_clients_repeat() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    assert!(bench.clients[0].lost().is_none());
    let position = bench.clients[0].position();
    bench.ask(0, Operation::Read, 1, 512);
    let _ = bench.server.turn(&mut bench.problems);
    let (parts, _) = config::parse(TWO.as_bytes());
    let port = |n: usize| protocol::Server::attach(Region::over(&shared[n])).expect("room");
    let servers = parts.into_iter().enumerate().map(|(n, part)| Client { part, port: port(n) }).collect();
    bench.server = Server::new(protocol::Client::attach(Region::over(&disk)).expect("room"), DRIVER, servers);
    let lost = bench.clients[0].lost().expect("the server has started anew");
    assert!(lost.has(position) && !lost.has(bench.clients[0].position()));
    bench.ask(0, Operation::Read, 2, 512);
    let _ = bench.server.turn(&mut bench.problems);
    assert_eq!(bench.driver.server.receive(), None, "what the former life asked is thrown away");
    bench.settle();
    assert_eq!(bench.driver.order, [2]);
    let answers: Vec<_> = std::iter::from_fn(|| bench.clients[0].receive()).map(|answer| answer.tag).collect();
    assert_eq!(answers, [2], "the other is the client's to repeat");
}

#[test]
fn a_disk_that_is_not_known_yet_is_waited_for() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, TWO);
    disk[0].scribble(0, 0);
    bench.ask(0, Operation::Read, 1, 512);
    bench.settle();
    assert_eq!((bench.status(0), bench.clients[0].disk()), (None, None));
    disk[0].scribble(0, 1);
    bench.settle();
    assert_eq!(bench.status(0), Some(Status::Done));
}

proptest! {
    /// Whatever clients ask, each touches its own part alone; whatever they scribble, the server goes on.
    #[test]
    fn nobody_reaches_beyond_its_part(
        requests in vec((0..2usize, 0..4u8, prop_oneof![0..45u64, any::<u64>()], 0..5000usize, 0..10usize), 0..60),
        scribbles in vec((0..2usize, any::<prop::sample::Index>(), 0..8usize, 0..500u64), 0..20),
    ) {
        let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
        let mut bench = Bench::new(&disk, &shared, TWO);
        let mut scribbles = scribbles.into_iter();
        for (client, kind, sector, offset, sectors) in requests {
            let operation = [Operation::Read, Operation::Write, Operation::Flush, Operation::Write][usize::from(kind)];
            assert!(bench.clients[client].data().write(0, &[client as u8 + 1; 4096]));
            bench.clients[client].send(Request { tag: 1, operation, sector, offset, length: sectors * SECTOR });
            if let Some((client, block, word, value)) = scribbles.next() {
                block.get(&shared[client]).scribble(word, value);
            }
            bench.settle();
            while bench.status(client).is_some() {}
        }
        // The second part is read-only, and nobody has what is behind it.
        prop_assert!(bench.driver.content[40 * SECTOR..].iter().all(|&byte| byte == 0));
    }
}

/// A disk's content with these partitions: label, first sector, number of sectors.
fn partitioned(partitions: &[(&str, u64, u64)]) -> Vec<u8> {
    let device = std::io::Cursor::new(vec![0; SECTORS as usize * SECTOR]);
    let mut disk = gpt::GptConfig::new().writable(true).create_from_device(device, None).expect("a table");
    for (number, &(name, first, sectors)) in (1..).zip(partitions) {
        disk.add_partition_at(name, number, first, sectors, gpt::partition_types::LINUX_FS, 0).expect("a partition");
    }
    disk.write().expect("a disk").into_inner()
}

/// The sectors of each client, and what was told, when the disk has this content.
fn served(text: &str, content: Vec<u8>) -> (Vec<u64>, Vec<String>) {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared[..text.lines().count()], text);
    bench.driver.content = content;
    bench.settle();
    let sectors = bench.clients.iter().map(|client| client.disk().expect("the disk is known").sectors).collect();
    (sectors, bench.problems.iter().map(ToString::to_string).collect())
}

const PARTITIONS: [(&str, u64, u64); 2] = [("boot", 40, 10), ("root", 50, 14)];

#[test]
fn a_part_may_be_a_partition() {
    let (disk, shared) = (memory(MAX_REQUEST), [memory(4096), memory(4096)]);
    let mut bench = Bench::new(&disk, &shared, "1 a partition root\n2 b partition boot read-only\n");
    bench.driver.content = partitioned(&PARTITIONS);
    assert!(bench.clients[0].data().write(0, &[7; 512]));
    // It is asked before the tables are read, and waits.
    bench.ask(0, Operation::Write, 13, 512);
    bench.ask(1, Operation::Read, 10, 512);
    bench.settle();
    assert_eq!(bench.problems, []);
    assert_eq!((bench.status(0), bench.status(1)), (Some(Status::Done), Some(Status::Refused)));
    assert_eq!(bench.driver.order, [1, SECTORS - 33, 63]);
    assert!(bench.driver.content[63 * SECTOR..64 * SECTOR].iter().all(|&byte| byte == 7));
    let disks: Vec<_> = bench.clients.iter().map(|client| client.disk().expect("the disk is known").sectors).collect();
    assert_eq!(disks, [14, 10]);
}

#[test]
fn what_is_wrong_with_a_partition_is_told() {
    let text = "1 a partition root\n2 b partition rot\n3 c 30K 5K";
    let (sectors, problems) = served(text, partitioned(&PARTITIONS));
    assert_eq!(sectors, [14, 0, 0]);
    let overlap = "clients, line 3: some of it is a's, and both can write";
    assert_eq!(problems, ["clients, line 2: no partition is called rot", overlap]);
    let (sectors, problems) = served("1 a partition x", partitioned(&[("x", 40, 1), ("x", 41, 1)]));
    assert_eq!((sectors, problems), (vec![0], vec!["clients, line 1: several partitions are called x".to_owned()]));
}

#[test]
fn a_damaged_table_is_told_and_its_copy_used() {
    let mut content = partitioned(&PARTITIONS);
    content[2 * SECTOR] ^= 1;
    let (sectors, problems) = served("1 a partition root", content);
    let told = "clients, line 1: the partition table has entries with a wrong checksum";
    assert_eq!((sectors, problems), (vec![14], vec![told.to_owned()]));
    let mut content = partitioned(&PARTITIONS);
    let other = partitioned(&[("root", 34, 1)]);
    let backup = (SECTORS - 33) as usize * SECTOR;
    content[backup..].copy_from_slice(&other[backup..]);
    let (sectors, problems) = served("1 a partition root", content);
    let told = "clients, line 1: the partition table and its copy differ: the copy is not used";
    assert_eq!((sectors, problems), (vec![14], vec![told.to_owned()]));
    let (sectors, problems) = served("1 a partition root\n2 b 0 1K", vec![0; SECTORS as usize * SECTOR]);
    let told = ["the partition table is not there", "the partition table's copy is not there"];
    assert_eq!((sectors, problems), (vec![0, 2], told.map(|told| format!("clients, line 1: {told}")).to_vec()));
}
