//! A great many processes that each take as little as a process can.

use std::io;

use anyhow::{Result, ensure};
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, fork, mapping::Mapping};

/// Copies of this process that do nothing, and end when it does. It is the largest of them.
#[derive(Args)]
pub(crate) struct Crowd {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much this process takes once they are there, in MiB
    #[arg(long, default_value_t = 1)]
    mib: usize,
}

impl Crowd {
    pub(crate) fn take(&self) -> Result<Taken> {
        (0..self.count).try_for_each(|_| copy())?;
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        mapping.touch();
        Ok(mapping.into())
    }
}

fn copy() -> Result<()> {
    // SAFETY: no other thread can hold a lock, for there is none; the copy only waits in the kernel.
    match unsafe { libc::fork() } {
        0 => stay_while_parent_does(),
        pid => {
            ensure!(pid > 0, io::Error::last_os_error());
            Ok(())
        }
    }
}

fn stay_while_parent_does() -> ! {
    // SAFETY: takes a number and touches no memory of ours. It does not fail: SIGKILL is a signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    fork::stay()
}
