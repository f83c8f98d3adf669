//! A file that is written and never mapped. On tmpfs its pages belong to the cgroup and to no process.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::Taken;

/// A file of zeros, written in pieces.
#[derive(Args)]
pub(crate) struct WrittenFile {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
    /// The file; made, or cut to nothing first
    #[arg(long)]
    path: PathBuf,
}

impl WrittenFile {
    pub(crate) fn take(&self) -> Result<Taken> {
        let path = self.path.display();
        let mut file = fs::File::create(&self.path).with_context(|| format!("making {path}"))?;
        let piece = vec![0; 1 << 16];
        for _ in 0..(self.mib << 20) / piece.len() {
            file.write_all(&piece).with_context(|| format!("writing {path}"))?;
        }
        Ok(Taken::default())
    }
}
