//! The guest's memory, mapped into this protection domain at its guest-physical address.

use core::{
    array,
    mem::size_of,
    ptr,
    sync::atomic::{AtomicU16, Ordering},
};
use vmm::{machine::Region, memory::Memory};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();
/// What is moved by one pair of instructions.
type Pair = u128;
/// Pairs, or words, that are moved in one turn of a loop.
const TURN: usize = 4;

/// The guest's memory.
#[derive(Clone, Copy)]
pub struct GuestRam(Region);

impl GuestRam {
    /// The memory that the system description maps at `vaddr`.
    pub fn new(vaddr: usize, size: usize) -> Self {
        Self(Region { base: vaddr as u64, size: size as u64 })
    }

    /// The address of `length` bytes, which must be memory of the guest.
    fn pointer(&self, address: u64, length: usize) -> *mut u8 {
        let offset = self.0.offset_of(address);
        assert!(offset.is_some_and(|offset| length as u64 <= self.0.size - offset), "outside of the guest's memory");
        ptr::with_exposed_provenance_mut(address as usize)
    }

    /// 16 bits at an even address.
    fn word16(&self, address: u64) -> &AtomicU16 {
        assert!(address.is_multiple_of(2), "misaligned");
        let pointer = self.pointer(address, size_of::<AtomicU16>());
        // SAFETY: it is aligned memory of the guest, which stays where it is; the guest changes it by single accesses, too.
        unsafe { AtomicU16::from_ptr(pointer.cast()) }
    }
}

// A kernel is tens of megabytes and a guest's memory hundreds, and the compiler's own loops for this target move one word
// at a time. Volatile accesses keep it from recognizing loops that are better than those.
impl Memory for GuestRam {
    fn region(&self) -> Region {
        self.0
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        let from = self.pointer(address, bytes.len());
        // SAFETY: all words are bytes, and the other way around.
        let (before, words, after) = unsafe { bytes.align_to_mut() };
        // SAFETY: `pointer` has checked that all of it is memory of the guest.
        unsafe {
            read_bytes(from, before);
            let from = from.add(before.len());
            read_words(from, words);
            read_bytes(from.add(words.len() * WORD), after);
        }
    }

    fn load16(&self, address: u64) -> u16 {
        self.word16(address).load(Ordering::Relaxed)
    }

    fn store16(&mut self, address: u64, value: u16) {
        self.word16(address).store(value, Ordering::Relaxed);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let to = self.pointer(address, bytes.len());
        let pairs = if bytes.as_ptr().cast::<Pair>().is_aligned() && to.cast::<Pair>().is_aligned() {
            bytes.len() / size_of::<[Pair; TURN]>() * TURN
        } else {
            0
        };
        // SAFETY: `pointer` has checked that all of it is memory of the guest, which no Rust object is in; what is read lies
        // within `bytes`.
        unsafe {
            for first in (0..pairs).step_by(TURN) {
                let from = bytes.as_ptr().cast::<Pair>().add(first);
                let turn: [Pair; TURN] = array::from_fn(|n| from.add(n).read_volatile());
                (0..TURN).for_each(|n| to.cast::<Pair>().add(first + n).write_volatile(turn[n]));
            }
            let done = pairs * size_of::<Pair>();
            write_words(to.add(done), &bytes[done..]);
        }
    }

    fn clear(&mut self) {
        let pairs = self.0.size as usize / size_of::<Pair>();
        let base = self.pointer(self.0.base, self.0.size as usize).cast::<Pair>();
        for first in (0..pairs).step_by(TURN) {
            for n in first..first + TURN {
                // SAFETY: within the guest's memory, which is made of whole pages.
                unsafe { base.add(n).write_volatile(0) };
            }
        }
    }
}

/// Reads the guest's memory, which it may write meanwhile, as a device's memory is read.
///
/// # Safety
/// All of it is memory of the guest.
unsafe fn read_bytes(from: *const u8, bytes: &mut [u8]) {
    for (n, byte) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *byte = unsafe { from.add(n).read_volatile() };
    }
}

/// The same by whole words, wherever they begin: what a driver hands over begins behind a header, mostly between two words.
///
/// # Safety
/// All of it is memory of the guest, which is made of whole words.
unsafe fn read_words(from: *const u8, words: &mut [u64]) {
    let skipped = from.addr() % WORD;
    // SAFETY: it is the word that the first byte is in, and those behind it up to the one that the last byte is in.
    let word = |n: usize| unsafe { from.sub(skipped).cast::<u64>().add(n).read_volatile() };
    let (turns, last) = words.as_chunks_mut::<TURN>();
    let behind = turns.len() * TURN;
    if skipped == 0 {
        for (turn, words) in turns.iter_mut().enumerate() {
            *words = array::from_fn(|n| word(turn * TURN + n));
        }
        last.iter_mut().enumerate().for_each(|(n, to)| *to = word(behind + n));
    } else if !words.is_empty() {
        each_shifted(word(0), words.len(), skipped, |n| word(n + 1), |n, joined| words[n] = joined);
    }
}

