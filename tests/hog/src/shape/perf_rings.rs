//! Rings for perf's events: kernel pages that no counter covers.

use std::io::Error;
use std::os::fd::{FromRawFd, OwnedFd};

use anyhow::{Result, ensure};
use clap::Args;
use rustix::mm::{MapFlags, ProtFlags, mmap};

use super::Taken;

/// Size of the data of one ring. Each ring has one more page for its head.
const RING_MIB: usize = 32;
/// `PERF_TYPE_SOFTWARE` and `PERF_COUNT_SW_DUMMY`: an event that never happens.
const SOFTWARE: u32 = 1;
const DUMMY: u64 = 9;
/// Size of the first version of `struct perf_event_attr`, which every kernel accepts.
const ATTR_BYTES: usize = 64;

/// Rings without any event. They stay mapped, because the kernel frees a ring with its last mapping.
#[derive(Args)]
pub(crate) struct PerfRings {
    /// How much, in MiB: a multiple of 32
    #[arg(long)]
    mib: usize,
}

impl PerfRings {
    pub(crate) fn take(&self) -> Result<Taken> {
        Ok((0..self.mib / RING_MIB).map(|_| ring()).collect::<Result<Vec<_>>>()?.into())
    }
}

fn ring() -> Result<OwnedFd> {
    let mut attr = [0_u64; ATTR_BYTES / size_of::<u64>()];
    let [kind_and_size, config, ..] = &mut attr;
    *kind_and_size = u64::from(SOFTWARE) | (u64::try_from(ATTR_BYTES)? << u32::BITS);
    *config = DUMMY;
    // SAFETY: the kernel reads as many bytes as the size in `attr` says.
    let file = unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attr, 0, -1, -1, 0) };
    ensure!(file >= 0, "opening a perf event: {}", Error::last_os_error());
    // SAFETY: the kernel has just created the descriptor, and no other code owns it.
    let file = unsafe { OwnedFd::from_raw_fd(i32::try_from(file)?) };
    let (len, access) = ((RING_MIB << 20) + rustix::param::page_size(), ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: a null address lets the kernel choose an address where nothing is mapped. The mapping stays until the exit.
    unsafe { mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, &file, 0) }?;
    Ok(file)
}
