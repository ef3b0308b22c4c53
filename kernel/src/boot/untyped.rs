//! Which addresses the root task gets as untyped memory, and in which pieces.

use kernel_config::{Board, Range};
use sel4_abi::config::DEVICE_TOP;
use sel4_abi::object::MAX_UNTYPED_BITS;

/// A piece: aligned to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Physical address.
    pub start: u64,
    /// log2 of the size.
    pub bits: u32,
}

/// Cuts a range into the fewest aligned pieces whose sizes are powers of two.
fn pieces(range: Range) -> impl Iterator<Item = Piece> {
    let mut start = range.start;
    core::iter::from_fn(move || {
        if start >= range.end {
            return None;
        }
        let fits = (range.end - start).ilog2();
        let bits = start.trailing_zeros().min(fits).min(MAX_UNTYPED_BITS);
        let piece = Piece { start, bits };
        start += 1 << bits;
        Some(piece)
    })
}

/// The gaps that the ranges in `taken` (in any order, overlapping or not) leave in `whole`.
fn gaps<const N: usize>(whole: Range, taken: [Range; N]) -> impl Iterator<Item = Range> {
    let mut at = whole.start;
    core::iter::from_fn(move || {
        // Past whatever covers the present place; there may be another behind it.
        while let Some(range) = taken.iter().find(|range| range.contains(at)) {
            at = range.end;
        }
        if at >= whole.end {
            return None;
        }
        let next = taken.iter().map(|range| range.start).filter(|start| *start > at).min();
        let gap = Range::new(at, next.unwrap_or(whole.end).min(whole.end));
        at = gap.end;
        Some(gap)
    })
}

/// Memory that is free: without kernel and root task's image.
pub fn memory(board: &Board, kernel: Range, image: Range) -> impl Iterator<Item = Piece> {
    gaps(board.ram, [kernel, image]).flat_map(pieces)
}

/// Device memory: all that is neither memory nor the kernel's devices.
pub fn devices(board: &Board) -> impl Iterator<Item = Piece> {
    let [a, b, c, d] = board.kernel_devices();
    gaps(Range::new(0, DEVICE_TOP), [board.ram, a, b, c, d]).flat_map(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel_config::SELECTED;
    use proptest::prelude::*;
    use sel4_abi::config::MAX_BOOTINFO_UNTYPEDS;

    const fn size(piece: Piece) -> u64 {
        1 << piece.bits
    }

    proptest! {
        #[test]
        fn pieces_are_aligned_and_make_up_the_range(start in 0u64..1 << 30, pages in 0u64..1 << 20) {
            let range = Range::new(start & !0xfff, (start & !0xfff) + (pages << 12));
            let mut at = range.start;
            for piece in pieces(range) {
                prop_assert_eq!(piece.start, at);
                prop_assert_eq!(piece.start % size(piece), 0);
                at += size(piece);
            }
            prop_assert_eq!(at, range.end.max(range.start));
        }

        #[test]
        fn every_address_is_in_a_gap_or_taken(
            bounds in proptest::array::uniform4((0u64..64, 0u64..16)), at in 0u64..64,
        ) {
            let taken = bounds.map(|(start, length)| Range::new(start, start + length));
            let whole = Range::new(4, 60);
            let inside = gaps(whole, taken).filter(|gap| gap.contains(at)).count();
            let free = whole.contains(at) && !taken.iter().any(|range| range.contains(at));
            prop_assert_eq!(inside, usize::from(free));
        }
    }

    #[test]
    fn the_board_gives_no_more_untypeds_than_the_boot_info_lists() {
        let kernel = Range::new(SELECTED.kernel_base, SELECTED.kernel_base + 0x67_5000);
        let image = Range::new(SELECTED.loader_base + 0x3000, SELECTED.loader_base + 0x123_4000);
        let count = memory(SELECTED, kernel, image).count() + devices(SELECTED).count();
        assert!(count <= MAX_BOOTINFO_UNTYPEDS, "{count}");
    }

    #[test]
    fn nothing_that_the_kernel_keeps_is_given_out() {
        for piece in devices(SELECTED) {
            let range = Range::new(piece.start, piece.start + size(piece));
            assert!(!range.overlaps(SELECTED.ram));
            assert!(!SELECTED.kernel_devices().iter().any(|device| device.overlaps(range)));
        }
        let covers = |address| devices(SELECTED).any(|piece| address & !(size(piece) - 1) == piece.start);
        assert!(covers(SELECTED.uart.registers.start));
        assert!(covers(SELECTED.gic.virtual_cpu_interface.start));
    }
}
