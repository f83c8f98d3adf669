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
    /// How much they take besides before the word to begin, in MiB
    #[arg(long, default_value_t = 0)]
    before_word_mib: usize,
}

impl PageTables {
    pub(crate) fn take_before_word(&self) -> Result<Taken> {
        if self.before_word_mib == 0 { Ok(Taken::default()) } else { tables(self.before_word_mib) }
    }

    pub(crate) fn take(&self) -> Result<Taken> {
        tables(self.mib)
    }
}

fn tables(mib: usize) -> Result<Taken> {
    let tables = (mib << 20) / TABLE_BYTES;
    let mapping = Mapping::anonymous(tables * SPAN_MIB, MapFlags::PRIVATE)?;
    // A huge zero page would need no table.
    mapping.advise(Advice::LinuxNoHugepage)?;
    mapping.read_each(SPAN_MIB << 20);
    Ok(mapping.into())
}
