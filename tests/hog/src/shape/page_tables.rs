//! Page tables and next to nothing else.

use anyhow::Result;
use clap::Args;
use rustix::mm::{Advice, MapFlags};

use super::{Taken, mapping::Mapping};

/// Bytes of page tables that one page costs where no other page is near: a whole table.
const TABLE_BYTES: usize = 4096;
/// What one such table maps (x86-64 and arm64 with 4 KiB pages).
const SPAN_MIB: usize = 2;

/// One page in each 2 MiB of a huge mapping is read: what is there is the zero page, and a table to reach it.
#[derive(Args)]
pub(crate) struct PageTables {
    /// How much the page tables take, in MiB
    #[arg(long)]
    mib: usize,
}

impl PageTables {
    pub(crate) fn take(&self) -> Result<Taken> {
        let tables = (self.mib << 20) / TABLE_BYTES;
        let mapping = Mapping::anonymous(tables * SPAN_MIB, MapFlags::PRIVATE)?;
        // A huge zero page would need no table.
        mapping.advise(Advice::LinuxNoHugepage)?;
        mapping.read_each(SPAN_MIB << 20);
        Ok(mapping.into())
    }
}
