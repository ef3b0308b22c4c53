//! What a board is made of, and what must hold for it.

/// Physical addresses from `start` up to, not with, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
}

impl Range {
    /// The range from `start` up to, not with, `end`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    /// Length in bytes.
    pub const fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether it holds no address.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Whether an address lies in it.
    pub const fn contains(self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// Whether both have an address in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Where the interrupt controller's registers are. A board can offer both generations, as QEMU does; the kernel finds out
/// which one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gic {
    /// Distributor (GICD), of either version.
    pub distributor: Range,
    /// CPU interface of a GICv2 (GICC).
    pub cpu_interface: Range,
    /// Hypervisor's interface of a GICv2 (GICH).
    pub hypervisor_interface: Range,
    /// Guests' CPU interface of a GICv2 (GICV). The kernel does not touch it: a VM maps it.
    pub virtual_cpu_interface: Range,
    /// Redistributors of a GICv3 (GICR), 128 KiB for each core.
    pub redistributors: Range,
}

/// Interrupt numbers of the core's own sources (PPIs, 16 to 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateInterrupts {
    /// The GIC's maintenance interrupt for guests.
    pub maintenance: u32,
    /// The hypervisor's physical timer (CNTHP): the kernel's.
    pub hypervisor_timer: u32,
    /// The virtual timer (CNTV): guests'.
    pub virtual_timer: u32,
    /// The EL1 physical timer (CNTP): user level's.
    pub physical_timer: u32,
}

/// A PL011, for what a debug kernel prints. It belongs to user level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uart {
    /// Its registers.
    pub registers: Range,
    /// Its interrupt.
    pub irq: u32,
}

/// A board: one row of [`crate::BOARDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name, as `microkit --board` takes it.
    pub name: &'static str,
    /// Memory that is the system's.
    pub ram: Range,
    /// Where the kernel is linked and runs (virtual = physical), on 2 MiB.
    pub kernel_base: u64,
    /// Where the image is loaded and entered.
    pub loader_base: u64,
    /// Cores that there are at most.
    pub cores: usize,
    /// Interrupt controller.
    pub gic: Gic,
    /// Private interrupts.
    pub interrupts: PrivateInterrupts,
    /// Where a debug kernel prints.
    pub uart: Uart,
}

/// What is wrong with a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A range is empty or not a whole number of 4 KiB pages.
    Unaligned(Range),
    /// Two ranges have an address in common.
    Overlap(Range, Range),
    /// Kernel or image do not lie in memory, kernel first.
    Misplaced(u64),
    /// A private interrupt's number is not that of a PPI.
    NotPrivate(u32),
    /// There must be a core, and a redistributor's frames for each.
    Cores(usize),
}

/// Bytes of a redistributor's two frames (GIC architecture, 12.10).
pub const REDISTRIBUTOR_BYTES: u64 = 0x2_0000;