/// Writes the guest's memory, by whole words behind the first one that begins there.
///
/// # Safety
/// All of it is memory of the guest, which no Rust object is in.
unsafe fn write_words(to: *mut u8, bytes: &[u8]) {
    let head = to.align_offset(WORD).min(bytes.len());
    let (head, bytes) = bytes.split_at(head);
    // SAFETY: the caller's promise.
    unsafe { write_bytes(to, head) };
    // SAFETY: what is written is at most `bytes`, behind what was.
    let to = unsafe { to.add(head.len()) };
    // SAFETY: as above; `n` is the place of a whole word in `bytes`.
    let put = |n: usize, word: u64| unsafe { to.cast::<u64>().add(n).write_volatile(word) };
    // SAFETY: all bytes are words.
    let (before, words, _) = unsafe { bytes.align_to() };
    if before.is_empty() {
        let (turns, last) = words.as_chunks::<TURN>();
        for (turn, words) in turns.iter().enumerate() {
            (0..TURN).for_each(|n| put(turn * TURN + n, words[n]));
        }
        last.iter().enumerate().for_each(|(n, &word)| put(turns.len() * TURN + n, word));
    } else if !words.is_empty() {
        let skipped = WORD - before.len();
        let mut first = [0; WORD];
        first[skipped..].copy_from_slice(before);
        each_shifted(u64::from_ne_bytes(first), words.len(), skipped, |n| words[n], put);
    }
    let done = words.len() * WORD;
    // SAFETY: as above.
    unsafe { write_bytes(to.add(done), &bytes[done..]) };
}

/// Writes the guest's memory byte by byte.
///
/// # Safety
/// As [`write_words`].
unsafe fn write_bytes(to: *mut u8, bytes: &[u8]) {
    for (n, &byte) in bytes.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { to.add(n).write_volatile(byte) };
    }
}

/// Calls `put` with `count` words that begin `skipped` bytes behind the beginning of another: the first is made of `word` and what `next` gives.
#[inline(always)]
fn each_shifted(word: u64, count: usize, skipped: usize, next: impl FnMut(usize) -> u64, put: impl FnMut(usize, u64)) {
    // A header of twelve bytes is in front of every frame: by a distance that is known the loop is half as long.
    const BEHIND_HEADER: usize = 4;
    match skipped {
        BEHIND_HEADER => shifted(word, count, BEHIND_HEADER, next, put),
        _ => shifted(word, count, skipped, next, put),
    }
}

#[inline(always)]
fn shifted(
    word: u64,
    count: usize,
    skipped: usize,
    mut next: impl FnMut(usize) -> u64,
    mut put: impl FnMut(usize, u64),
) {
    // The processor is little-endian: what comes first is in the lower bits.
    let (low, high) = (8 * skipped, 8 * (WORD - skipped));
    let mut this = word;
    let mut step = |n: usize| {
        let next = next(n);
        put(n, this >> low | next << high);
        this = next;
    };
    let whole = count - count % TURN;
    for first in (0..whole).step_by(TURN) {
        (first..first + TURN).for_each(&mut step);
    }
    (whole..count).for_each(step);
}

#[cfg(test)]
mod tests {
    use super::*;

    use ivc::Aligned;

    const SIZE: usize = 4096;

    #[repr(align(4096))]
    struct Page([u8; SIZE]);

    /// A guest's memory, and what is in it: each byte another than its neighbours.
    fn memory() -> (GuestRam, Vec<u8>) {
        let bytes: Vec<u8> = (0..SIZE).map(|n| (n ^ n >> 8) as u8).collect();
        let page = Box::leak(Box::new(Page([0; SIZE])));
        page.0.copy_from_slice(&bytes);
        let base = page.0.as_mut_ptr().expose_provenance();
        (GuestRam::new(base, SIZE), bytes)
    }

    /// Offsets in the guest and in a buffer, and lengths, beyond all that is moved in one piece.
    fn cases() -> impl Iterator<Item = (usize, usize, usize)> {
        (0..18).flat_map(|at| (0..18).flat_map(move |offset| (0..180).map(move |length| (at, offset, length))))
    }

    #[test]
    fn what_is_read_is_what_is_there() {
        let (ram, bytes) = memory();
        for (at, offset, length) in cases() {
            let mut read = Aligned([0xee; 256]);
            ram.read(ram.region().base + at as u64, &mut read.0[offset..offset + length]);
            assert_eq!(read.0[offset..offset + length], bytes[at..at + length], "{length} at {at} to {offset}");
            let around = read.0[..offset].iter().chain(&read.0[offset + length..]);
            assert!(around.copied().all(|byte| byte == 0xee));
        }
        let mut last = [0; 9];
        ram.read(ram.region().base + SIZE as u64 - 9, &mut last);
        assert_eq!(last, bytes[SIZE - 9..]);
    }

    #[test]
    fn what_is_written_is_there_and_nothing_else() {
        let (mut ram, bytes) = memory();
        let source = Aligned(array::from_fn::<u8, 256, _>(|n| !n as u8));
        let base = ram.region().base;
        let mut all = vec![0; 256];
        for (at, offset, length) in cases() {
            let at = at + 17;
            ram.write(base + at as u64, &source.0[offset..offset + length]);
            ram.read(base, &mut all);
            assert_eq!(all[at..at + length], source.0[offset..offset + length], "{length} from {offset} to {at}");
            ram.write(base + at as u64, &bytes[at..at + length]);
            assert!(all[..at] == bytes[..at] && all[at + length..] == bytes[at + length..256]);
        }
    }
}
