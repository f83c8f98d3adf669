//! A forecast across a panic: one guest records to its disk while a process grows, until the kernel panics. The next guest reads
//! the disk.

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Command, TRACER_FILE, Tier, Work};
use oomtrace_scenarios::observation::{CommandRun, ProcessRun};
use oomtrace_scenarios::panic::{RECORDING_FILE, judge, scenario};

use super::guest::console;
use super::guest::disk::Disk;
use super::guest::programs::Programs;
use crate::kernels::Kernel;

/// Seconds for a guest.
const PANIC_S: u64 = 300;
const READ_S: u64 = 120;

/// The kernel's last words.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1044> (`check_panic_on_oom`)
const PANIC: &str = "Kernel panic - not syncing: Out of memory";

/// The number of attempts. On a busy machine, memory may not grow in a straight line, and then there is no forecast.
const ATTEMPTS: usize = 3;

/// Record, panic, boot again, and read.
pub(super) fn leaves_a_forecast(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    let mut missing = String::new();
    for _ in 0..ATTEMPTS {
        match attempt(kernel, programs, tier)? {
            Ok(()) => return Ok(()),
            Err(console) => missing = console,
        }
    }
    anyhow::bail!("no forecast before the panic in {ATTEMPTS} attempts; {missing}")
}

/// One attempt. The inner error is the end of the console if the kernel panicked without a forecast.
fn attempt(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<Result<(), String>> {
    let (disk, machine) = (Disk::new()?, scenario().machine);
    let first = (Work::RecordUntilPanic { tier }, PANIC_S);
    let (ran, before) = disk.boot::<ProcessRun>(kernel, programs, &machine, first)?;
    ensure!(ran.console.contains(PANIC), "the kernel did not panic; {}", console::end(&ran));
    let Some(leak) = before.documents.first() else { return Ok(Err(console::end(&ran))) };
    let arguments = [TRACER_FILE, "list", RECORDING_FILE].map(str::to_owned).to_vec();
    let list = Command { name: "list after a panic".to_owned(), arguments, ..Command::default() };
    let (ran, after) =
        disk.boot::<CommandRun>(kernel, programs, &machine, (Work::Commands(vec![list]), READ_S))?;
    let listed = after.documents.first();
    let listed = listed.with_context(|| format!("the next boot read nothing; {}", console::end(&ran)))?;
    let wrong = judge(leak, listed);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(Ok(()))
}
