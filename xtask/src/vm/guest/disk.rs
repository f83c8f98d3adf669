//! Guests with a disk, for recordings that must survive a reset or a read-only file system.

use std::env;
use std::ffi::OsString;
use std::process::Command as Program;
use std::time::Duration;

use anyhow::{Context as _, Result};
use oomtrace_scenarios::job::{Job, Work};
use oomtrace_scenarios::scenario::Machine;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::programs::Programs;
use super::{initramfs, qemu, stream};
use crate::host::{run, setup};
use crate::kernels::Kernel;

/// The size of the disk in bytes.
const DISK_BYTES: u64 = 64 << 20;

/// Seconds for the guest's boot, in addition to its work.
const BOOT_S: u64 = 300;

/// A disk with an empty ext4, in a file.
pub(in crate::vm) struct Disk(NamedTempFile);

impl Disk {
    pub(in crate::vm) fn new() -> Result<Self> {
        setup::apt(&["e2fsprogs"]).context("installing mkfs.ext4 (Debian's package e2fsprogs)")?;
        let disk = NamedTempFile::new().context("making a disk")?;
        disk.as_file().set_len(DISK_BYTES).context("making a disk")?;
        // mkfs is an administrator's program and may be missing from `PATH`.
        let mut path = env::var_os("PATH").unwrap_or_default();
        path.push(OsString::from(":/usr/sbin:/sbin"));
        run::run(Program::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.path()).env("PATH", path))?;
        Ok(Self(disk))
    }

    /// Boot a guest with the disk. Its work may take this many seconds. The caller judges its end.
    pub(in crate::vm) fn boot<T: DeserializeOwned>(
        &self,
        kernel: &Kernel,
        programs: &Programs,
        machine: &Machine,
        (work, deadline_s): (Work, u64),
    ) -> Result<(qemu::Ran, stream::Stream<T>)> {
        let hierarchy = machine.hierarchy;
        let job = Job { hierarchy, swap_mib: 0, disk: true, tracefs: true, deadline_s, work };
        let initramfs = initramfs::of_guest(programs, Vec::new(), &[], &job)?;
        let limit = Duration::from_secs(deadline_s + BOOT_S);
        let ran = qemu::boot_with(kernel, initramfs.path(), machine, Some(self.0.path()), limit)?;
        let stream = stream::parse(&ran.output).context("parsing the guest's output")?;
        Ok((ran, stream))
    }
}
