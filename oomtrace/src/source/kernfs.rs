//! Cgroups by their id: a kernfs id is a file handle, and no path has to be known or walked.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `FILEID_KERNFS`: a handle that is a 64-bit kernfs id.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/exportfs.h>
const FILEID_KERNFS: libc::c_int = 0xfe;

/// `struct file_handle` with a handle of 8 bytes.
#[repr(C)]
struct Handle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    id: u64,
}

/// Opens the folder with that kernfs id in the kernfs mounted at `mount`. `None` if there is none, or without
/// `CAP_DAC_READ_SEARCH`.
pub(super) fn open_folder(mount: &OwnedFd, id: u64) -> Option<OwnedFd> {
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id };
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: `Handle` begins as `struct file_handle` does and has the 8 bytes after it that it says it has; the kernel
    // only reads them.
    let folder = unsafe { libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut handle).cast(), flags) };
    // SAFETY: the kernel has just made this descriptor, and nobody else has it.
    (folder >= 0).then(|| unsafe { OwnedFd::from_raw_fd(folder) })
}
