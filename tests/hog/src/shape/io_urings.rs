//! Rings of io_uring: kernel memory that does not count as memory of any process.

use std::io::Error;
use std::os::fd::{FromRawFd, OwnedFd};

use anyhow::{Result, ensure};
use clap::Args;

use super::{Taken, open_files};

/// Number of submissions that one ring has room for. They take 256 KiB, and the ring has room for twice as many completions.
const ENTRIES: u32 = 4096;
/// Size of `struct io_uring_params` in words: 120 bytes, which are zero or written by the kernel.
const PARAMS_WORDS: usize = 15;

/// Rings without any submission.
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
    // SAFETY: the kernel reads and writes the one structure, and `params` has its size.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &raw mut params) };
    ensure!(ring >= 0, "making a ring: {}", Error::last_os_error());
    // SAFETY: the kernel has just created the descriptor, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(ring)?) })
}
