//! Which untyped each object is made from: at a given physical address, or anywhere.
//!
//! The kernel carves an untyped from its start to its end: each new object begins at the first free address, rounded
//! up to the object's size. The tool runs this model against the memory that it expects at boot, the initialiser runs
//! it against the memory that there is.

use heapless::Vec;

/// log2 of the smallest untyped in bytes (seL4: `seL4_MinUntypedBits`).
const MIN_UNTYPED_BITS: u32 = 4;

/// An untyped, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untyped {
    /// Whatever the user of the model knows it by (the initialiser: its slot).
    pub handle: u64,
    /// Physical address.
    pub base: u64,
    /// log2 of its size in bytes.
    pub bits: u8,
    /// Device memory: for frames and untypeds only, and not zeroed.
    pub device: bool,
    /// Offset of the first free byte.
    used: u64,
}

impl Untyped {
    /// One with nothing used.
    pub fn new(handle: u64, base: u64, bits: u8, device: bool) -> Self {
        Self { handle, base, bits, device, used: 0 }
    }

    fn size(&self) -> u64 {
        1 << self.bits
    }

    /// How many objects of 2^`bits` bytes still fit.
    fn room(&self, bits: u8) -> u64 {
        if bits > self.bits {
            return 0;
        }
        (self.size() - self.used.next_multiple_of(1 << bits)) >> bits
    }

    fn take(&mut self, count: u64, bits: u8) {
        self.used = self.used.next_multiple_of(1 << bits) + (count << bits);
    }
}

/// What is to be done next to place a run of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// Make `count` of the objects from the untyped `handle`.
    Objects {
        /// The untyped.
        handle: u64,
        /// How many: at least one, at most as many as asked for.
        count: u32,
    },
    /// Make one untyped of 2^`bits` bytes from `handle`, then hand it back with [`Allocator::add`]: it is the space
    /// before the address that was asked for.
    Gap {
        /// The untyped.
        handle: u64,
        /// log2 of the gap's size in bytes.
        bits: u8,
        /// The gap's physical address.
        base: u64,
        /// Of device memory.
        device: bool,
    },
}

/// Why objects can't be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocateError {
    /// No untyped has room for one object of 2^`bits` bytes.
    OutOfMemory {
        /// log2 of the object's size.
        bits: u8,
    },
    /// No untyped covers the address: there is no memory, or the kernel or the root task has it.
    NotThere {
        /// The address.
        paddr: u64,
    },
    /// Something else was placed at the address before.
    Taken {
        /// The address.
        paddr: u64,
    },
    /// More untypeds than the model has room for.
    TooMany,
}

/// The untypeds, `N` at most.
#[derive(Debug, Clone, Default)]
pub struct Allocator<const N: usize> {
    untypeds: Vec<Untyped, N>,
}

impl<const N: usize> Allocator<N> {
    /// Without memory.
    pub const fn new() -> Self {
        Self { untypeds: Vec::new() }
    }

    /// Takes an untyped into use.
    pub fn add(&mut self, untyped: Untyped) -> Result<(), AllocateError> {
        self.untypeds.push(untyped).map_err(|_| AllocateError::TooMany)
    }

    /// Bytes of ordinary memory that are not used yet.
    pub fn free(&self) -> u64 {
        self.untypeds.iter().filter(|untyped| !untyped.device).map(|untyped| untyped.size() - untyped.used).sum()
    }

    /// Places up to `count` objects of 2^`bits` bytes anywhere in ordinary memory, in the untyped that they fill best.
    pub fn place(&mut self, bits: u8, count: u32) -> Result<Placed, AllocateError> {
        let untyped = self
            .untypeds
            .iter_mut()
            .filter(|untyped| !untyped.device && untyped.room(bits) > 0)
            .min_by_key(|untyped| untyped.size() - untyped.used)
            .ok_or(AllocateError::OutOfMemory { bits })?;
        let count = untyped.room(bits).min(count.into());
        untyped.take(count, bits);
        Ok(Placed::Objects { handle: untyped.handle, count: count as u32 })
    }

    /// Places up to `count` objects of 2^`bits` bytes from the physical address `paddr` on. The address must be a
    /// multiple of the size; addresses of successive calls ascend.
    pub fn place_at(&mut self, paddr: u64, bits: u8, count: u32) -> Result<Placed, AllocateError> {
        let untyped = self
            .untypeds
            .iter_mut()
            .filter(|untyped| covers(untyped, paddr, bits))
            .min_by_key(|untyped| untyped.bits)
            .ok_or(AllocateError::NotThere { paddr })?;
        let free = untyped.base + untyped.used;
        if free > paddr {
            return Err(AllocateError::Taken { paddr });
        }
        if free < paddr {
            let bits = gap_bits(free, paddr);
            untyped.take(1, bits);
            return Ok(Placed::Gap { handle: untyped.handle, bits, base: free, device: untyped.device });
        }
        let count = untyped.room(bits).min(count.into());
        untyped.take(count, bits);
        Ok(Placed::Objects { handle: untyped.handle, count: count as u32 })
    }
}

fn covers(untyped: &Untyped, paddr: u64, bits: u8) -> bool {
    paddr >= untyped.base && bits <= untyped.bits && paddr - untyped.base <= untyped.size() - (1 << bits)
}

