//! Runs a guest on a copy of a disk with Debian.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::scenario::Machine;
use tempfile::TempDir;

use super::boot_with;
use crate::{host::run::output, kernels::Kernel};

/// The output of a guest.
pub(super) struct Output {
    /// What its script printed.
    pub(super) said: String,
    /// A directory with `out`, the files that its script wrote.
    pub(super) files: TempDir,
}

/// Boots the disk, waits for the end, and takes the files in `/root/check/out`. `last_line` is what the script prints when it has finished.
///
/// # Errors
///
/// If the script did not finish in time.
pub(super) fn run(
    kernel: &Kernel,
    disk: &Path,
    scratch: &Path,
    (machine, limit): (&Machine, Duration),
    last_line: &str,
) -> Result<Output> {
    let (own, initramfs) = (scratch.join("copy"), scratch.join("initramfs"));
    output(Command::new("cp").arg("--sparse=always").arg(disk).arg(&own))?;
    // The kernel uses an empty archive as its initramfs and mounts the disk.
    fs::write(&initramfs, [0; 512])?;
    let ran = boot_with(kernel, &initramfs, machine, Some(&own), limit).context("booting Debian")?;
    let said = String::from_utf8_lossy(&ran.output).into_owned();
    let is_finished = said.lines().any(|line| line.trim() == last_line);
    ensure!(is_finished, "the guest did not finish: {said}\n{}\n{}", ran.console, ran.complaint);
    let files = TempDir::new_in(scratch).context("creating a directory for the guest's files")?;
    let dump = format!("rdump /root/check/out {}", files.path().display());
    output(Command::new("/sbin/debugfs").args(["-R", &dump]).arg(&own))?;
    Ok(Output { said, files })
}
