//! The tree of another revision, checked out for as long as it is looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// A checked-out revision.
pub struct Tree {
    root: PathBuf,
    folder: PathBuf,
}

/// Where kernels of other revisions are built.
pub fn target(workspace: &Workspace) -> PathBuf {
    workspace.target().join("sizes")
}

impl Tree {
    /// Checks a revision out.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of(workspace: &Workspace, revision: &str) -> Result<Self> {
        let root = workspace.source(".");
        let resolved = process::capture(
            git(&root).args(["rev-parse", "--verify", "--short=12"]).arg(format!("{revision}^{{commit}}")),
        )
        .with_context(|| format!("there is no revision {revision}"))?;
        let folder = target(workspace).join(resolved.trim());
        let tree = Self { root, folder };
        // One may be left from a run that was stopped.
        tree.remove();
        process::capture(git(&tree.root).args(["worktree", "add", "--detach"]).arg(&tree.folder).arg(resolved.trim()))?;
        Ok(tree)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn remove(&self) {
        // There is nothing to be done about one that stays but to try again with the next.
        let _ = git(&self.root).args(["worktree", "remove", "--force"]).arg(&self.folder).output();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.remove();
    }
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root);
    command
}
