//! Opens cgroups by their id. A kernfs id is a file handle, so no path has to be known or walked.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use rustix::{
    fs::{OFlags, fstat},
    io::Errno,
};

/// The kernfs id of a hierarchy's root.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L2131> (`cgroup_setup_root`)
const ROOT_ID: u64 = 1;

/// `FILEID_KERNFS`: a handle that is a 64-bit kernfs id.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/exportfs.h>
const FILEID_KERNFS: libc::c_int = 0xfe;

/// `struct file_handle` with an 8-byte handle.
#[repr(C)]
struct Handle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    id: u64,
}

/// Whether a hierarchy's mount shows the whole hierarchy. In a cgroup namespace, the mount begins further down.
pub(in crate::source) fn is_whole(mount: &OwnedFd) -> bool {
    fstat(mount).is_ok_and(|stat| stat.st_ino == ROOT_ID)
}

/// Opens the directory with this kernfs id in the kernfs mounted at `mount`.
///
/// # Errors
///
/// `ESTALE` if there is no such directory, `EPERM` without `CAP_DAC_READ_SEARCH`.
pub(in crate::source) fn open(mount: &OwnedFd, id: u64, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id };
    let flags = (flags | OFlags::DIRECTORY | OFlags::CLOEXEC).bits().cast_signed();
    // SAFETY: `Handle` begins like `struct file_handle` and has the 8 bytes after it that `bytes` promises. The kernel only
    // reads them.
    let directory = unsafe { libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut handle).cast(), flags) };
    if directory < 0 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(directory) })
}
