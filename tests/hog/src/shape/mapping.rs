//! A stretch of mapped memory.

use std::os::fd::AsFd;
use std::ptr;

use anyhow::{Context, Result};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

/// Smallest page size there is: touching at this distance touches every page.
const PAGE_BYTES: usize = 4096;

/// Mapped memory, given back when dropped.
pub(crate) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: the mapping has no owner but this value; a pointer to it means the same in every thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Anonymous memory of `mib` MiB, none of it touched. More than the machine has can be asked for.
    pub(crate) fn anonymous(mib: usize, flags: MapFlags) -> Result<Self> {
        let len = bytes(mib)?;
        let flags = flags | MapFlags::NORESERVE;
        // SAFETY: a null address lets the kernel choose a place where nothing is mapped.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) };
        Ok(Self { start: start.with_context(|| format!("mapping {mib} MiB"))?.cast(), len })
    }

    /// The first `mib` MiB of a file, shared.
    pub(crate) fn of_file(file: impl AsFd, mib: usize) -> Result<Self> {
        let (len, access) = (bytes(mib)?, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a null address lets the kernel choose a place where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, file, 0) };
        Ok(Self { start: start.with_context(|| format!("mapping {mib} MiB of a file"))?.cast(), len })
    }

    /// Its lowest address.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address after its last byte.
    pub(crate) fn end(&self) -> *mut u8 {
        self.start.wrapping_add(self.len)
    }

    /// Write to every page, lowest address first.
    pub(crate) fn touch(&self) {
        for offset in (0..self.len).step_by(PAGE_BYTES) {
            // SAFETY: `offset` lies inside the mapping, which is writable and ours alone.
            unsafe { self.start.add(offset).write_volatile(1) };
        }
    }

    /// Read one byte at every multiple of a distance, lowest address first.
    pub(crate) fn read_each(&self, distance: usize) {
        for offset in (0..self.len).step_by(distance) {
            // SAFETY: `offset` lies inside the mapping, which is readable.
            unsafe { self.start.add(offset).read_volatile() };
        }
    }

    /// Tell the kernel how the memory is used.
    pub(crate) fn advise(&self, advice: Advice) -> Result<()> {
        // SAFETY: the range is the one mapped, and the advice given here is about speed, not about contents.
        unsafe { madvise(self.start.cast(), self.len, advice) }
            .with_context(|| format!("advising {advice:?}"))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one mapped, and nothing refers into it any more.
        let unmapped = unsafe { munmap(self.start.cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

fn bytes(mib: usize) -> Result<usize> {
    mib.checked_mul(1 << 20).filter(|&len| len > 0).with_context(|| format!("{mib} MiB cannot be mapped"))
}
