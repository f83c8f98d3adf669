//! A recording across a reset: one guest runs out of memory while it records to its disk and is reset at once. The next guest
//! reads the disk.

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Command, TRACER_FILE, Tier, Work};
use oomtrace_scenarios::observation::{CommandRun, ProcessRun};
use oomtrace_scenarios::reset::{DISK_DIRECTORY, judge, scenario};

use super::guest::console;
use super::guest::disk::Disk;
use super::guest::programs::Programs;
use crate::kernels::Kernel;

/// Seconds for a guest.
const RESET_S: u64 = 300;
const READ_S: u64 = 120;

/// Record, reset, boot again, and read.
pub(crate) fn survives(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    let (disk, machine) = (Disk::new()?, scenario().machine);
    let first = (Work::RecordAndReset { tier }, RESET_S);
    let (ran, before) = disk.boot::<Vec<ProcessRun>>(kernel, programs, &machine, first)?;
    let processes = before.documents.first();
    let processes =
        processes.with_context(|| format!("the guest was lost before the kills; {}", console::end(&ran)))?;
    ensure!(!ran.timed_out && !before.complete, "the guest was not reset; {}", console::end(&ran));
    let next = (Work::Commands(vec![list()]), READ_S);
    let (ran, after) = disk.boot::<CommandRun>(kernel, programs, &machine, next)?;
    let listed = after.documents.first();
    let listed = listed.with_context(|| format!("the next boot read nothing; {}", console::end(&ran)))?;
    let wrong = judge(processes, listed);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}

fn list() -> Command {
    let arguments = [TRACER_FILE, "list", DISK_DIRECTORY, "--format", "json"].map(str::to_owned).to_vec();
    Command { name: "list after a reset".to_owned(), arguments, ..Command::default() }
}
