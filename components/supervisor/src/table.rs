//! What the tool tells of the children ([`sel4_abi::quoll::reload`]).

use sel4_abi::quoll::reload::{CHILD, HEADER, NAME, PIECE};

/// The table.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    children: &'a [[u64; CHILD]],
    pieces: &'a [[u64; PIECE]],
}

/// A child that can be reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// How the description calls it.
    pub id: usize,
    /// Address of its first instruction.
    pub entry: u64,
    /// The lowest address of its stack.
    pub stack_bottom: u64,
    /// Where it keeps how often it was reloaded, as this domain sees it.
    pub life: Option<u64>,
    name: &'a [u64],
}

/// A piece of a child's memory, as this domain sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its address, a multiple of a page.
    pub target: u64,
    /// Its bytes, whole pages.
    pub size: u64,
    /// Address of what it holds at first, a multiple of a page.
    pub source: u64,
    /// Bytes of that, not more than `size`: zeros follow.
    pub length: u64,
}

impl<'a> Table<'a> {
    /// Reads the words. `None` if they are none that the tool writes.
    pub fn parse(words: &'a [u64]) -> Option<Self> {
        let (&[children, pieces], rest) = words.split_first_chunk::<HEADER>()?;
        let at = usize::try_from(children).ok()?.checked_mul(CHILD)?;
        let (children, rest) = rest.split_at_checked(at)?;
        let (children, []) = children.as_chunks() else { return None };
        let (all, []) = rest.as_chunks() else { return None };
        (all.len() as u64 == pieces).then_some(Self { children, pieces: all })
    }

    /// The children.
    pub fn children(&self) -> impl Iterator<Item = Child<'a>> {
        self.children.iter().map(|&[id, entry, stack_bottom, life, ref name @ ..]| {
            const { assert!(CHILD == 4 + NAME) };
            Child { id: id as usize, entry, stack_bottom, life: (life != 0).then_some(life), name }
        })
    }

    /// The pieces of the child at this place of the table.
    pub fn pieces(&self, place: usize) -> impl Iterator<Item = Piece> {
        let of = self.pieces.iter().filter(move |piece| piece[0] == place as u64);
        of.map(|&[_, target, size, source, length]| Piece { target, size, source, length })
    }
}

impl Child<'_> {
    /// Its name, in a buffer of one's own.
    pub fn name<'b>(&self, buffer: &'b mut [u8; NAME * size_of::<u64>()]) -> &'b str {
        for (bytes, word) in buffer.chunks_exact_mut(size_of::<u64>()).zip(self.name) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
        core::str::from_utf8(&buffer[..length]).unwrap_or("?")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn table() -> Vec<u64> {
        let mut words = std::vec![2, 3];
        for (id, name) in [(7, "disk"), (9, "block")] {
            let mut bytes = [0; NAME * 8];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            words.extend([id, 0x20_0000, 0xff_ffff_c000, id & 2]);
            words.extend(bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())));
        }
        words.extend([0, 0x1000, 0x2000, 0x3000, 5, 1, 0x4000, 0x1000, 0, 0, 0, 0x5000, 0x1000, 0, 0]);
        words
    }

    #[test]
    fn children_and_their_pieces() {
        let words = table();
        let table = Table::parse(&words).expect("a table");
        let mut buffer = [0; 64];
        let children: Vec<_> = table.children().collect();
        assert_eq!(children.iter().map(|child| (child.id, child.life)).collect::<Vec<_>>(), [(7, Some(2)), (9, None)]);
        assert_eq!(children[0].name(&mut buffer), "disk");
        assert_eq!(children[1].name(&mut buffer), "block");
        let first = Piece { target: 0x1000, size: 0x2000, source: 0x3000, length: 5 };
        assert!(table.pieces(0).eq([first, Piece { target: 0x5000, size: 0x1000, source: 0, length: 0 }]));
        assert_eq!(table.pieces(1).count(), 1);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let words = table();
        for length in 0..words.len() {
            assert!(Table::parse(&words[..length]).is_none());
        }
        assert!(Table::parse(&[u64::MAX, 0]).is_none());
        assert!(Table::parse(&[0, 0]).is_some());
    }
}
