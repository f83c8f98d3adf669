//! A recording across a reset: one guest runs out of memory while it records to its disk and is reset at once; the next one
//! reads what is there.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command as Program;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Command, Job, TRACER_FILE, Tier, Work};
use oomtrace_scenarios::observation::{CommandRun, ProcessRun};
use oomtrace_scenarios::reset::{DISK_FOLDER, judge, scenario};
use oomtrace_scenarios::scenario::Machine;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::programs::Programs;
use super::{console, initramfs, qemu, stream};
use crate::kernels::Kernel;
use crate::{run, setup};

/// Bytes of the disk.
const DISK_BYTES: u64 = 64 << 20;

/// Seconds a guest may take.
const RESET_S: u64 = 300;
const READ_S: u64 = 120;

/// Record, reset, boot again, and read.
pub(crate) fn survives(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    let disk = make_disk()?;
    let machine = scenario().machine;
    let job = |work, deadline_s| Job {
        hierarchy: machine.hierarchy,
        swap_mib: 0,
        disk: true,
        tracefs: true,
        deadline_s,
        work,
    };
    let first = job(Work::RecordAndReset { tier }, RESET_S);
    let (ran, before) = boot::<Vec<ProcessRun>>(kernel, programs, &machine, &first, disk.path())?;
    let processes = before.documents.first();
    let processes =
        processes.with_context(|| format!("it did not come to the kills; {}", console::end(&ran)))?;
    ensure!(!ran.timed_out && !before.complete, "the guest was not reset; {}", console::end(&ran));
    let next = job(Work::Commands(vec![list()]), READ_S);
    let (ran, after) = boot::<CommandRun>(kernel, programs, &machine, &next, disk.path())?;
    let listed = after.documents.first();
    let listed = listed.with_context(|| format!("the next boot read nothing; {}", console::end(&ran)))?;
    let wrong = judge(processes, listed);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}

fn list() -> Command {
    let arguments = [TRACER_FILE, "list", DISK_FOLDER, "--format", "json"].map(str::to_owned).to_vec();
    Command { name: "list after a reset".to_owned(), arguments, ..Command::default() }
}

fn boot<T: DeserializeOwned>(
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    job: &Job,
    disk: &Path,
) -> Result<(qemu::Ran, stream::Stream<T>)> {
    let initramfs = initramfs::of_guest(programs, Vec::new(), &[], job)?;
    let limit = Duration::from_secs(job.deadline_s + RESET_S);
    let ran = qemu::boot_with(&kernel.vmlinuz, initramfs.path(), machine, Some(disk), limit)?;
    let stream = stream::parse(&ran.output).context("what the guest sent")?;
    Ok((ran, stream))
}

/// An empty ext4 in a file.
fn make_disk() -> Result<NamedTempFile> {
    setup::apt(&["e2fsprogs"]).context("installing mkfs.ext4 (Debian's package e2fsprogs)")?;
    let disk = NamedTempFile::new().context("making a disk")?;
    disk.as_file().set_len(DISK_BYTES).context("making a disk")?;
    // It is an administrator's program: not on everybody's path.
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(OsString::from(":/usr/sbin:/sbin"));
    run::run(Program::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.path()).env("PATH", path))?;
    Ok(disk)
}
