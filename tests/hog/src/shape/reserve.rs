//! Private anonymous memory that is mapped and not touched.

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// One mapping for another process to write to.
#[derive(Args)]
pub(crate) struct Reserve {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Reserve {
    pub(crate) fn take(&self) -> Result<Taken> {
        Ok(Mapping::anonymous(self.mib, MapFlags::PRIVATE)?.into())
    }
}
