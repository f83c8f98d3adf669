//! The bytes of a BTF file: mapped if the kernel allows it, otherwise read.

use core::ops::Deref;
use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::AsRawFd as _,
    path::Path,
    ptr::{self, NonNull},
    slice,
};

use super::RUNNING_KERNEL;

/// Bytes of BTF, from memory or mapped from the kernel.
pub struct Bytes(Source);

enum Source {
    Owned(Vec<u8>),
    Mapped(Mapping),
}

impl Bytes {
    /// Maps the kernel's own BTF (possible since 6.16, and takes no memory) and reads any other file.
    pub(super) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        // Only this file is certain not to shrink while it is mapped.
        if path == Path::new(RUNNING_KERNEL)
            && let Some(mapping) = Mapping::of(&file, len)
        {
            return Ok(Self(Source::Mapped(mapping)));
        }
        let mut bytes = Vec::with_capacity(len.saturating_add(1));
        file.read_to_end(&mut bytes)?;
        Ok(Self(Source::Owned(bytes)))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Owned(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Owned(bytes) => bytes,
            Source::Mapped(mapping) => mapping.as_slice(),
        }
    }
}

/// A private read-only mapping of the kernel's BTF.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned, read-only and never handed out as anything but `&[u8]`.
unsafe impl Send for Mapping {}
// SAFETY: as above; nothing writes through it.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a file; `None` if the kernel does not allow its BTF to be mapped (before 6.16).
    /// <https://github.com/torvalds/linux/blob/v6.16/kernel/bpf/sysfs_btf.c#L14>
    fn of(file: &File, len: usize) -> Option<Self> {
        if len == 0 {
            return None;
        }
        // SAFETY: a new mapping at an address that the kernel chooses touches none of this process's memory.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        Some(Self { start: NonNull::new(start.cast())?, len })
    }

    fn as_slice(&self) -> &[u8] {
        // SAFETY: `start` and `len` are those of a live mapping of the kernel's BTF, which is constant while the kernel runs.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: these are exactly the values from `mmap`, and no slice outlives `self`. On failure the mapping stays.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
