//! Checks the whole life of the Debian package in a fresh root directory of each suite, without Rust.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Built, shell};
use crate::host::debian;

/// The steps inside the root directory, each of which is checked.
const SCRIPT: &str = include_str!("deb.sh");

/// Makes an older package, `$2`, from the package `$1`, in the scratch directory `$3`.
const OLDER: &str = "dpkg-deb --raw-extract \"$1\" \"$3\"; \
                     sed -i 's/^Version: .*/Version: 0.0.1-1/' \"$3/DEBIAN/control\"; \
                     dpkg-deb --root-owner-group --build \"$3\" \"$2\" >/dev/null";

/// Runs the script in the root directory `$1` in a separate mount namespace. `$2` is the version.
const ENTER: &str = "exec unshare --mount sh -euc '\
                     for tree in proc sys dev; do mount --rbind /$tree \"$1/$tree\"; done; \
                     exec chroot \"$1\" sh /tmp/deb.sh /tmp/old.deb /tmp/new.deb \"$2\"' sh \"$1\" \"$2\"";

/// Checks it on Debian 12.
pub(super) fn on_bookworm(built: &Built<'_>) -> Result<()> {
    check(built, "bookworm")
}

/// Checks it on Debian 13.
pub(super) fn on_trixie(built: &Built<'_>) -> Result<()> {
    check(built, "trixie")
}

fn check(built: &Built<'_>, suite: &str) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = root(suite, scratch.path())?;
    packages(built, &scratch.path().join("older"), &root.join("tmp"))?;
    fs::write(root.join("tmp/deb.sh"), SCRIPT)?;
    shell(ENTER, &[&root, Path::new(&built.release.version)])
}

/// Writes the package to a directory as `new.deb`, and the same with an older version as `old.deb`.
pub(super) fn packages(built: &Built<'_>, scratch: &Path, folder: &Path) -> Result<()> {
    let package = built.file("_amd64.deb")?;
    fs::copy(&package, folder.join("new.deb"))?;
    shell(OLDER, &[&package, &folder.join("old.deb"), scratch])
}

/// Creates a small system in a directory, without Rust. It has systemd, to query the service, and man-db, to query the manual
/// pages.
pub(super) fn root(suite: &str, scratch: &Path) -> Result<PathBuf> {
    debian::root(suite, "systemd-sysv,man-db", scratch)
}
