//! Pipe buffers: kernel pages that do not count as memory of any process.

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::Args;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::{Taken, open_files};

/// Full pipes that no process reads.
#[derive(Args)]
pub(crate) struct Pipes {
    /// How much they hold together, in MiB
    #[arg(long)]
    mib: usize,
    /// How much each one can hold, in KiB; by default what the kernel gives it
    #[arg(long)]
    each_kib: Option<usize>,
}

impl Pipes {
    pub(crate) fn take(&self) -> Result<Taken> {
        open_files::allow()?;
        // Each write fills one page.
        let page = vec![1; rustix::param::page_size()];
        let (mut left, mut files) = ((self.mib << 20) / page.len(), Vec::new());
        while left > 0 {
            let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).context("making a pipe")?;
            if let Some(kib) = self.each_kib {
                fcntl_setpipe_size(&writer, kib << 10).context("sizing a pipe")?;
            }
            left -= fill(&writer, &page, left)?;
            files.extend([reader, writer]);
        }
        Ok(files.into())
    }
}

/// Writes at most `most` pages to a pipe, and returns the number of pages that fit.
fn fill(writer: &OwnedFd, page: &[u8], most: usize) -> Result<usize> {
    for written in 0..most {
        match rustix::io::write(writer, page) {
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(written),
            Err(error) => {
                return Err(error).context("writing to a pipe");
            }
        }
    }
    Ok(most)
}
