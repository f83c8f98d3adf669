//! Private anonymous memory.

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// The plain case: one mapping, touched page by page.
#[derive(Args)]
pub(crate) struct Anon {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Anon {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        mapping.touch();
        Ok(mapping.into())
    }
}
