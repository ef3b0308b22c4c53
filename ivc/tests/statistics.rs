//! Tables of counters: what one publishes the other reads, and nonsense is harmless.

use ivc::statistics::{MAGIC, Reader, Table};
use ivc::{Block, Region};
use proptest::prelude::*;

fn memory(blocks: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(blocks).collect()
}

fn read(memory: &[Block]) -> Vec<(String, u64)> {
    let counters = Reader::over(Region::over(memory)).counters();
    counters.map(|(name, value)| (name.as_str().to_owned(), value)).collect()
}

#[test]
fn counters_are_read_by_name() {
    let memory = memory(4);
    assert_eq!(read(&memory), []);
    let mut table = Table::over(Region::over(&memory));
    let (calls, waits) = (table.counter("calls"), table.counter("a name of more than sixteen"));
    calls.add(3);
    waits.add(1);
    calls.add(4);
    assert_eq!(read(&memory), [("calls".to_owned(), 7), ("a name of more t".to_owned(), 1)]);
    // The next life begins anew.
    let mut table = Table::over(Region::over(&memory));
    assert_eq!(read(&memory), []);
    table.counter("calls").add(1);
    assert_eq!(read(&memory), [("calls".to_owned(), 1)]);
}

#[test]
fn what_has_no_room_counts_nothing() {
    // 64 bytes: the header, and two counters.
    let memory = memory(1);
    let mut table = Table::over(Region::over(&memory));
    for name in ["a", "b", "c"] {
        table.counter(name).add(5);
    }
    assert_eq!(read(&memory), [("a".to_owned(), 5), ("b".to_owned(), 5)]);
    Table::default().counter("nobody's").add(1);
}

proptest! {
    #[test]
    fn a_liar_is_printable(words in proptest::collection::vec(any::<u64>(), 32), count in any::<u64>()) {
        let memory = memory(4);
        let all = [MAGIC, count].into_iter().chain(words).take(32);
        all.enumerate().for_each(|(index, word)| memory[index / 8].scribble(index, word));
        let read = read(&memory);
        prop_assert_eq!(read.len() as u64, count.min(10));
        prop_assert!(read.iter().all(|(name, _)| name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())));
    }
}
