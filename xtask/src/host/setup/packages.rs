//! Debian packages of this machine.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};

use crate::host::run::{output, run, say};

/// Installs missing Debian packages. Without root, the error contains the command to run.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !is_root()? {
        bail!("Debian packages are missing: run `sudo apt-get install --no-install-recommends {names}`");
    }
    say(&format!("installing {names} with apt-get"));
    if missing.iter().all(|package| is_known(package)) && install(&missing).is_ok() {
        return Ok(());
    }
    // The package lists are missing, or older than the mirror's files.
    run(apt_get().args(["update", "--quiet=2"]))?;
    install(&missing).with_context(|| format!("cannot install {names}"))
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

fn is_installed(package: &str) -> bool {
    let status =
        output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]));
    status.is_ok_and(|status| status == "installed")
}

/// Whether apt's lists contain the package. They are empty in a fresh container.
fn is_known(package: &str) -> bool {
    output(Command::new("apt-cache").args(["show", "--no-all-versions", package])).is_ok()
}

fn install(packages: &[&str]) -> Result<()> {
    run(apt_get().args(["install", "--quiet=2", "--yes", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // apt's progress is not a result of the task.
    command.stdout(std::io::stderr());
    command
}
