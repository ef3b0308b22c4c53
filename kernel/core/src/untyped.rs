//! Where new objects go in an untyped: the arithmetic of `Untyped_Retype` (seL4 manual, section 2.4).

/// New objects in an untyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Offset of the first object.
    pub start: u64,
    /// Offset of the first free byte behind the last.
    pub end: u64,
}

/// Places `count` objects of `2^object_bits` bytes behind offset `free` of an untyped of `2^untyped_bits` bytes, each
/// aligned to its size. The error is the number of bytes that are free.
pub const fn place(untyped_bits: u32, free: u64, object_bits: u32, count: u64) -> Result<Placement, u64> {
    let size = 1u64 << untyped_bits;
    let left = size.saturating_sub(free);
    // The untyped is aligned to its own size, so an offset's alignment is the address's for whatever fits in it.
    if object_bits > untyped_bits {
        return Err(left);
    }
    let object = 1u64 << object_bits;
    let Some(start) = free.checked_next_multiple_of(object) else { return Err(left) };
    if start > size || (size - start) >> object_bits < count {
        return Err(left);
    }
    Ok(Placement { start, end: start + count * object })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn objects_fit_are_aligned_and_do_not_overlap_what_is_used(
            untyped_bits in 4u32..48, free_part in 0u64..=64, object_bits in 4u32..60, count in 1u64..=256,
        ) {
            let size = 1u64 << untyped_bits;
            let free = (size / 64).saturating_mul(free_part).min(size) & !0xf;
            match place(untyped_bits, free, object_bits, count) {
                Ok(Placement { start, end }) => {
                    prop_assert_eq!(start % (1 << object_bits), 0);
                    prop_assert!(start >= free && start - free < 1 << object_bits);
                    prop_assert_eq!(end - start, count << object_bits);
                    prop_assert!(end <= size);
                }
                Err(left) => {
                    prop_assert_eq!(left, size - free);
                    let need = u128::from(count) << object_bits;
                    let start = u128::from(free).next_multiple_of(1u128 << object_bits);
                    prop_assert!(start + need > u128::from(size), "refused though it fits");
                }
            }
        }
    }

    #[test]
    fn the_last_byte_can_be_used() {
        assert_eq!(place(12, 0, 12, 1), Ok(Placement { start: 0, end: 4096 }));
        assert_eq!(place(12, 16, 12, 1), Err(4080));
        assert_eq!(place(12, 4096, 4, 1), Err(0));
    }
}
