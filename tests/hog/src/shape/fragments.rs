//! Fragmented memory: between any two free pages is an allocated page that cannot be moved.

use anyhow::{Context, Result};
use clap::Args;
use rustix::mm::{Advice, MapFlags, MlockFlags, madvise, mlock_with};

use super::{Taken, mapping::Mapping};

/// Memory with one locked page in each `keep_one_of` pages. The other pages are released one by one.
#[derive(Args)]
pub(crate) struct Fragments {
    /// How much is taken first, in MiB
    #[arg(long)]
    mib: usize,
    /// Keep one page of each group of this many pages
    #[arg(long)]
    keep_one_of: usize,
}

impl Fragments {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        mapping.advise(Advice::LinuxNoHugepage)?;
        mapping.touch();
        let page_bytes = rustix::param::page_size();
        for offset in (0..mapping.len()).step_by(page_bytes) {
            let page = mapping.start().wrapping_add(offset).cast();
            if (offset / page_bytes).is_multiple_of(self.keep_one_of) {
                // SAFETY: the page lies inside the mapping.
                unsafe { mlock_with(page, page_bytes, MlockFlags::empty()) }.context("locking a page")?;
            } else {
                // SAFETY: the page lies inside the mapping, and no code reads its contents.
                unsafe { madvise(page, page_bytes, Advice::LinuxDontNeed) }.context("giving back a page")?;
            }
        }
        Ok(mapping.into())
    }
}
