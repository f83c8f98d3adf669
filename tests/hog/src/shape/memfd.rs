//! A file in memory that is written and not mapped. No mount shows it.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::Args;
use rustix::fs::{MemfdFlags, memfd_create};

use super::Taken;

/// A memfd full of bytes.
#[derive(Args)]
pub(crate) struct Memfd {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl Memfd {
    pub(crate) fn take(&self) -> Result<Taken> {
        let mut file = File::from(memfd_create("hidden", MemfdFlags::CLOEXEC).context("making a memfd")?);
        let piece = vec![1; 1 << 16];
        for _ in 0..(self.mib << 20) / piece.len() {
            file.write_all(&piece).context("writing to a memfd")?;
        }
        Ok(vec![OwnedFd::from(file)].into())
    }
}
