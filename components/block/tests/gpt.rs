//! Partition tables as another program writes them, and damaged ones.

use std::io::Cursor;

use block::gpt::{BYTES, Copy, Damage, Partition, read};
use gpt::{GptConfig, partition_types};
use ivc::block::SECTOR;
use proptest::prelude::*;

const SECTORS: u64 = 2048;

/// A disk with these partitions: label, first sector, number of sectors.
fn disk(partitions: &[(&str, u64, u64)]) -> Vec<u8> {
    let device = Cursor::new(vec![0; SECTORS as usize * SECTOR]);
    let mut disk = GptConfig::new().writable(true).create_from_device(device, None).expect("a table");
    for (number, &(name, first, sectors)) in (1..).zip(partitions) {
        disk.add_partition_at(name, number, first, sectors, partition_types::LINUX_FS, 0).expect("a partition");
    }
    disk.write().expect("a disk").into_inner()
}

fn table(disk: &[u8], copy: Copy) -> Result<Vec<Partition>, Damage> {
    let first = copy.first(SECTORS).expect("room") as usize * SECTOR;
    read(&mut disk[first..first + BYTES].to_vec(), copy, SECTORS)
}

fn extents(table: &[Partition]) -> Vec<(&str, u64, u64)> {
    table.iter().map(|partition| (partition.name.as_str(), partition.first, partition.sectors)).collect()
}

const TWO: [(&str, u64, u64); 2] = [("boot", 64, 100), ("röt", 200, 1)];

#[test]
fn both_copies_say_the_same() {
    let disk = disk(&TWO);
    let [primary, backup] = Copy::ALL.map(|copy| table(&disk, copy).expect("a table"));
    assert_eq!(extents(&primary), TWO);
    assert_eq!(primary, backup);
    assert!(primary[0].is_called("boot") && !primary[0].is_called("röt"));
    let id = primary[1].id.to_string();
    assert!(primary[1].is_called(&id) && primary[1].is_called(&id.to_uppercase()) && !primary[0].is_called(&id));
}

#[test]
fn a_disk_without_tables_has_none() {
    let empty = vec![0; SECTORS as usize * SECTOR];
    for copy in Copy::ALL {
        assert_eq!(table(&empty, copy), Err(Damage::Missing));
    }
    assert_eq!((Copy::Primary.first(66), Copy::Backup.first(67)), (None, Some(34)));
    assert_eq!(read(&mut [0; 512], Copy::Primary, SECTORS), Err(Damage::Unread));
    // One that was copied to a larger disk does not lie at its end.
    let disk = disk(&TWO);
    let mut moved = disk[(SECTORS - 33) as usize * SECTOR..].to_vec();
    assert_eq!(read(&mut moved, Copy::Backup, SECTORS + 1), Err(Damage::Place));
}

/// The checksum of the tables.
fn crc32(bytes: &[u8]) -> [u8; 4] {
    let step = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    let sum = bytes.iter().fold(!0, |sum, &byte| (0..8).fold(sum ^ u32::from(byte), step));
    (!sum).to_le_bytes()
}

/// A header whose checksum is right whatever is in it.
fn with_checksum(disk: &mut [u8]) {
    disk[SECTOR + 16..SECTOR + 20].fill(0);
    let sum = crc32(&disk[SECTOR..SECTOR + 92]);
    disk[SECTOR + 16..SECTOR + 20].copy_from_slice(&sum);
}

#[test]
fn headers_that_lie_are_told() {
    // Offset in the header, value, and what is wrong then.
    let cases: [(usize, u64, Damage); 9] = [
        (12, 512, Damage::Place),
        (24, 2, Damage::Place),
        (40, 3000, Damage::Place),
        (48, SECTORS, Damage::Place),
        (72, 1 << 60, Damage::Entries),
        (72, 0, Damage::Entries),
        (72, 3, Damage::Entries),
        (84, 0, Damage::Entries),
        (80, u32::MAX as u64 | 128 << 32, Damage::Entries),
    ];
    for (offset, value, damage) in cases {
        let mut disk = disk(&TWO);
        let length = if offset == 12 || offset == 84 { 4 } else { 8 };
        disk[SECTOR + offset..][..length].copy_from_slice(&value.to_le_bytes()[..length]);
        let before = if offset == 12 { damage } else { Damage::Header };
        assert_eq!(table(&disk, Copy::Primary), Err(before), "the checksum is the old one");
        with_checksum(&mut disk);
        assert_eq!(table(&disk, Copy::Primary), Err(damage), "{value:#x} at {offset}");
    }
}

#[test]
fn a_partition_where_none_may_be_is_told() {
    for (first, last) in [(33, 64), (64, SECTORS), (100, 99)] {
        let mut disk = disk(&TWO);
        let entry = 2 * SECTOR + 128;
        disk[entry + 32..entry + 40].copy_from_slice(&u64::to_le_bytes(first));
        disk[entry + 40..entry + 48].copy_from_slice(&u64::to_le_bytes(last));
        assert_eq!(table(&disk, Copy::Primary), Err(Damage::Checksum));
        let sum = crc32(&disk[2 * SECTOR..34 * SECTOR]);
        disk[SECTOR + 88..SECTOR + 92].copy_from_slice(&sum);
        with_checksum(&mut disk);
        assert_eq!(table(&disk, Copy::Primary), Err(Damage::Entry(2)));
        assert_eq!(extents(&table(&disk, Copy::Backup).expect("the other copy is whole")), TWO);
    }
}

proptest! {
    /// Any byte of header and entries that is another is noticed.
    #[test]
    fn damage_is_noticed(place in 0..92 + 32 * SECTOR, flip in 1u8..) {
        let mut disk = disk(&TWO);
        let at = if place < 92 { SECTOR + place } else { 2 * SECTOR + place - 92 };
        disk[at] ^= flip;
        prop_assert!(table(&disk, Copy::Primary).is_err());
        let backup = table(&disk, Copy::Backup).expect("the other copy is whole");
        prop_assert_eq!(extents(&backup), TWO);
    }

    /// Nonsense behind a right checksum is an error or partitions that lie on the disk.
    #[test]
    fn nonsense_is_survived(offset in 8usize..92, value in any::<u64>()) {
        let mut disk = disk(&TWO);
        disk[SECTOR + offset..][..8].copy_from_slice(&value.to_le_bytes());
        with_checksum(&mut disk);
        if let Ok(table) = table(&disk, Copy::Primary) {
            prop_assert!(table.iter().all(|partition| partition.first + partition.sectors <= SECTORS));
        }
    }
}
