//! A great many processes that each take as little as a process can.

use std::io;

use anyhow::{Result, ensure};
use clap::Args;
use rustix::mm::{Advice, MapFlags};

use super::{Taken, fork, mapping::Mapping};

/// Copies of this process that do nothing, and end when it does. It is the largest of them.
#[derive(Args)]
pub(crate) struct Crowd {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much this process takes for itself alone, in MiB
    #[arg(long, default_value_t = 1)]
    mib: usize,
    /// `oom_score_adj` of each copy, if not that of this process
    #[arg(long, allow_negative_numbers = true)]
    copy_adj: Option<i16>,
}

impl Crowd {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        // A copy that runs out of memory before it has set its `oom_score_adj` is still smaller than this process.
        mapping.advise(Advice::LinuxDontFork)?;
        mapping.touch();
        let adj = self.copy_adj.map(|adj| adj.to_string());
        (0..self.count).try_for_each(|_| copy(adj.as_deref()))?;
        Ok(mapping.into())
    }
}

fn copy(adj: Option<&str>) -> Result<()> {
    let parent = std::process::id();
    // SAFETY: no other thread can hold a lock, for there is none; the copy only waits in the kernel.
    match unsafe { libc::fork() } {
        0 => {
            // The copy has nobody to tell of a failure; its `oom_score_adj` shows in the kernel's table.
            adj.map(|adj| std::fs::write("/proc/self/oom_score_adj", adj));
            stay_while_parent_does(parent)
        }
        pid => {
            ensure!(pid > 0, io::Error::last_os_error());
            Ok(())
        }
    }
}

fn stay_while_parent_does(parent: u32) -> ! {
    // SAFETY: takes a number and touches no memory of ours. It does not fail: SIGKILL is a signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // A parent that died before that leaves the copy to somebody else.
    if std::os::unix::process::parent_id() != parent {
        std::process::exit(0);
    }
    fork::stay()
}
