//! Packages of Debian suites other than this machine's own.
//!
//! apt does the work, with its own directories and settings ([`private`]), so that the machine's apt does not change. It checks
//! the suite's InRelease against Debian's keyring, the index against InRelease, and the package against the index. The mirror
//! is that of the machine's own apt.

mod mirror;
mod private;
mod root;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use oomtrace_object::Arch;

use crate::host::run::{output, run};
use private::Private;

pub(crate) use root::{bootstrap, disk, root};

/// A suite of the Debian archive, such as `trixie-backports`, with its index.
pub(crate) struct Suite {
    name: String,
    apt: Private,
}

impl Suite {
    /// Fetches the suite's index for an architecture, unless the local one is the newest.
    pub(crate) fn open(name: &str, arch: Arch) -> Result<Self> {
        let mut reasons = Vec::new();
        for mirror in mirror::candidates(name)? {
            let apt = Private::new(name, arch, &mirror)?;
            match apt.update() {
                Ok(()) => {
                    return Ok(Self { name: name.to_owned(), apt });
                }
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        Err(anyhow!("no mirror of this machine's apt has {name}: {}", reasons.join("; ")))
    }

    /// The names of all its packages with this prefix.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = output(self.apt.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// The versions of a package in the suite, newest first. Empty if the suite does not have the package.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = output(self.apt.command("apt-cache").args(["madison", package]))?;
        Ok(table.lines().filter_map(|row| Some(row.split('|').nth(1)?.trim().to_owned())).collect())
    }

    /// Downloads one version of a package to a directory and returns its path.
    pub(crate) fn download(&self, package: &str, version: &str, folder: &Path) -> Result<PathBuf> {
        let scratch = tempfile::tempdir_in(folder)?;
        let wanted = format!("{package}={version}");
        output(self.apt.command("apt-get").current_dir(scratch.path()).args(["download", &wanted]))?;
        let file = fs::read_dir(scratch.path())?.next();
        let file = file.with_context(|| format!("{} has no file for {wanted}", self.name))??;
        let path = folder.join(file.file_name());
        fs::rename(file.path(), &path)?;
        Ok(path)
    }
}

/// Unpacks a package below a directory.
pub(crate) fn unpack(package: &Path, folder: &Path) -> Result<()> {
    run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder))
}

/// Unpacks one directory of a package: `./a/b/c` becomes `directory/c`.
pub(crate) fn unpack_folder(package: &Path, inside: &str, folder: &Path) -> Result<()> {
    let mut archive = Command::new("dpkg-deb");
    archive.arg("--fsys-tarfile").arg(package).stdout(Stdio::piped());
    let mut archive = archive.spawn().context("cannot run `dpkg-deb`")?;
    let stream = archive.stdout.take().context("dpkg-deb has no standard output")?;
    let depth = Path::new(inside).components().count().saturating_sub(1);
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", &format!("--strip-components={depth}"), "--directory"]);
    let unpacked = run(tar.arg(folder).arg(inside).stdin(stream));
    // dpkg-deb's own failure explains tar's.
    ensure!(archive.wait()?.success(), "dpkg-deb cannot read {}", package.display());
    unpacked
}

/// The upstream part of a Debian version: `1.95.0` from `1:1.95.0+dfsg1-2~bpo13+1`.
pub(crate) fn upstream(version: &str) -> &str {
    let without_epoch = version.split_once(':').map_or(version, |(_, rest)| rest);
    let without_revision = without_epoch.rsplit_once('-').map_or(without_epoch, |(upstream, _)| upstream);
    without_revision.split(['+', '~']).next().unwrap_or(without_revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extracts_upstream_versions() {
        assert_eq!(upstream("1.95.0+dfsg1-2~bpo13+1"), "1.95.0");
        assert_eq!(upstream("1:1.95.0-1"), "1.95.0");
        assert_eq!(upstream("1.48.0"), "1.48.0");
    }

    #[test]
    fn unpacks_only_the_requested_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let tree = scratch.path().join("tree");
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::create_dir_all(tree.join("usr/src/a/library/core")).unwrap();
        fs::write(tree.join("usr/src/a/library/core/lib.rs"), "x").unwrap();
        fs::write(tree.join("usr/src/a/other"), "y").unwrap();
        fs::write(tree.join("DEBIAN/control"), CONTROL).unwrap();
        let package = scratch.path().join("a.deb");
        output(Command::new("dpkg-deb").arg("--build").arg(&tree).arg(&package)).unwrap();
        let target = scratch.path().join("target");
        fs::create_dir(&target).unwrap();
        unpack_folder(&package, "./usr/src/a/library", &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("library/core/lib.rs")).unwrap(), "x");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
        assert!(unpack_folder(&package, "./usr/src/b", &target).is_err());
    }

    const CONTROL: &str =
        "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: a\n";
}
