//! Pages of the huge page pool. They do not count in any resident size.

use anyhow::Result;
use clap::Args;
use rustix::mm::MapFlags;

use super::{Taken, mapping::Mapping};

/// A private mapping of huge pages, touched.
#[derive(Args)]
pub(crate) struct HugePages {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl HugePages {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE | MapFlags::HUGETLB)?;
        mapping.touch();
        Ok(mapping.into())
    }
}
