//! Checks the unit file in `contrib/` with systemd.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::Tally;
use crate::host::workspace;

const FILE: &str = "contrib/oomtrace.service";

/// The line of the unit that starts oomtrace. systemd looks for the program in `/usr/local/bin` and `/usr/bin`; the test uses
/// another program in its place.
const INSTALLED: &str = "ExecStart=oomtrace ";
const STAND_IN: &str = "ExecStart=/bin/true ";

/// Checks that systemd understands every line of it.
pub(super) fn check(tally: &mut Tally) {
    match Command::new("systemd-analyze").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => tally.skip(FILE, "no systemd-analyze"),
        Err(error) => tally.count(FILE, Err(error.into())),
        Ok(_) => tally.count(FILE, verify()),
    }
}

fn verify() -> Result<()> {
    let path = workspace::root().join(FILE);
    let unit = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    ensure!(unit.contains(INSTALLED), "{FILE} has no line `{INSTALLED}`");
    let directory = TempDir::new().context("creating a directory for the unit")?;
    let copy = directory.path().join("oomtrace.service");
    fs::write(&copy, unit.replace(INSTALLED, STAND_IN))
        .with_context(|| format!("writing {}", copy.display()))?;
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&copy)
        .output();
    let output = output.context("starting systemd-analyze")?;
    // systemd reports a key that it does not know and ignores it.
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.is_empty(),
        "systemd-analyze exited with {}: {said}",
        output.status
    );
    Ok(())
}
