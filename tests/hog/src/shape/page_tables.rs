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

/// A mapping that only needs page tables, one for each span of addresses.
pub(super) struct Sparse {
    mapping: Mapping,
    /// The number of bytes that one table maps.
    span_bytes: usize,
}

impl Sparse {
    /// Maps as many spans as there shall be tables, and creates no table.
    pub(super) fn new(tables: usize) -> Result<Self> {
        // A table is a page of 8-byte entries, one for each page.
        let table_bytes = rustix::param::page_size();
        let span_bytes = table_bytes * table_bytes / 8;
        let mapping = Mapping::anonymous(tables * (span_bytes >> 20), MapFlags::PRIVATE)?;
        // A huge zero page would need no page table.
        mapping.advise(Advice::LinuxNoHugepage)?;
        Ok(Self { mapping, span_bytes })
    }

    /// Reads the first byte of a span. The kernel creates the table and maps the zero page.
    pub(super) fn create_table(&self, number: usize) {
        self.mapping.read_at(number * self.span_bytes);
    }
}

impl From<Sparse> for Taken {
    fn from(sparse: Sparse) -> Self {
        sparse.mapping.into()
    }
}

/// Returns the number of page tables in so many MiB.
pub(super) fn tables_in(mib: usize) -> usize {
    (mib << 20) / rustix::param::page_size()
}

fn tables(mib: usize) -> Result<Taken> {
    let count = tables_in(mib);
    let sparse = Sparse::new(count)?;
    (0..count).for_each(|number| sparse.create_table(number));
    Ok(sparse.into())
}
