//! Where things lie: the one place that names the folders of the workspace and of `target/`.

use std::path::{Path, PathBuf};

/// The board that everything is built for, as upstream's Microkit SDK names it.
pub const BOARD: &str = "qemu_virt_aarch64";

/// The folders that the commands read and write.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub fn locate() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.ancestors().nth(2).unwrap_or(manifest);
        Self { root: root.to_path_buf() }
    }

    /// A file or folder of the source tree.
    pub fn source(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// `target/`, whatever `CARGO_TARGET_DIR` says: all that is generated or fetched lies here.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Downloads and what is made of them. `cargo xtask clean` keeps it unless told otherwise.
    pub fn cache(&self) -> PathBuf {
        self.target().join("cache")
    }

    /// Guest kernels and the initramfs.
    pub fn guests(&self) -> PathBuf {
        self.cache().join("guests")
    }

    /// Components, images and reports of one build configuration.
    pub fn output(&self, config: &str) -> PathBuf {
        self.target().join("quoll").join(config)
    }

    /// A folder for each system that is running.
    pub fn running(&self) -> PathBuf {
        self.target().join("quoll").join("run")
    }

    /// The root of the Microkit SDK that `cargo xtask build` puts together.
    pub fn sdk(&self) -> PathBuf {
        self.target().join("sdk")
    }

    /// The folder of an SDK that holds kernel, loader, initialiser and monitor of one configuration.
    pub fn sdk_elf(sdk: &Path, config: &str) -> PathBuf {
        sdk.join("board").join(BOARD).join(config).join("elf")
    }

    /// Disks of machines.
    pub fn disks(&self) -> PathBuf {
        self.target().join("disks")
    }

    /// Transcripts of test runs.
    pub fn transcripts(&self) -> PathBuf {
        self.target().join("transcripts")
    }
}
