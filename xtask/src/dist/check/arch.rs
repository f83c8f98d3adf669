//! Checks the recipe for Arch Linux with Debian's `makepkg`: it turns the archive into a package that contains the program and
//! the service.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::Built;
use crate::host::run::output;

const RECIPE: &str = "contrib/arch/PKGBUILD";

/// The required files of the package besides the program.
const FILES: [&str; 5] = [
    "usr/lib/systemd/system/oomtrace-oomd-hook.socket",
    "usr/lib/systemd/system/oomtrace.service",
    "usr/lib/systemd/catalog/oomtrace.catalog",
    "usr/share/man/man1/oomtrace.1.gz",
    "usr/share/bash-completion/completions/oomtrace",
];

/// The user for makepkg, which refuses to run as root.
const USER: &str = "nobody";

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path();
    fs::copy(built.release.root.join(RECIPE), directory.join("PKGBUILD"))
        .with_context(|| format!("copying {RECIPE}"))?;
    let name = built.program_name();
    let archive = format!("{name}.tar.gz");
    fs::copy(built.out.join(&archive), directory.join(&archive))
        .with_context(|| format!("copying {archive}"))?;
    output(Command::new("chown").arg("-R").arg(USER).arg(directory))?;
    let mut makepkg = Command::new("runuser");
    makepkg.args(["-u", USER, "--", "env", "CARCH=x86_64"]).arg(format!("HOME={}", directory.display()));
    // makepkg looks for pacman, which would install the recipe's dependencies. There are none.
    makepkg.args(["PACMAN=true", "makepkg", "--nodeps", "--noconfirm"]);
    output(makepkg.current_dir(directory))?;
    let package = package(directory)?;
    let listed = output(Command::new("bsdtar").arg("-tf").arg(&package))?;
    for file in FILES {
        ensure!(listed.lines().any(|line| line == file), "the package lacks {file}: {listed}");
    }
    output(Command::new("bsdtar").arg("-xf").arg(&package).arg("-C").arg(directory).arg("usr/bin/oomtrace"))?;
    let same = fs::read(directory.join("usr/bin/oomtrace"))? == fs::read(built.out.join(&name))?;
    ensure!(same, "the program in the package is not {name}");
    Ok(())
}

fn package(directory: &Path) -> Result<std::path::PathBuf> {
    let paths = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut packages = paths.filter(|path| path.to_string_lossy().contains(".pkg.tar"));
    packages.next().context("makepkg wrote no package")
}
