//! Rings of io_uring: memory of the kernel that no process counts as its own.

use std::io::Error;
use std::os::fd::{FromRawFd, OwnedFd};

use anyhow::{Result, ensure};
use clap::Args;

use super::{Taken, open_files};

/// Submissions that one ring has room for: 256 KiB of them, and as many completions twice over.
const ENTRIES: u32 = 4096;
/// `struct io_uring_params`: 120 bytes, all of them zero or written by the kernel.
const PARAMS_WORDS: usize = 15;

/// Rings that nothing is submitted to.
#[derive(Args)]
pub(crate) struct IoUrings {
    /// How many, each of some 384 KiB
    #[arg(long)]
    count: usize,
}

impl IoUrings {
    pub(crate) fn take(&self) -> Result<Taken> {
        open_files::allow()?;
        Ok((0..self.count).map(|_| ring()).collect::<Result<Vec<_>>>()?.into())
    }
}

fn ring() -> Result<OwnedFd> {
    let mut params = [0_u64; PARAMS_WORDS];
    // SAFETY: the kernel reads and writes the one structure, and `params` is as long as that.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &raw mut params) };
    ensure!(ring >= 0, "making a ring: {}", Error::last_os_error());
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(ring)?) })
}
