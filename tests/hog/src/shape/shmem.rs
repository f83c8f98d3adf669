//! Shared anonymous memory. It counts as shmem-rss.

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One shared mapping, touched page by page.
#[derive(Args)]
pub(crate) struct Shmem {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Shmem {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::SHARED)?;
        mapping.touch();
        Ok(mapping.into())
    }
}
