//! Checks the rpm with rpm's own tools.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use super::Built;
use crate::host::run::output;

/// The required files of the rpm besides documentation.
const FILES: [&str; 9] = [
    "/etc/default/oomtrace",
    "/usr/bin/oomtrace",
    "/usr/lib/systemd/catalog/oomtrace.catalog",
    "/usr/lib/systemd/system/oomtrace-oomd-hook.socket",
    "/usr/lib/systemd/system/oomtrace.service",
    "/usr/share/bash-completion/completions/oomtrace",
    "/usr/share/fish/vendor_completions.d/oomtrace.fish",
    "/usr/share/man/man1/oomtrace-record.1",
    "/usr/share/zsh/site-functions/_oomtrace",
];

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let package = built.file(".x86_64.rpm")?;
    let listed = rpm(Path::new("/"), &["-qpl"], Some(&package))?;
    for path in FILES {
        ensure!(listed.lines().any(|line| line == path), "the rpm lacks {path}");
    }
    let settings = rpm(Path::new("/"), &["-qpc"], Some(&package))?;
    ensure!(settings.trim() == FILES[0], "the settings are not marked as such: {settings}");
    ensure!(
        !listed.contains("/var/lib"),
        "the recordings' directory is in the package: erasing the package would delete it"
    );
    installs(&package)
}

/// Installs it into an empty root directory without scriptlets, because there is no shell.
fn installs(package: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = scratch.path();
    rpm(root, &["--install", "--nodeps", "--noscripts"], Some(package))?;
    ensure!(root.join("usr/bin/oomtrace").is_file(), "the program was not installed");
    let differs = rpm(root, &["--verify", "--nodeps", "--noscripts", "oomtrace"], None)?;
    ensure!(differs.is_empty(), "the installed files differ from the rpm: {differs}");
    rpm(root, &["--erase", "--nodeps", "--noscripts", "oomtrace"], None)?;
    ensure!(!root.join("usr/bin/oomtrace").exists(), "erasing left the program");
    Ok(())
}

fn rpm(root: &Path, arguments: &[&str], package: Option<&Path>) -> Result<String> {
    output(Command::new("rpm").arg("--root").arg(root).args(arguments).args(package))
}
