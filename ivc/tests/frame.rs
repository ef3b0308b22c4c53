//! Frames on a line that loses, changes and invents bytes: what arrives is what was sent, or nothing.
#![cfg(not(loom))]

use ivc::frame::{Deframer, Frame, MAX_FRAME, MAX_MESSAGE};
use ivc::remote::{Ask, PIECE, Report, Request, Size, Tell};
use proptest::collection::vec;
use proptest::prelude::*;

fn messages(stream: &[u8]) -> (Vec<Vec<u8>>, u64) {
    let mut deframer = Deframer::default();
    let mut found = Vec::new();
    for &byte in stream {
        deframer.feed(byte, |message: &[u8]| found.push(message.to_vec()));
    }
    (found, deframer.damaged())
}

fn framed(message: &[u8]) -> Vec<u8> {
    Frame::of(&message).expect("short enough").bytes().to_vec()
}

#[test]
fn the_longest_pieces_fit() {
    let bytes = [0xff; PIECE];
    let longest = [
        Frame::of(&Report::Of(u8::MAX, Tell::Output { position: u64::MAX, bytes: &bytes })),
        Frame::of(&Request::Of(u8::MAX, Ask::Type { position: u64::MAX, bytes: &bytes })),
    ];
    assert!(longest.iter().flatten().filter(|frame| frame.bytes().len() <= MAX_FRAME).count() == 2);
    // The length of the length is two bytes.
    assert!(Frame::of(&[0xff; MAX_MESSAGE].as_slice()).is_none());
    assert_eq!(messages(&framed(&[0xff; MAX_MESSAGE - 2])).0, [[0xff; MAX_MESSAGE - 2]]);
}

#[test]
fn messages_are_what_they_were() {
    let size = Size { columns: 80, rows: 25 };
    let mut deframer = Deframer::default();
    for request in [
        Request::Hello { version: 7, nonce: u32::MAX },
        Request::Of(3, Ask::Show { from: 0, until: 1 << 40 }),
        Request::Of(0, Ask::Type { position: 5, bytes: b"a\0b" }),
        Request::Of(0, Ask::Resize(size)),
    ] {
        let mut found = 0;
        for &byte in Frame::of(&request).expect("short enough").bytes() {
            deframer.feed(byte, |message: Request<'_>| {
                assert_eq!(message, request);
                found += 1;
            });
        }
        assert_eq!(found, 1);
    }
}

#[test]
fn a_stream_without_end_is_one_damaged_frame() {
    let mut stream = vec![1; 100_000];
    stream.push(0);
    stream.extend(framed(b"next"));
    assert_eq!(messages(&stream), (vec![b"next".to_vec()], 1));
}

/// What the line does to a byte.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Lose,
    Change(u8),
    Insert(u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![Just(Harm::Lose), (1..=u8::MAX).prop_map(Harm::Change), any::<u8>().prop_map(Harm::Insert)]
}

proptest! {
    #[test]
    fn all_arrives_on_a_good_line(sent in vec(vec(any::<u8>(), 0..MAX_MESSAGE - 2), 0..8)) {
        let stream: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
        prop_assert_eq!(messages(&stream), (sent, 0));
    }

    #[test]
    fn harm_hits_the_frames_around_it_only(
        sent in vec(vec(any::<u8>(), 0..60), 3..20),
        harms in vec((any::<proptest::sample::Index>(), harm()), 0..3),
    ) {
        let mut stream: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
        for (index, harm) in &harms {
            let at = index.index(stream.len());
            match *harm {
                Harm::Lose => drop(stream.remove(at)),
                Harm::Change(difference) => stream[at] ^= difference,
                Harm::Insert(byte) => stream.insert(at, byte),
            }
        }
        let (found, _) = messages(&stream);
        // In order, and each harm costs the frame that it hits, or two if it hits what is between them.
        let mut rest = sent.iter();
        prop_assert!(found.iter().all(|message| rest.any(|other| other == message)), "{found:?}");
        prop_assert!(found.len() + 2 * harms.len() >= sent.len(), "{} of {}", found.len(), sent.len());
    }

    #[test]
    fn nonsense_is_no_message(stream in vec(any::<u8>(), 0..3000)) {
        let (found, _) = messages(&stream);
        prop_assert!(found.is_empty());
    }
}

#[test]
fn bytes_without_a_zero_may_be_any_number() {
    for length in 0..MAX_MESSAGE - 2 {
        let message = vec![b'x'; length];
        assert_eq!(messages(&framed(&message)), (vec![message], 0), "{length}");
    }
}
