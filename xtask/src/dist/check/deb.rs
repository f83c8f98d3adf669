//! The Debian package through its whole life, in a fresh root directory of each suite, without Rust.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Built, shell};
use crate::{debian, run::run};

/// What is done inside: one step after the other, each checked.
const SCRIPT: &str = include_str!("deb.sh");

/// Makes of the package `$1` an older one, `$2`, in the scratch directory `$3`.
const OLDER: &str = "dpkg-deb --raw-extract \"$1\" \"$3\"; \
                     sed -i 's/^Version: .*/Version: 0.0.1-1/' \"$3/DEBIAN/control\"; \
                     dpkg-deb --root-owner-group --build \"$3\" \"$2\" >/dev/null";

/// Runs the script in the root directory `$1`, in a mount namespace of its own. `$2` is the version.
const ENTER: &str = "exec unshare --mount sh -euc '\
                     for tree in proc sys dev; do mount --rbind /$tree \"$1/$tree\"; done; \
                     exec chroot \"$1\" sh /tmp/deb.sh /tmp/old.deb /tmp/new.deb \"$2\"' sh \"$1\" \"$2\"";

/// On Debian 12.
pub(super) fn on_bookworm(built: &Built<'_>) -> Result<()> {
    check(built, "bookworm")
}

/// On Debian 13.
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

/// Puts the package as `new.deb` into a directory, and the same with an older version as `old.deb`.
pub(super) fn packages(built: &Built<'_>, scratch: &Path, folder: &Path) -> Result<()> {
    let package = built.file("_amd64.deb")?;
    fs::copy(&package, folder.join("new.deb"))?;
    shell(OLDER, &[&package, &folder.join("old.deb"), scratch])
}

/// A small system in a directory, without Rust: systemd answers whether the service is enabled, man-db whether there are manual pages.
pub(super) fn root(suite: &str, scratch: &Path) -> Result<PathBuf> {
    // apt downloads as a user of its own.
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?;
    let root = scratch.join("root");
    let mirror = debian::mirrors(suite)?.into_iter().next().context("apt names no mirror")?;
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(["--quiet", "--variant=minbase", "--include=systemd-sysv,man-db", suite]);
    run(mmdebstrap.arg(&root).arg(mirror)).with_context(|| format!("making a root directory of {suite}"))?;
    Ok(root)
}
