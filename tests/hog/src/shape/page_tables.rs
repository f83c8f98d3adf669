//! Page tables and almost nothing else.

use anyhow::Result;
use clap::Args;
use rustix::mm::{Advice, MapFlags};

use super::{Taken, mapping::Mapping};

/// A huge mapping. The process reads one page in each 2 MiB (32 MiB with pages of 16 KiB). The kernel maps the zero page there,
/// which needs a page table.
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
    // A page without others near it needs a whole table. A table is a page of 8-byte entries, one for each page.
    let table_bytes = rustix::param::page_size();
    let span_bytes = table_bytes * table_bytes / 8;
    let mapping = Mapping::anonymous((mib << 20) / table_bytes * (span_bytes >> 20), MapFlags::PRIVATE)?;
    // A huge zero page would need no page table.
    mapping.advise(Advice::LinuxNoHugepage)?;
    mapping.read_each(span_bytes);
    Ok(mapping.into())
}
