//! The process that runs out of memory.

use std::fs;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::scratch::LIMIT_BYTES;
use crate::{cli::DemoVictim, exit::Exit};

/// The size of one step of the allocation.
const STEP_BYTES: usize = 1 << 20;

pub(in crate::cmd) fn run(options: &DemoVictim) -> Result<Exit> {
    // This process ends when the demo does, however the demo ends.
    set_parent_process_death_signal(Some(Signal::KILL)).context("setting the parent death signal")?;
    rustix::thread::set_name(c"oomtrace-demo").context("setting the process name")?;
    // The demo protects itself from the OOM killer, and this process would inherit that.
    fs::write("/proc/self/oom_score_adj", "0").context("resetting oom_score_adj")?;
    fs::write(&options.procs, std::process::id().to_string())
        .with_context(|| format!("joining the scratch cgroup {}", options.procs.display()))?;
    let mut taken: Vec<Vec<u8>> = Vec::new();
    while taken.len() * STEP_BYTES < 4 * LIMIT_BYTES {
        taken.push(vec![1; STEP_BYTES]);
    }
    bail!(
        "allocated {} MiB and was not killed: the cgroup's limit has no effect here",
        4 * (LIMIT_BYTES >> 20)
    )
}
