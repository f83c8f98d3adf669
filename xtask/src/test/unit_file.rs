//! The unit file in `contrib/`, as systemd reads it.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::Tally;
use crate::workspace;

const FILE: &str = "contrib/oomtrace.service";

/// How the unit starts oomtrace. systemd looks for it in `/usr/local/bin` and `/usr/bin`; on this machine something else
/// stands in for it.
const INSTALLED: &str = "ExecStart=oomtrace ";
const STAND_IN: &str = "ExecStart=/bin/true ";

/// Whether systemd understands every line of it.
pub(super) fn check(tally: &mut Tally) {
    match Command::new("systemd-analyze").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => tally.skip(FILE, "there is no systemd-analyze"),
        Err(error) => tally.count(FILE, Err(error.into())),
        Ok(_) => tally.count(FILE, verify()),
    }
}

fn verify() -> Result<()> {
    let path = workspace::root().join(FILE);
    let unit = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    ensure!(unit.contains(INSTALLED), "{FILE} has no line `{INSTALLED}`");
    let folder = TempDir::new().context("making a folder for the unit")?;
    let copy = folder.path().join("oomtrace.service");
    fs::write(&copy, unit.replace(INSTALLED, STAND_IN))
        .with_context(|| format!("writing {}", copy.display()))?;
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&copy)
        .output();
    let output = output.context("starting systemd-analyze")?;
    // A key that it does not know is told and passed over.
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.is_empty(),
        "systemd-analyze ended with {}: {said}",
        output.status
    );
    Ok(())
}
