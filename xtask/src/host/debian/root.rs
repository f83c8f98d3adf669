//! Root directories of Debian suites.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::mirror;
use crate::host::run::run;

/// Creates a small system with these packages (separated by commas) in a directory below `scratch`.
pub(crate) fn root(suite: &str, packages: &str, scratch: &Path) -> Result<PathBuf> {
    // apt downloads as a separate user.
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?;
    let root = scratch.join("root");
    bootstrap(suite, packages, &root)?;
    Ok(root)
}

/// Creates a small system with these packages (separated by commas): a directory, or an archive if the name ends with `.tar`.
pub(crate) fn bootstrap(suite: &str, packages: &str, target: &Path) -> Result<()> {
    let mirror = mirror::candidates(suite)?.into_iter().next().context("apt's sources name no mirror")?;
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(["--quiet", "--variant=minbase", &format!("--include={packages}")]);
    // A mirror may lag behind. The signature is checked in any case.
    mmdebstrap.args(["--aptopt=Acquire::Check-Valid-Until false", suite]);
    run(mmdebstrap.arg(target).arg(mirror)).with_context(|| format!("making a small system of {suite}"))
}

/// Makes a disk of this size with an ext4 that contains the files of a directory. It has no journal, so that its files can be
/// read after the guest has called sync.
pub(crate) fn disk(root: &Path, disk: &Path, size: &str) -> Result<()> {
    let mut mkfs = Command::new("/sbin/mkfs.ext4");
    run(mkfs.args(["-q", "-F", "-O", "^has_journal", "-d"]).arg(root).arg(disk).arg(size))
}
