//! The archive of a platform: the program with its documentation and service files, for users without a package manager.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::Release;
use crate::host::{platform::Platform, run::run};

/// The contents besides the program: files and directories of the checkout, and their names in the archive.
const CONTENTS: [(&str, &str); 10] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-GPL-2.0", "LICENSE-GPL-2.0"),
    ("contrib/oomtrace.service", "oomtrace.service"),
    ("contrib/oomtrace-oomd-hook.socket", "oomtrace-oomd-hook.socket"),
    ("contrib/completions", "completions"),
    ("contrib/man", "man"),
    ("contrib/journal/oomtrace.catalog", "oomtrace.catalog"),
];

/// Writes the archive: one directory with the archive's name, with all files owned by root and with the commit's time.
pub(super) fn write(release: &Release, platform: Platform, binary: &Path, archive: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let name = release.name(platform);
    let directory = scratch.path().join(&name);
    fs::create_dir(&directory)?;
    copy(binary, &directory.join("oomtrace"))?;
    for (from, to) in CONTENTS {
        copy(&release.root.join(from), &directory.join(to))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--owner=root:0", "--group=root:0"]);
    tar.args(["--mode=u=rwX,go=rX", &format!("--mtime=@{}", release.moment)]);
    // Without `--no-name`, gzip would write the name and the time of its input.
    tar.args(["--use-compress-program", "gzip --no-name --best", "--file"]).arg(archive);
    run(tar.arg("--directory").arg(scratch.path()).arg(&name))
}

/// Copies a file, or the files of a directory.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ()).with_context(|| format!("cannot copy {}", from.display()));
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
