//! GUID partition tables (UEFI specification 2.10, 5.3): of a disk's two copies, what each says, or what is wrong with it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use gpt_disk_types::{
    BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray, GptPartitionEntrySizeError, Guid,
};
use ivc::block::SECTOR;

/// Sectors of a table: its header, and 128 entries of 128 bytes, which is what there is room for on any disk.
pub const SECTORS: u64 = 33;
/// Bytes of a table.
pub const BYTES: usize = SECTORS as usize * SECTOR;
/// Bytes of the header.
const HEADER: usize = size_of::<GptHeader>();

/// One of the two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Behind the first sector.
    Primary,
    /// At the end.
    Backup,
}

impl Copy {
    /// Both, the one that counts first.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Backup];

    /// The first of its sectors on a disk of so many; `None` if the disk has no room for two tables.
    #[must_use]
    pub fn first(self, disk: u64) -> Option<u64> {
        let backup = disk.checked_sub(SECTORS).filter(|&backup| backup > SECTORS)?;
        Some(if self == Self::Primary { 1 } else { backup })
    }

    /// Where its header is.
    fn header(self, disk: u64) -> u64 {
        if self == Self::Primary { 1 } else { disk - 1 }
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Primary { "the partition table" } else { "the partition table's copy" })
    }
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its label.
    pub name: String,
    /// Its identifier.
    pub id: Guid,
    /// Its first sector.
    pub first: u64,
    /// Its number of sectors.
    pub sectors: u64,
}

impl Partition {
    /// Whether somebody who says this means it: its label, or its identifier.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || Guid::try_parse(name).is_ok_and(|id| id == self.id)
    }
}

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It could not be read, or the disk has no room for it.
    Unread,
    /// There is none.
    Missing,
    /// The header's checksum is another.
    Header,
    /// The header is of a size or place that this is not made for, or does not fit the disk.
    Place,
    /// The entries are not behind the header, or more than 128 of 128 bytes.
    Entries,
    /// The entries' checksum is another.
    Checksum,
    /// This entry's partition ends before it begins, or lies where none may be.
    Entry(u32),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread => f.write_str("cannot be read"),
            Self::Missing => f.write_str("is not there"),
            Self::Header => f.write_str("has a wrong checksum"),
            Self::Place => f.write_str("has a header that does not fit the disk"),
            Self::Entries => f.write_str("has entries of an unusual number, size or place"),
            Self::Checksum => f.write_str("has entries with a wrong checksum"),
            Self::Entry(number) => write!(f, "has a partition {number} that lies where none may be"),
        }
    }
}

impl From<GptPartitionEntrySizeError> for Damage {
    fn from(_: GptPartitionEntrySizeError) -> Self {
        Self::Entries
    }
}

/// Reads the table in `bytes` ([`BYTES`]), which is that `copy` of a disk of so many sectors.
///
/// # Errors
/// The table is not what the specification wants; then nothing in it is believed.
pub fn read(bytes: &mut [u8], copy: Copy, disk: u64) -> Result<Vec<Partition>, Damage> {
    let first = copy.first(disk).filter(|_| bytes.len() == BYTES).ok_or(Damage::Unread)?;
    let place = (copy.header(disk) - first) as usize * SECTOR;
    let header: GptHeader = bytemuck::pod_read_unaligned(&bytes[place..place + HEADER]);
    let usable = check(&header, copy, disk)?;
    let layout = header.get_partition_entry_array_layout()?;
    let offset = layout.start_lba.0.checked_sub(first).and_then(|sectors| usize::try_from(sectors).ok());
    let offset = offset.and_then(|sectors| sectors.checked_mul(SECTOR)).ok_or(Damage::Entries)?;
    let behind = bytes.get_mut(offset..).ok_or(Damage::Entries)?;
    let count = layout.num_entries;
    let entries = GptPartitionEntryArray::new(layout, BlockSize::BS_512, behind).map_err(|_| Damage::Entries)?;
    if entries.calculate_crc32() != header.partition_entry_array_crc32 {
        return Err(Damage::Checksum);
    }
    let used = (0..count).filter_map(|index| Some((index + 1, entries.get_partition_entry(index)?)));
    used.filter(|(_, entry)| entry.is_used()).map(|(number, entry)| partition(number, entry, usable)).collect()
}

/// The sectors that partitions may have: the first and the last.
type Usable = (u64, u64);

fn check(header: &GptHeader, copy: Copy, disk: u64) -> Result<Usable, Damage> {
    if !header.is_signature_valid() {
        return Err(Damage::Missing);
    }
    // The checksum is that of the fields that are known.
    if header.header_size.to_u32() as usize != HEADER {
        return Err(Damage::Place);
    }
    if header.header_crc32 != header.calculate_header_crc32() {
        return Err(Damage::Header);
    }
    let usable = (header.first_usable_lba.to_u64(), header.last_usable_lba.to_u64());
    let fits = header.my_lba.to_u64() == copy.header(disk) && usable.0 <= usable.1 && usable.1 < disk;
    if fits { Ok(usable) } else { Err(Damage::Place) }
}

fn partition(number: u32, entry: &GptPartitionEntry, (first, last): Usable) -> Result<Partition, Damage> {
    let range = entry.lba_range().map(|range| (range.start().0, range.end().0));
    let (start, end) = range.filter(|&(start, end)| first <= start && end <= last).ok_or(Damage::Entry(number))?;
    let (name, id) = (entry.name, entry.unique_partition_guid);
    Ok(Partition { name: name.chars().collect(), id, first: start, sectors: end - start + 1 })
}
