//! A System V shared memory segment. It stays when every process that used it has exited.

use std::io::Error;
use std::ptr;

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::Taken;

/// The smallest page size of all machines.
const PAGE_BYTES: usize = 4096;

/// A segment that is written and left behind.
#[derive(Args)]
pub(crate) struct SysvShm {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

impl SysvShm {
    pub(crate) fn take(&self) -> Result<Taken> {
        let len = self.mib << 20;
        // SAFETY: the call takes numbers only.
        let id = unsafe { libc::shmget(libc::IPC_PRIVATE, len, libc::IPC_CREAT | 0o600) };
        ensure!(id >= 0, "making a segment: {}", Error::last_os_error());
        // SAFETY: a null address lets the kernel choose an address where nothing is mapped.
        let start = unsafe { libc::shmat(id, ptr::null(), 0) };
        if start.addr() == usize::MAX {
            bail!("attaching a segment: {}", Error::last_os_error());
        }
        for offset in (0..len).step_by(PAGE_BYTES) {
            // SAFETY: `offset` lies inside the segment, which is writable and only used here.
            unsafe { start.cast::<u8>().add(offset).write_volatile(1) };
        }
        // SAFETY: no reference into the segment remains.
        ensure!(unsafe { libc::shmdt(start) } == 0, "detaching a segment: {}", Error::last_os_error());
        Ok(Taken::default())
    }
}
