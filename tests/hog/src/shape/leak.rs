//! Private anonymous memory, allocated at a constant rate.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// Mappings of 1 MiB, each at its own time. If one is late, the next ones are still on time.
#[derive(Args)]
pub(crate) struct Leak {
    /// How much, in MiB
    #[arg(long)]
    mib: u32,
    /// How much in a second, in MiB
    #[arg(long)]
    rate: u32,
}

impl Leak {
    pub(crate) fn take(&self) -> Result<Taken> {
        let begun = Instant::now();
        let mut taken = Taken::default();
        for number in 0..self.mib {
            let due = Duration::from_secs(1) * number / self.rate.max(1);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let mapping = Mapping::anonymous(1, MapFlags::PRIVATE)?;
            mapping.touch();
            taken.mappings.push(mapping);
        }
        Ok(taken)
    }
}
