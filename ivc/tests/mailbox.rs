//! Messages to native programs.

use ivc::guest::Refused;
use ivc::mailbox::{Mailbox, Post};
use ivc::{Block, Region};

fn memory(blocks: usize) -> Vec<Block> {
    std::iter::repeat_with(Block::new).take(blocks).collect()
}

#[test]
fn messages_arrive_in_order_and_who_waits_is_signalled() {
    let memory = memory(64);
    let mut post = Post::attach(Region::over(&memory)).expect("large enough");
    let mut mailbox = Mailbox::attach(Region::over(&memory)).expect("large enough");
    assert_eq!(mailbox.receive(), None);
    assert_eq!(post.send([1, 2, u64::MAX]), Ok(true), "it waits");
    assert_eq!(post.send([4, 5, 6]), Ok(false), "it was signalled");
    assert_eq!((mailbox.receive(), mailbox.receive()), (Some([1, 2, u64::MAX]), Some([4, 5, 6])));
    assert_eq!(mailbox.receive(), None);
}

#[test]
fn a_sender_waits_until_there_is_room() {
    let memory = memory(8);
    let mut post = Post::attach(Region::over(&memory)).expect("large enough");
    let mut mailbox = Mailbox::attach(Region::over(&memory)).expect("large enough");
    let sent = (0..1000).take_while(|&word| post.send([word; 3]).is_ok()).count() as u64;
    assert!((1..1000).contains(&sent));
    assert_eq!(post.send([7; 3]), Err(Refused::Busy));
    assert_eq!(mailbox.receive(), Some([0; 3]));
    assert_eq!(post.send([sent; 3]), Ok(false), "nobody waits");
    (1..=sent).for_each(|word| assert_eq!(mailbox.receive(), Some([word; 3])));
    assert_eq!(mailbox.receive(), None);
}

#[test]
fn a_new_life_finds_nothing_of_the_one_before() {
    let memory = memory(64);
    let mut post = Post::attach(Region::over(&memory)).expect("large enough");
    let mut mailbox = Mailbox::attach(Region::over(&memory)).expect("large enough");
    assert_eq!(post.send([1; 3]), Ok(false));
    mailbox.discard();
    assert_eq!(mailbox.receive(), None);
    assert_eq!(post.send([2; 3]), Ok(true));
    let mut mailbox = Mailbox::attach(Region::over(&memory)).expect("large enough");
    assert_eq!(mailbox.receive(), None);
    assert_eq!(post.send([3; 3]), Ok(true));
    assert_eq!(mailbox.receive(), Some([3; 3]));
}
