//! Memory of a process whose first thread has exited: the leader is then a zombie without memory.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use oomtrace_scenarios::text::Text;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One mapping, touched by a second thread after the first has exited.
#[derive(Args)]
pub(crate) struct Orphan {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
    /// Name of the thread, `\xNN` standing for any byte
    #[arg(long, default_value = "hog-thread")]
    thread_name: Text,
}

impl Orphan {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        let name = self.thread_name.clone();
        thread::spawn(move || {
            if let Err(error) = go_on(&name, &mapping) {
                eprintln!("hog: in the thread: {error:#}");
                std::process::exit(1);
            }
        });
        // SAFETY: this ends only the calling thread. Its memory stays, and the other thread owns everything that it uses.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
        anyhow::bail!("a thread that ended went on")
    }
}

/// Runs the thread when it is the only one. It never returns, because its exit would end the process.
fn go_on(name: &Text, mapping: &Mapping) -> Result<()> {
    crate::identity::set_comm(name.as_bytes())?;
    // A thread is not notified when another thread exits, so this polls.
    while !leader_is_gone()? {
        thread::sleep(Duration::from_millis(5));
    }
    mapping.touch();
    crate::say("holding")?;
    loop {
        thread::park();
    }
}

/// Returns whether the process's first thread is a zombie.
fn leader_is_gone() -> Result<bool> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    Ok(stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
}
