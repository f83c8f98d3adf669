//! A disk that becomes read-only while the recorder writes, and writable again later.

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Tier, Work};
use oomtrace_scenarios::read_only::{ReadOnlyRun, judge};
use oomtrace_scenarios::scenario::Machine;

use super::guest::console;
use super::guest::disk::Disk;
use super::guest::programs::Programs;
use crate::kernels::Kernel;

/// Seconds for the guest.
const WORK_S: u64 = 300;

/// Record one kill before, one meanwhile and one after. All must be reported and be on the disk at the end.
pub(crate) fn goes_on(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    let work = (Work::RecordToReadOnly { tier }, WORK_S);
    let (ran, seen) = Disk::new()?.boot::<ReadOnlyRun>(kernel, programs, &Machine::default(), work)?;
    let run = seen.documents.first();
    let run = run.with_context(|| format!("the guest did not finish; {}", console::end(&ran)))?;
    let wrong = judge(run);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}