/// log2 of the largest aligned block that starts at `from` and doesn't reach beyond `to`.
fn gap_bits(from: u64, to: u64) -> u8 {
    let fits = (to - from).ilog2();
    from.trailing_zeros().min(fits).max(MIN_UNTYPED_BITS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec as StdVec;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    /// Does what the kernel would do, checks that nothing overlaps, and returns the objects' addresses.
    struct Kernel {
        untypeds: StdVec<(u64, u64, u64)>, // base, size, used
        taken: StdVec<(u64, u64)>,
    }

    impl Kernel {
        fn retype(&mut self, handle: u64, bits: u8, count: u32) -> u64 {
            let (base, size, used) = &mut self.untypeds[handle as usize];
            let start = used.next_multiple_of(1 << bits);
            *used = start + (u64::from(count) << bits);
            assert!(*used <= *size, "retype beyond the end");
            *base + start
        }

        fn objects(&mut self, handle: u64, bits: u8, count: u32) -> u64 {
            let start = self.retype(handle, bits, count);
            let end = start + (u64::from(count) << bits);
            for (a, b) in &self.taken {
                assert!(end <= *a || start >= *b, "overlap at {start:#x}");
            }
            self.taken.push((start, end));
            start
        }
    }

    fn machine(sizes: &[(u64, u8)]) -> (Allocator<256>, Kernel) {
        let mut allocator = Allocator::new();
        let mut untypeds = StdVec::new();
        for (handle, (base, bits)) in sizes.iter().enumerate() {
            allocator.add(Untyped::new(handle as u64, *base, *bits, false)).unwrap();
            untypeds.push((*base, 1 << bits, 0));
        }
        let taken = StdVec::new();
        (allocator, Kernel { untypeds, taken })
    }

    fn run_at(
        allocator: &mut Allocator<256>,
        kernel: &mut Kernel,
        mut paddr: u64,
        bits: u8,
        mut count: u32,
    ) -> Result<(), AllocateError> {
        while count > 0 {
            match allocator.place_at(paddr, bits, count)? {
                Placed::Gap { handle, bits, base, device } => {
                    assert_eq!(kernel.retype(handle, bits, 1), base);
                    let child = kernel.untypeds.len() as u64;
                    kernel.untypeds.push((base, 1 << bits, 0));
                    allocator.add(Untyped::new(child, base, bits, device))?;
                }
                Placed::Objects { handle, count: n } => {
                    assert_eq!(kernel.objects(handle, bits, n), paddr);
                    paddr += u64::from(n) << bits;
                    count -= n;
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_run_may_cross_untypeds() {
        let (mut allocator, mut kernel) = machine(&[(MIB, 20), (2 * MIB, 21)]);
        run_at(&mut allocator, &mut kernel, MIB + 0x4000, 12, 300).unwrap();
        assert_eq!(kernel.taken.len(), 2);
    }

    #[test]
    fn an_address_without_memory_or_twice_is_refused() {
        let (mut allocator, mut kernel) = machine(&[(MIB, 20)]);
        let missing = run_at(&mut allocator, &mut kernel, 2 * MIB, 12, 1);
        assert_eq!(missing, Err(AllocateError::NotThere { paddr: 2 * MIB }));
        run_at(&mut allocator, &mut kernel, MIB, 12, 1).unwrap();
        let twice = run_at(&mut allocator, &mut kernel, MIB, 12, 1);
        assert_eq!(twice, Err(AllocateError::Taken { paddr: MIB }));
    }

    #[test]
    fn device_memory_is_for_given_addresses_only() {
        let mut allocator = Allocator::<4>::new();
        allocator.add(Untyped::new(0, 0x900_0000, 20, true)).unwrap();
        assert_eq!(allocator.place(12, 1), Err(AllocateError::OutOfMemory { bits: 12 }));
        assert!(allocator.place_at(0x900_0000, 12, 1).is_ok());
    }

    proptest! {
        /// Fixed runs in ascending order, then the rest by descending size: all as the kernel would place them,
        /// disjoint, and the gaps are used up before memory is declared full.
        #[test]
        fn everything_is_placed_once(
            fixed in proptest::collection::btree_set(0u64..256, 0..12),
            mut sizes in proptest::collection::vec((4u8..16, 1u32..40), 0..12),
        ) {
            let (mut allocator, mut kernel) = machine(&[(MIB, 20), (4 * MIB, 18)]);
            for page in fixed {
                run_at(&mut allocator, &mut kernel, MIB + page * 4096, 12, 1).unwrap();
            }
            sizes.sort_by_key(|(bits, _)| core::cmp::Reverse(*bits));
            for (bits, mut count) in sizes {
                while count > 0 {
                    match allocator.place(bits, count) {
                        Ok(Placed::Objects { handle, count: n }) => {
                            kernel.objects(handle, bits, n);
                            count -= n;
                        }
                        Ok(gap) => prop_assert!(false, "no gap without an address: {gap:?}"),
                        Err(_) => {
                            let room = kernel.untypeds.iter()
                                .any(|(_, size, used)| used.next_multiple_of(1 << bits) + (1 << bits) <= *size);
                            prop_assert!(!room, "refused with room left");
                            return Ok(());
                        }
                    }
                }
            }
        }
    }
}
