//! Entries of a folder, as `getdents64(2)` gives them.

use core::ffi::CStr;

/// Where an entry's size is: behind inode and offset, of eight bytes each.
const SIZE: usize = 16;
/// Where its name is, which ends with a zero: behind the size and the type.
const NAME: usize = 19;

/// The names in what the call has given.
pub fn names(mut entries: &[u8]) -> impl Iterator<Item = &CStr> {
    core::iter::from_fn(move || {
        let size = entries.get(SIZE..SIZE + 2)?;
        let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
        let (entry, rest) = entries.split_at_checked(size)?;
        entries = rest;
        CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::vec::Vec;

    fn entry(name: &str) -> Vec<u8> {
        let size = (NAME + name.len() + 1).next_multiple_of(8);
        let mut bytes = std::vec![0xff; SIZE];
        bytes.extend((size as u16).to_le_bytes());
        bytes.push(10);
        bytes.extend(name.as_bytes());
        bytes.resize(size, 0);
        bytes
    }

    #[test]
    fn every_name_is_found() {
        let entries: Vec<u8> = [".", "..", "vport0p1", "vport12p30"].into_iter().flat_map(entry).collect();
        let found: Vec<&str> = names(&entries).filter_map(|name| name.to_str().ok()).collect();
        assert_eq!(found, [".", "..", "vport0p1", "vport12p30"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            proptest::prop_assert!(names(&bytes).count() <= bytes.len());
        }
    }
}
