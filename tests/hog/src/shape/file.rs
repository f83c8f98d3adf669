//! Pages of a file. On tmpfs they count as shmem, and on a disk as page cache.

use std::fs::OpenOptions;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::{Taken, mapping::Mapping};

/// A file of the given size, mapped and written through the mapping.
#[derive(Args)]
pub(crate) struct File {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
    /// The file; made, or cut to the size
    #[arg(long)]
    path: PathBuf,
}

impl File {
    pub(crate) fn take(&self) -> Result<Taken> {
        let path = self.path.display();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .with_context(|| format!("making {path}"))?;
        file.set_len(u64::try_from(self.mib)? << 20).with_context(|| format!("sizing {path}"))?;
        let mapping = Mapping::of_file(&file, self.mib)?;
        mapping.touch();
        Ok(mapping.into())
    }
}
