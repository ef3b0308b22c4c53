//! The header of an arm64 Linux `Image` (Documentation/arch/arm64/booting, "Call the kernel image").

use core::fmt;

/// `magic`: "ARM\x64" at offset 56.
const MAGIC: [u8; 4] = *b"ARM\x64";
const HEADER_SIZE: usize = 64;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// An EFI application that unpacks the real image; "zimg" stands where `text_offset` has its lower half.
const ZBOOT_MAGIC: &[u8] = b"zimg";
const ELF_MAGIC: &[u8] = b"\x7fELF";
const FLAG_BIG_ENDIAN: u64 = 1 << 0;
/// Kernels before 3.17 do not state their size; it is the file's with this much for what is zeroed at start.
const UNSTATED_BSS: u64 = 16 << 20;

/// Why something is not a bootable kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// There are fewer bytes than a header has.
    TooShort(usize),
    /// The kernel is compressed with gzip.
    Gzip,
    /// The kernel unpacks itself, as an EFI application.
    Zboot,
    /// An ELF file, such as `vmlinux`.
    Elf,
    /// No arm64 header.
    NotAnImage,
    /// The kernel is big-endian.
    BigEndian,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(size) => write!(f, "{size} bytes are no arm64 Image, whose header alone has {HEADER_SIZE}"),
            Self::Gzip => f.write_str("it is compressed; unpack it with gunzip to get the arm64 Image"),
            Self::Zboot => f.write_str("it is a self-unpacking EFI application; the arm64 Image inside it is needed"),
            Self::Elf => f.write_str("it is an ELF file; the arm64 Image (arch/arm64/boot/Image) is needed"),
            Self::NotAnImage => f.write_str("it is not an arm64 Image"),
            Self::BigEndian => f.write_str("it is a big-endian kernel"),
        }
    }
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Where the kernel goes, in bytes from a 2 MiB boundary.
    pub text_offset: u64,
    /// What the kernel takes in memory, in bytes; 0 when an old kernel does not say.
    pub image_size: u64,
}

impl Image {
    /// Reads the header at the start of a kernel.
    pub fn parse(kernel: &[u8]) -> Result<Self, ImageError> {
        if kernel.starts_with(GZIP_MAGIC) {
            return Err(ImageError::Gzip);
        }
        let header: &[u8; HEADER_SIZE] = kernel.first_chunk().ok_or(ImageError::TooShort(kernel.len()))?;
        if header[4..8] == *ZBOOT_MAGIC {
            return Err(ImageError::Zboot);
        }
        if header.starts_with(ELF_MAGIC) {
            return Err(ImageError::Elf);
        }
        if header[56..60] != MAGIC {
            return Err(ImageError::NotAnImage);
        }
        if field(header, 24) & FLAG_BIG_ENDIAN != 0 {
            return Err(ImageError::BigEndian);
        }
        let image_size = field(header, 16);
        // Without a stated size the offset is not stated either.
        let text_offset = if image_size == 0 { 0x8_0000 } else { field(header, 8) };
        Ok(Self { text_offset, image_size })
    }

    /// Bytes of memory that the kernel takes from its load address, given the size of its file.
    pub fn footprint(&self, file: u64) -> u64 {
        match self.image_size {
            0 => file.saturating_add(UNSTATED_BSS),
            size => size.max(file),
        }
    }
}

/// The little-endian word at `offset`.
fn field(header: &[u8; HEADER_SIZE], offset: usize) -> u64 {
    (0..8).rev().fold(0, |value, n| value << 8 | u64::from(header[offset + n]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(text_offset: u64, image_size: u64, flags: u64) -> [u8; HEADER_SIZE] {
        let mut header = [0; HEADER_SIZE];
        header[8..16].copy_from_slice(&text_offset.to_le_bytes());
        header[16..24].copy_from_slice(&image_size.to_le_bytes());
        header[24..32].copy_from_slice(&flags.to_le_bytes());
        header[56..60].copy_from_slice(&MAGIC);
        header
    }

    #[test]
    fn header_of_a_debian_kernel() {
        // Flags: little-endian, 4 KiB pages, anywhere in memory.
        let image = Image::parse(&header(0, 0x1ab_0000, 0b1010)).unwrap();
        assert_eq!(image, Image { text_offset: 0, image_size: 0x1ab_0000 });
        assert_eq!(image.footprint(27_303_872), 0x1ab_0000);
        assert_eq!(image.footprint(0x200_0000), 0x200_0000);
    }

    #[test]
    fn an_old_kernel_has_the_old_offset() {
        let image = Image::parse(&header(0x1234, 0, 0)).unwrap();
        assert_eq!(image.text_offset, 0x8_0000);
        assert!(image.footprint(1 << 20) > 1 << 20);
    }

    #[test]
    fn what_is_not_an_image_is_told_apart() {
        let mut zboot = header(0, 1, 0);
        zboot[4..8].copy_from_slice(ZBOOT_MAGIC);
        let mut elf = [0; HEADER_SIZE];
        elf[..4].copy_from_slice(ELF_MAGIC);
        assert_eq!(Image::parse(&[0x1f, 0x8b, 8]), Err(ImageError::Gzip));
        assert_eq!(Image::parse(&zboot), Err(ImageError::Zboot));
        assert_eq!(Image::parse(&elf), Err(ImageError::Elf));
        assert_eq!(Image::parse(&[0; HEADER_SIZE]), Err(ImageError::NotAnImage));
        assert_eq!(Image::parse(&[0; HEADER_SIZE - 1]), Err(ImageError::TooShort(63)));
        assert_eq!(Image::parse(&header(0, 1, 1)), Err(ImageError::BigEndian));
    }

    proptest! {
        #[test]
        fn only_the_magic_makes_an_image(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
            if Image::parse(&bytes).is_ok() {
                prop_assert_eq!(&bytes[56..60], &MAGIC);
            }
        }
    }
}
