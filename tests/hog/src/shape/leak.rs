//! Private anonymous memory, taken at a constant rate.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One MiB after the other, each at its time: if one was late, the next ones are not.
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
