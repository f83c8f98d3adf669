//! A memory mapping that is allocated page by page.

use std::{os::fd::AsFd, ptr};

use anyhow::{Context as _, Result};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous};

/// Mapped memory, which is allocated when it is touched. It stays until the process ends.
#[derive(Clone, Copy)]
pub(super) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: only this value and its copies use the mapping, they touch different parts, and it is never unmapped.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Anonymous memory.
    pub(super) fn anonymous(len: usize, flags: MapFlags) -> Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a null address lets the kernel choose a place where nothing is mapped.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), len, access, flags | MapFlags::NORESERVE) };
        Ok(Self { start: start.with_context(|| format!("mapping {len} bytes"))?.cast(), len })
    }

    /// A file, shared.
    pub(super) fn of_file(file: impl AsFd, len: usize) -> Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a null address lets the kernel choose a place where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, file, 0) };
        Ok(Self { start: start.with_context(|| format!("mapping {len} bytes of a file"))?.cast(), len })
    }

    /// Its size in bytes.
    pub(super) const fn len(self) -> usize {
        self.len
    }

    /// Writes to the page at an offset, if there is one.
    pub(super) fn write(self, offset: usize) {
        if offset < self.len {
            // SAFETY: the offset lies inside the mapping, which is writable and belongs to this process alone.
            unsafe { self.start.add(offset).write_volatile(1) };
        }
    }

    /// Reads the page at an offset, if there is one.
    pub(super) fn read(self, offset: usize) {
        if offset < self.len {
            // SAFETY: the offset lies inside the mapping, which is readable.
            unsafe { self.start.add(offset).read_volatile() };
        }
    }

    /// Disables huge pages, because a huge page needs no table.
    pub(super) fn small_pages(self) -> Result<()> {
        // SAFETY: the range is exactly the mapped one, and the advice affects speed, not contents.
        unsafe { madvise(self.start.cast(), self.len, Advice::LinuxNoHugepage) }
            .context("asking for small pages")
    }
}
