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
}

impl Crowd {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        // Each copy is smaller than this process.
        mapping.advise(Advice::LinuxDontFork)?;
        mapping.touch();
        (0..self.count).try_for_each(|_| copy())?;
        Ok(mapping.into())
    }
}

fn copy() -> Result<()> {
    let parent = std::process::id();
    // SAFETY: no other thread can hold a lock, for there is none; the copy only waits in the kernel.
    match unsafe { libc::fork() } {
        0 => stay_while_parent_does(parent),
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
