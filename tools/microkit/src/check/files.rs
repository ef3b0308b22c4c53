//! Where files that a description names are found.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Spanned};
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

    /// Reads a file that a description names.
    pub fn load(&self, path: &Spanned<String>) -> Result<Vec<u8>, Diagnostic> {
        let error = |code, what: String| {
            let error = Diagnostic::new(code, path.span.clone(), format!("`{}` {what}", path.value));
            error.help(format!("the search paths are {}", self.list()))
        };
        let unreadable = |reason: std::io::Error| error(Code::UnreadableFile, format!("can't be read: {reason}"));
        let found = self.folders.iter().map(|folder| folder.join(&path.value)).find(|path| path.is_file());
        let not_found = || error(Code::UnreadableFile, "is in none of the search paths".to_owned());
        let found = found.ok_or_else(not_found)?;
        match std::fs::metadata(&found).map_err(unreadable)?.len() {
            0..=MAX_FILE_BYTES => std::fs::read(&found).map_err(unreadable),
            length => Err(error(Code::FileSize, format!("has {length} bytes, more than an image can hold"))),
        }
    }

    /// The folders, as text for help.
    fn list(&self) -> String {
        self.folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", ")
    }
}
