//! A mapped range of memory.

use std::os::fd::AsFd;
use std::ptr;

use anyhow::{Context, Result};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

/// The smallest page size of all machines. Touching memory at this distance touches every page.
const PAGE_BYTES: usize = 4096;

/// Mapped memory, which is unmapped on drop.
pub(crate) struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: this value is the only owner of the mapping, and its address is the same in every thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `mib` MiB of anonymous memory without touching it. The size may exceed the machine's memory.
    pub(crate) fn anonymous(mib: usize, flags: MapFlags) -> Result<Self> {
        let len = bytes(mib)?;
        let flags = flags | MapFlags::NORESERVE;
        // SAFETY: a null address lets the kernel choose an address where nothing is mapped.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) };
        Ok(Self { start: start.with_context(|| format!("mapping {mib} MiB"))?.cast(), len })
    }

    /// Maps the first `mib` MiB of a file, shared.
    pub(crate) fn of_file(file: impl AsFd, mib: usize) -> Result<Self> {
        let (len, access) = (bytes(mib)?, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a null address lets the kernel choose an address where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, file, 0) };
        Ok(Self { start: start.with_context(|| format!("mapping {mib} MiB of a file"))?.cast(), len })
    }

    /// Returns the lowest address.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the address after the last byte.
    pub(crate) fn end(&self) -> *mut u8 {
        self.start.wrapping_add(self.len)
    }

    /// Writes to every page, lowest address first.
    pub(crate) fn touch(&self) {
        // SAFETY: the range is the mapped one, which is writable and only used here.
        unsafe { hog_touch_pages(self.start, self.len) };
    }

    /// Reads one byte.
    ///
    /// # Panics
    /// If the byte is outside the mapping.
    pub(crate) fn read_at(&self, offset: usize) {
        assert!(offset < self.len, "byte {offset} is outside the mapping");
        // SAFETY: `offset` lies inside the mapping, which is readable.
        unsafe { self.start.add(offset).read_volatile() };
    }

    /// Gives the kernel advice about the memory.
    pub(crate) fn advise(&self, advice: Advice) -> Result<()> {
        // SAFETY: the range is the mapped one, and the advice given here affects speed and not contents.
        unsafe { madvise(self.start.cast(), self.len, advice) }
            .with_context(|| format!("advising {advice:?}"))
    }
}

/// Writes to every page of a range. The tests look for this name on the stack of a process that runs out of memory.
///
/// # Safety
/// The range must be writable, and no reference into it may exist.
#[unsafe(no_mangle)]
#[inline(never)]
unsafe extern "C" fn hog_touch_pages(start: *mut u8, len: usize) {
    for offset in (0..len).step_by(PAGE_BYTES) {
        // SAFETY: `offset` lies inside the range.
        unsafe { start.add(offset).write_volatile(1) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the mapped one, and no reference into it remains.
        let unmapped = unsafe { munmap(self.start.cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

fn bytes(mib: usize) -> Result<usize> {
    mib.checked_mul(1 << 20).filter(|&len| len > 0).with_context(|| format!("{mib} MiB cannot be mapped"))
}
