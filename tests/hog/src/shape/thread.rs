//! Memory touched by a thread that is not the leader. The trigger's thread id is then not a process id.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use oomtrace_scenarios::text::Text;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One mapping, touched by a second thread with its own name.
#[derive(Args)]
pub(crate) struct Thread {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
    /// Name of the thread, `\xNN` standing for any byte
    #[arg(long, default_value = "hog-thread")]
    thread_name: Text,
}

impl Thread {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        let name = self.thread_name.clone();
        let worker = std::thread::spawn(move || {
            crate::identity::set_comm(name.as_bytes()).map(|()| {
                mapping.touch();
                mapping
            })
        });
        let mapping = worker.join().map_err(|_| anyhow!("the thread panicked"))?;
        Ok(mapping.context("in the thread")?.into())
    }
}
