//! Writing a `newc` cpio archive, the format of Linux's initramfs (kernel documentation,
//! `driver-api/early-userspace/buffer-format`).

/// File type bits of the mode field.
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive in the making.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
}

impl Archive {
    /// Adds a folder. Folders must precede what lies in them.
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// Adds an executable file.
    pub fn program(&mut self, path: &str, content: &[u8]) {
        self.entry(path, REGULAR | 0o755, (0, 0), content);
    }

    /// Adds a file that is no program.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, REGULAR | 0o644, (0, 0), content);
    }

    /// Adds a symbolic link to `to`.
    pub fn symlink(&mut self, path: &str, to: &str) {
        self.entry(path, SYMLINK | 0o777, (0, 0), to.as_bytes());
    }

    /// Adds a character device node.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[]);
    }

    /// The finished archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inodes += 1;
        // An initramfs is far below 4 GiB; the format has no longer files.
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        let links = 1;
        let (owner, group, time, checksum) = (0, 0, 0, 0);
        let (device_major, device_minor) = (0, 0);
        let fields = [
            self.inodes,
            mode,
            owner,
            group,
            links,
            time,
            size,
            device_major,
            device_minor,
            device.0,
            device.1,
            name_size,
            checksum,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    /// Header with name, and content, each end on a multiple of four bytes.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One decoded entry: name, mode, content.
    type Entry = (String, u32, Vec<u8>);

    fn decode(mut bytes: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        loop {
            let field = |index: usize| {
                let text = std::str::from_utf8(&bytes[6 + 8 * index..14 + 8 * index]).expect("hex");
                u32::from_str_radix(text, 16).expect("hex")
            };
            assert_eq!(&bytes[..6], b"070701");
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = String::from_utf8(bytes[110..110 + name_size - 1].to_vec()).expect("a name");
            let start = (110 + name_size).next_multiple_of(4);
            if name == "TRAILER!!!" {
                assert_eq!(bytes.len(), start);
                return entries;
            }
            entries.push((name, mode, bytes[start..start + size].to_vec()));
            bytes = &bytes[(start + size).next_multiple_of(4)..];
        }
    }

    proptest::proptest! {
        #[test]
        fn every_entry_is_found_again(files in proptest::collection::vec(("[a-z]{1,20}", ".{0,70}"), 0..8)) {
            let mut archive = Archive::default();
            for (name, content) in &files {
                archive.program(name, content.as_bytes());
            }
            let expected: Vec<Entry> =
                files.iter().map(|(name, text)| (name.clone(), 0o100_755, text.clone().into_bytes())).collect();
            proptest::prop_assert_eq!(decode(&archive.finish()), expected);
        }
    }

    #[test]
    fn types_are_in_the_mode() {
        let mut archive = Archive::default();
        archive.directory("dev");
        archive.device("dev/console", 5, 1);
        archive.symlink("sh", "busybox");
        let modes: Vec<u32> = decode(&archive.finish()).into_iter().map(|(_, mode, _)| mode).collect();
        assert_eq!(modes, [0o040_755, 0o020_600, 0o120_777]);
    }
}
