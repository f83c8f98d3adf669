//! A process that allocates no memory and writes a file, for example a limit.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::Taken;

/// One write.
#[derive(Args)]
pub(crate) struct Write {
    /// The file
    #[arg(long)]
    path: PathBuf,
    /// What to write
    #[arg(long)]
    text: String,
}

impl Write {
    pub(crate) fn take(&self) -> Result<Taken> {
        std::fs::write(&self.path, &self.text)
            .with_context(|| format!("writing {} to {}", self.text, self.path.display()))?;
        Ok(Taken::default())
    }
}
