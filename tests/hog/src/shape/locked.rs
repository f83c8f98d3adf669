//! Memory that cannot be swapped out.

use anyhow::{Context, Result};
use clap::Args;
use rustix::mm::{MapFlags, MlockAllFlags, mlockall};

use super::{Taken, mapping::Mapping};

/// Private anonymous memory, locked page by page as it is touched.
#[derive(Args)]
pub(crate) struct Locked {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Locked {
    pub(crate) fn take(&self) -> Result<Taken> {
        // Without ONFAULT, mmap itself would allocate all pages at once, and could not be interrupted.
        mlockall(MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).context("locking memory")?;
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        mapping.touch();
        Ok(mapping.into())
    }
}