impl Board {
    /// The board with this name.
    pub const fn named(name: &str) -> Option<&'static Self> {
        let boards = crate::BOARDS;
        let mut index = 0;
        while index < boards.len() {
            if equal(boards[index].name.as_bytes(), name.as_bytes()) {
                return Some(&boards[index]);
            }
            index += 1;
        }
        None
    }

    /// The device registers that the kernel keeps to itself; no user-level capability covers them. It keeps those of
    /// both GIC versions, whichever is there.
    pub const fn kernel_devices(&self) -> [Range; 4] {
        let gic = &self.gic;
        [gic.distributor, gic.cpu_interface, gic.hypervisor_interface, gic.redistributors]
    }

    /// `MPIDR_EL1`'s affinity fields of a core: they are numbered within one cluster.
    pub const fn affinity(&self, core: usize) -> u64 {
        core as u64
    }

    /// Whether the board is consistent.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn check(&self) -> Result<(), Fault> {
        let gic = self.gic;
        let ranges = [
            self.ram,
            gic.distributor,
            gic.cpu_interface,
            gic.hypervisor_interface,
            gic.virtual_cpu_interface,
            gic.redistributors,
            self.uart.registers,
        ];
        for (index, range) in ranges.iter().enumerate() {
            if range.is_empty() || !(range.start | range.end).is_multiple_of(0x1000) {
                return Err(Fault::Unaligned(*range));
            }
            if let Some(other) = ranges[..index].iter().find(|other| other.overlaps(*range)) {
                return Err(Fault::Overlap(*other, *range));
            }
        }
        self.check_placement()?;
        self.check_interrupts()
    }

    /// Cores are told apart by Aff0, and interrupts are sent to them by a bit each (`GICD_SGIR`): at most 8.
    const MAX_CORES: usize = 8;

    fn check_placement(&self) -> Result<(), Fault> {
        if !self.ram.contains(self.kernel_base) || !self.kernel_base.is_multiple_of(0x20_0000) {
            return Err(Fault::Misplaced(self.kernel_base));
        }
        if !self.ram.contains(self.loader_base) || self.loader_base <= self.kernel_base {
            return Err(Fault::Misplaced(self.loader_base));
        }
        let fits = self.cores as u64 <= self.gic.redistributors.len() / REDISTRIBUTOR_BYTES;
        if self.cores == 0 || self.cores > Self::MAX_CORES || !fits { Err(Fault::Cores(self.cores)) } else { Ok(()) }
    }

    fn check_interrupts(&self) -> Result<(), Fault> {
        let PrivateInterrupts { maintenance, hypervisor_timer, virtual_timer, physical_timer } = self.interrupts;
        match [maintenance, hypervisor_timer, virtual_timer, physical_timer].into_iter().find(|n| !(16..32).contains(n))
        {
            Some(number) => Err(Fault::NotPrivate(number)),
            None => Ok(()),
        }
    }
}

/// `==` for bytes at compile time.
const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BOARDS;

    #[test]
    fn every_board_is_consistent_and_found_by_its_name() {
        for board in BOARDS {
            assert_eq!(board.check(), Ok(()), "{}", board.name);
            assert_eq!(Board::named(board.name), Some(board));
        }
        assert_eq!(Board::named("qemu_virt_aarch65"), None);
        assert_eq!(Board::named("qemu"), None);
    }

    #[test]
    fn what_contradicts_itself_is_found() {
        let good = BOARDS[0];
        let overlapping = Board { ram: Range::new(0x0800_0000, 0xc000_0000), ..good };
        assert!(matches!(overlapping.check(), Err(Fault::Overlap(..))));
        let odd = Board { ram: Range::new(0x6000_0000, 0xc000_0001), ..good };
        assert!(matches!(odd.check(), Err(Fault::Unaligned(_))));
        assert_eq!(Board { kernel_base: 0x6010_0000, ..good }.check(), Err(Fault::Misplaced(0x6010_0000)));
        assert_eq!(Board { loader_base: 0x6000_0000, ..good }.check(), Err(Fault::Misplaced(0x6000_0000)));
        assert_eq!(Board { cores: 0, ..good }.check(), Err(Fault::Cores(0)));
        assert_eq!(Board { cores: 1000, ..good }.check(), Err(Fault::Cores(1000)));
        let interrupts = PrivateInterrupts { virtual_timer: 43, ..good.interrupts };
        assert_eq!(Board { interrupts, ..good }.check(), Err(Fault::NotPrivate(43)));
    }

    #[test]
    fn the_kernel_keeps_its_devices_and_leaves_the_guests_interface() {
        for board in BOARDS {
            let kept = board.kernel_devices();
            assert!(!kept.iter().any(|range| range.overlaps(board.gic.virtual_cpu_interface)));
            assert!(!kept.iter().any(|range| range.overlaps(board.uart.registers)));
            assert!(kept.contains(&board.gic.distributor));
        }
    }
}
