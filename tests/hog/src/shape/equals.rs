//! Processes with exactly the same number of pages: copies of one process that all do the same on one processor.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use clap::Args;
use rustix::mm::MapFlags;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::fork::{self, Fork};
use super::{Taken, mapping::Mapping};

/// Copies that each allocate anonymous memory and hold it. `child PID` is printed for each. The original allocates nothing.
#[derive(Args)]
pub(crate) struct Equals {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much each takes, in MiB
    #[arg(long)]
    mib: usize,
}

impl Equals {
    pub(crate) fn take(&self) -> Result<Taken> {
        // The kernel batches counters per processor. On one processor, the batches of all copies are the same.
        let mut first = CpuSet::new();
        first.set(0);
        sched_setaffinity(None, &first).context("staying on the first processor")?;
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        let pids: Vec<i32> = (0..self.count).map(|_| copy(&mapping)).collect::<Result<_>>()?;
        pids.iter().try_for_each(|pid| crate::say(&format!("child {pid}")))?;
        Ok(mapping.into())
    }
}

/// Makes one copy and waits until it holds its memory.
fn copy(mapping: &Mapping) -> Result<i32> {
    let (mut reader, mut writer) = std::io::pipe().context("making a pipe")?;
    match fork::fork()? {
        Fork::Original(pid) => {
            drop(writer);
            reader.read_exact(&mut [0]).with_context(|| format!("waiting for copy {pid}"))?;
            Ok(pid)
        }
        Fork::Copy => {
            mapping.touch();
            drop(writer.write_all(&[1]));
            fork::stay()
        }
    }
}
