//! Debian packages by `apt`, with a state of our own: the user's sources, lists and cache stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// The archive that everything comes from. Backports have QEMU 10 and the 6.12 kernel.
const SOURCES: &str = "\
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The suite that a package is asked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Debian 12 with its updates.
    Bookworm,
    /// Debian 12's backports.
    Backports,
}

impl Suite {
    /// The suite by name, where apt must be told: unasked it takes the newest of Bookworm, its updates and security.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Bookworm => None,
            Self::Backports => Some("bookworm-backports"),
        }
    }

    fn qualify(self, package: &str) -> String {
        match self.name() {
            Some(suite) => format!("{package}/{suite}"),
            None => package.to_owned(),
        }
    }
}

/// One private apt state, for one architecture.
pub struct Apt {
    root: PathBuf,
    options: Vec<String>,
}

impl Apt {
    /// For packages that are installed on this machine: the machine's architecture and its dpkg status.
    ///
    /// # Errors
    /// Without apt or Debian's keyring, or when the folder cannot be written.
    pub fn native(root: &Path) -> Result<Self> {
        Self::new(root.join("native"), &[])
    }

    /// For packages that are only unpacked: arm64, on an empty system.
    ///
    /// # Errors
    /// As [`Apt::native`].
    pub fn arm64(root: &Path) -> Result<Self> {
        let root = root.join("arm64");
        let status = format!("Dir::State::status={}", root.join("status").display());
        Self::new(root, &[&status, "APT::Architecture=arm64", "APT::Architectures=arm64"])
    }

    fn new(root: PathBuf, extra: &[&str]) -> Result<Self> {
        if !process::exists("apt-get") || !Path::new(KEYRING).is_file() {
            bail!("this needs apt-get and {KEYRING} (package debian-archive-keyring)");
        }
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(root.join("debian.sources"), SOURCES)?;
        fs::write(root.join("status"), "")?;
        let shown = root.display();
        let mut options = vec![
            format!("Dir::Etc::sourcelist={shown}/debian.sources"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            format!("Dir::State::Lists={shown}/lists"),
            format!("Dir::Cache={shown}/cache"),
            // The download sandbox's user cannot read a checkout in somebody's home.
            "APT::Sandbox::User=root".to_owned(),
        ];
        options.extend(extra.iter().map(|&option| option.to_owned()));
        Ok(Self { root, options })
    }

    /// Fetches the package lists.
    ///
    /// # Errors
    /// When the archive cannot be reached.
    pub fn update(&self) -> Result<()> {
        process::run("fetching Debian's package lists", self.command("apt-get").arg("update"))
    }

    /// Downloads a package into `folder` and returns the file.
    ///
    /// # Errors
    /// When the package does not exist or the archive cannot be reached.
    pub fn download(&self, package: &str, suite: Suite, folder: &Path) -> Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let mut command = self.command("apt-get");
        command.current_dir(folder).arg("download").arg(suite.qualify(package));
        process::run(&format!("downloading {package}"), &mut command)?;
        newest_with_prefix(folder, &format!("{package}_"))
    }

    /// The first package that `package` depends on: the versioned one behind a metapackage.
    ///
    /// # Errors
    /// When there is no such package in the suite, or it depends on nothing.
    pub fn first_dependency(&self, package: &str, suite: Suite) -> Result<String> {
        let text = process::capture(self.command("apt-cache").arg("depends").arg(suite.qualify(package)))?;
        first_dependency(&text)
            .map(str::to_owned)
            .with_context(|| format!("{} depends on nothing", suite.qualify(package)))
    }

    /// The command that installs `packages` here.
    pub fn install_command(&self, packages: &[&str], suite: Suite) -> Command {
        let mut command = self.command("apt-get");
        command.args(["install", "--yes", "--no-install-recommends"]);
        if let Some(suite) = suite.name() {
            command.args(["--target-release", suite]);
        }
        command.args(packages);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DEBIAN_FRONTEND", "noninteractive").current_dir(&self.root);
        for option in &self.options {
            command.arg("-o").arg(option);
        }
        command
    }
}

/// The first `Depends:` of apt-cache's answer.
fn first_dependency(answer: &str) -> Option<&str> {
    answer.lines().find_map(|line| line.trim().strip_prefix("Depends:")).map(str::trim)
}

fn newest_with_prefix(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    let newest = found.into_iter().max().with_context(|| format!("no {prefix}… in {}", folder.display()))?;
    Ok(newest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_versioned_kernel_behind_the_metapackage() {
        let answer = "linux-image-cloud-arm64\n  Depends: linux-image-6.1.0-56-cloud-arm64\n  Depends: other\n";
        assert_eq!(first_dependency(answer), Some("linux-image-6.1.0-56-cloud-arm64"));
        assert_eq!(first_dependency("linux-image-cloud-arm64\n"), None);
    }
}
