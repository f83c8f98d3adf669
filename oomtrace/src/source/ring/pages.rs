//! Pages that the kernel shares with this process.

use std::{
    io,
    os::fd::BorrowedFd,
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, AtomicUsize},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A shared mapping of whole pages.
pub(super) struct Pages {
    start: NonNull<u8>,
    length: usize,
}

/// A word that the kernel may change at any time.
pub(super) trait Word {}

impl Word for AtomicU32 {}
impl Word for AtomicUsize {}

impl Pages {
    /// Maps pages to read.
    pub(super) fn readable(file: BorrowedFd<'_>, offset: usize, length: usize) -> io::Result<Self> {
        Self::map(file, offset, length, ProtFlags::READ)
    }

    /// Maps pages to read and write.
    pub(super) fn writable(file: BorrowedFd<'_>, offset: usize, length: usize) -> io::Result<Self> {
        Self::map(file, offset, length, ProtFlags::READ | ProtFlags::WRITE)
    }

    fn map(file: BorrowedFd<'_>, offset: usize, length: usize, access: ProtFlags) -> io::Result<Self> {
        let offset = u64::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address that the kernel chooses affects no existing memory.
        let start = unsafe { mmap(ptr::null_mut(), length, access, MapFlags::SHARED, file, offset)? };
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { start, length })
    }

    /// Returns the word at this offset; `None` if it is outside of the pages or not aligned.
    pub(super) fn word<T: Word>(&self, at: usize) -> Option<&T> {
        let is_inside = at.checked_add(size_of::<T>()).is_some_and(|end| end <= self.length);
        if !is_inside || !at.is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: the word is inside a live mapping that begins at a page boundary, and it is aligned. Every bit pattern is
        // valid for an atomic integer.
        Some(unsafe { self.start.add(at).cast::<T>().as_ref() })
    }

    /// Returns bytes that the kernel does not change now; empty if they are not inside the pages.
    pub(super) fn bytes(&self, at: usize, length: usize) -> &[u8] {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return &[];
        }
        // SAFETY: the bytes are inside a live mapping. The kernel does not change a complete record until the reader returns
        // it.
        unsafe { slice::from_raw_parts(self.start.add(at).as_ptr(), length) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: this is exactly the mapping from `mmap`, and no reference into it outlives `self`. If it fails, the pages
        // stay mapped.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}
