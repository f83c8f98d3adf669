//! Memory touched by many threads at once. From Linux 6.16 on, the threads of a dying process mark themselves one by one.

use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One mapping for each thread, all touched at the same time.
#[derive(Args)]
pub(crate) struct Threads {
    /// How many threads, the first one not counted
    #[arg(long)]
    count: usize,
    /// How much each takes, in MiB
    #[arg(long)]
    mib: usize,
}

impl Threads {
    pub(crate) fn take(&self) -> Result<Taken> {
        let start = Arc::new(Barrier::new(self.count));
        let workers: Vec<_> = (0..self.count).map(|_| self.start(&start)).collect::<Result<_>>()?;
        let joined =
            workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked")));
        Ok(joined.collect::<Result<Vec<Mapping>>>()?.into())
    }

    fn start(&self, start: &Arc<Barrier>) -> Result<JoinHandle<Mapping>> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        let start = Arc::clone(start);
        Ok(std::thread::spawn(move || {
            start.wait();
            mapping.touch();
            mapping
        }))
    }
}
