//! A disk that turns read-only under the recorder, and is writable again later.

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Tier, Work};
use oomtrace_scenarios::read_only::{ReadOnlyRun, judge};
use oomtrace_scenarios::scenario::Machine;

use super::console;
use super::disk::Disk;
use super::programs::Programs;
use crate::kernels::Kernel;

/// Seconds the guest may take.
const WORK_S: u64 = 300;

/// Record a kill before, one meanwhile and one after; all must be told and, in the end, be on the disk.
pub(crate) fn goes_on(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    let work = (Work::RecordToReadOnly { tier }, WORK_S);
    let (ran, seen) = Disk::new()?.boot::<ReadOnlyRun>(kernel, programs, &Machine::default(), work)?;
    let run = seen.documents.first();
    let run = run.with_context(|| format!("the guest did not come to the end; {}", console::end(&ran)))?;
    let wrong = judge(run);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}
