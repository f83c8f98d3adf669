//! Checks the unit files in `contrib/` with systemd.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::Tally;
use crate::host::workspace;

const SERVICE: &str = "contrib/oomtrace.service";
const SOCKET: &str = "contrib/oomtrace-oomd-hook.socket";
const FILES: [&str; 2] = [SERVICE, SOCKET];

/// The line of the service that starts oomtrace. systemd looks for the program in `/usr/local/bin` and `/usr/bin`; the test uses
/// another program in its place.
const INSTALLED: &str = "ExecStart=oomtrace ";
const STAND_IN: &str = "ExecStart=/bin/true ";

/// Checks that systemd understands every line of them.
pub(super) fn check(tally: &mut Tally) {
    let name = FILES.join(", ");
    match Command::new("systemd-analyze").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => tally.skip(&name, "no systemd-analyze"),
        Err(error) => tally.count(&name, Err(error.into())),
        Ok(_) => tally.count(&name, verify()),
    }
}

fn verify() -> Result<()> {
    let directory = TempDir::new().context("creating a directory for the units")?;
    let mut copies = Vec::new();
    for file in FILES {
        let path = workspace::root().join(file);
        let unit = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(file != SERVICE || unit.contains(INSTALLED), "{file} has no line `{INSTALLED}`");
        let copy = directory.path().join(path.file_name().context("a unit without a name")?);
        fs::write(&copy, unit.replace(INSTALLED, STAND_IN))
            .with_context(|| format!("writing {}", copy.display()))?;
        copies.push(copy);
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(&copies)
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
