//! A large number of processes that each use as little memory as a process can.

use std::io;

use anyhow::{Result, ensure};
use clap::Args;
use rustix::mm::{Advice, MapFlags};

use super::{Taken, fork, mapping::Mapping};

/// Copies of this process that do nothing, and exit when it exits unless they are independent. The original is the largest of them.
#[derive(Args)]
pub(crate) struct Crowd {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much this process takes for itself alone, in MiB
    #[arg(long, default_value_t = 1)]
    mib: usize,
    /// Copies that stay when this process exits
    #[arg(long)]
    independent: bool,
}

impl Crowd {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        // The copies do not inherit the mapping, so each is smaller than this process.
        mapping.advise(Advice::LinuxDontFork)?;
        mapping.touch();
        (0..self.count).try_for_each(|_| copy(self.independent))?;
        Ok(mapping.into())
    }
}

fn copy(independent: bool) -> Result<()> {
    let parent = std::process::id();
    // SAFETY: this process has no other thread that could hold a lock, and the copy only waits in the kernel.
    match unsafe { libc::fork() } {
        0 if independent => fork::stay(),
        0 => stay_while_parent_does(parent),
        pid => {
            ensure!(pid > 0, io::Error::last_os_error());
            Ok(())
        }
    }
}

fn stay_while_parent_does(parent: u32) -> ! {
    // SAFETY: the call takes a number and does not access our memory. It cannot fail, because SIGKILL is a valid signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // If the parent exited before this call, the copy has another parent now and gets no signal.
    if std::os::unix::process::parent_id() != parent {
        std::process::exit(0);
    }
    fork::stay()
}
