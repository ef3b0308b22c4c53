//! Where files that a description names are found.

use std::path::PathBuf;

/// Larger files are read by mistake only: no board has that much memory.
const MAX_FILE_BYTES: u64 = 1 << 34;

/// Folders that are looked through in order, the current one last.
#[derive(Debug, Clone, Default)]
pub struct SearchPaths {
    folders: Vec<PathBuf>,
}

impl SearchPaths {
    /// These folders, then the current one.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().chain([PathBuf::from(".")]).collect() }
    }

    /// Reads a file; the error is the second half of a sentence about it.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.folders.iter().map(|folder| folder.join(path)).find(|path| path.is_file());
        let found = found.ok_or("is in none of the search paths")?;
        let unreadable = |error: std::io::Error| format!("can't be read: {error}");
        match std::fs::metadata(&found).map_err(unreadable)?.len() {
            0..=MAX_FILE_BYTES => std::fs::read(&found).map_err(unreadable),
            length => Err(format!("has {length} bytes, more than an image can hold")),
        }
    }

    /// The folders, as text for help.
    pub fn list(&self) -> String {
        self.folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", ")
    }
}
