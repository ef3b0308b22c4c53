//! What is in a guest's memory before its first instruction, by the arm64 boot protocol of Linux
//! (Documentation/arch/arm64/booting): the kernel, the device tree, the initial ramdisk.

pub mod fdt;
pub mod image;

use core::fmt;

use crate::machine::Region;
use image::{Image, ImageError};

/// The device tree gets this much room (the protocol allows 2 MiB).
pub const FDT_MAX: u64 = 0x1_0000;

const KERNEL_ALIGN: u64 = 2 << 20;
const PAGE: u64 = 4096;

/// Why a guest cannot be started.
#[derive(Debug, PartialEq, Eq)]
pub enum BootError {
    /// The kernel is not something that can be booted.
    Image(ImageError),
    /// The machine's memory is too small for what has to be in it at boot; both in bytes.
    MemoryTooSmall {
        /// What kernel, device tree and initial ramdisk take, padding included.
        needed: u64,
        /// The memory's size.
        available: u64,
    },
    /// The memory does not start at a multiple of 2 MiB, where the kernel has to be.
    MemoryMisaligned(u64),
    /// The device tree could not be written.
    DeviceTree(vm_fdt::Error),
    /// The device tree came out larger than [`FDT_MAX`]; in bytes.
    DeviceTreeTooLarge(usize),
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => write!(f, "the kernel cannot be booted: {error}"),
            Self::MemoryTooSmall { needed, available } => write!(
                f,
                "kernel, device tree and initial ramdisk need {} KiB of memory, the machine has {} KiB",
                needed.div_ceil(1024),
                available / 1024
            ),
            Self::MemoryMisaligned(base) => write!(f, "memory starts at {base:#x}, not at a multiple of 2 MiB"),
            Self::DeviceTree(error) => write!(f, "the device tree cannot be written: {error}"),
            Self::DeviceTreeTooLarge(size) => write!(f, "the device tree takes {size} bytes, {FDT_MAX} is the most"),
        }
    }
}

impl core::error::Error for BootError {}

impl From<ImageError> for BootError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<vm_fdt::Error> for BootError {
    fn from(error: vm_fdt::Error) -> Self {
        Self::DeviceTree(error)
    }
}

/// Where everything goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Load address and entry point of the kernel.
    pub kernel: u64,
    /// Address of the device tree, with [`FDT_MAX`] bytes of room.
    pub fdt: u64,
    /// The initial ramdisk with its true size.
    pub initrd: Option<Region>,
}

impl Placement {
    /// Places the kernel at the start of memory, the device tree after it, the initial ramdisk after that.
    ///
    /// `kernel_file` and `initrd` are sizes of files in bytes; an `initrd` of 0 means none.
    pub fn new(memory: Region, image: &Image, kernel_file: u64, initrd: u64) -> Result<Self, BootError> {
        if !memory.base.is_multiple_of(KERNEL_ALIGN) {
            return Err(BootError::MemoryMisaligned(memory.base));
        }
        let too_small = |needed| BootError::MemoryTooSmall { needed, available: memory.size };
        // Offsets from the start of memory; a size that overflows does not fit either.
        let fdt = image.text_offset.checked_add(image.footprint(kernel_file));
        let fdt = fdt.and_then(|end| end.checked_next_multiple_of(PAGE)).ok_or(too_small(u64::MAX))?;
        let initrd_start = fdt.checked_add(FDT_MAX).ok_or(too_small(u64::MAX))?;
        let end = initrd_start.checked_add(initrd).ok_or(too_small(u64::MAX))?;
        if end > memory.size {
            return Err(too_small(end));
        }
        Ok(Self {
            kernel: memory.base + image.text_offset,
            fdt: memory.base + fdt,
            initrd: (initrd != 0).then_some(Region { base: memory.base + initrd_start, size: initrd }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn image(text_offset: u64, image_size: u64) -> Image {
        Image { text_offset, image_size }
    }

    #[test]
    fn everything_fits_without_overlap() {
        let memory = Region { base: 0x4000_0000, size: 64 * MIB };
        let placed = Placement::new(memory, &image(0, 0x1ab_0000), 27_303_872, 1_000_001).unwrap();
        assert_eq!(placed.kernel, 0x4000_0000);
        assert!(placed.fdt >= placed.kernel + 0x1ab_0000);
        let initrd = placed.initrd.unwrap();
        assert_eq!(initrd.size, 1_000_001);
        assert!(initrd.base >= placed.fdt + FDT_MAX && initrd.end() <= memory.end());
    }

    #[test]
    fn the_text_offset_is_respected() {
        let memory = Region { base: 0x4000_0000, size: 64 * MIB };
        let placed = Placement::new(memory, &image(0x8_0000, MIB), MIB, 0).unwrap();
        assert_eq!(placed.kernel, 0x4008_0000);
        assert_eq!(placed.initrd, None);
    }

    #[test]
    fn memory_that_is_one_byte_short_is_refused() {
        let memory = |size| Region { base: 0x4000_0000, size };
        let fit = 16 * MIB + FDT_MAX + 5;
        assert!(Placement::new(memory(fit), &image(0, 16 * MIB), MIB, 5).is_ok());
        let error = Placement::new(memory(fit - 1), &image(0, 16 * MIB), MIB, 5).unwrap_err();
        assert_eq!(error, BootError::MemoryTooSmall { needed: fit, available: fit - 1 });
    }

    #[test]
    fn absurd_sizes_do_not_wrap_around() {
        let memory = Region { base: 0, size: 64 * MIB };
        for (offset, size) in [(u64::MAX, 1), (0, u64::MAX), (u64::MAX - 0x1_0000, 0x1000)] {
            assert!(Placement::new(memory, &image(offset, size), MIB, MIB).is_err());
        }
        assert!(Placement::new(memory, &image(0, MIB), MIB, u64::MAX).is_err());
    }

    #[test]
    fn misaligned_memory_is_refused() {
        let memory = Region { base: 0x4010_0000, size: 64 * MIB };
        assert_eq!(
            Placement::new(memory, &image(0, MIB), MIB, 0).unwrap_err(),
            BootError::MemoryMisaligned(0x4010_0000)
        );
    }
}
