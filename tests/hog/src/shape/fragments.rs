//! Free memory that lies in single pages.

use anyhow::Result;
use clap::Args;

use super::{
    Taken,
    page_tables::{Sparse, tables_in},
};

/// Page tables of two mappings, allocated in turn, so that neighboring pages belong to different mappings. Then one of the mappings
/// is removed. Compaction cannot move page tables, so the freed pages stay separated.
#[derive(Args)]
pub(crate) struct Fragments {
    /// How much memory is fragmented, in MiB: one half is kept, and the other half is free
    #[arg(long)]
    mib: usize,
}

impl Fragments {
    pub(crate) fn take(&self) -> Result<Taken> {
        let count = tables_in(self.mib) / 2;
        let (kept, freed) = (Sparse::new(count)?, Sparse::new(count)?);
        for number in 0..count {
            kept.create_table(number);
            freed.create_table(number);
        }
        drop(freed);
        Ok(kept.into())
    }
}
