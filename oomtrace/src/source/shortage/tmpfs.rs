//! Reads how full each tmpfs is. A read never triggers a mount and never waits for a server or a daemon.

use std::{
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, fstat, fstatfs, major, minor, open, openat2},
    io::Errno,
};

use super::mounts::{Mount, Mounts};
use crate::context::Tmpfs;

/// Maximum number of mounts that are reported.
const MOST: usize = 32;

/// Maximum length of a path in bytes. A mount with a longer path is left out.
const PATH_BYTES: usize = 1024;

/// `TMPFS_MAGIC`.
const MAGIC: u64 = 0x0102_1994;

/// Returns the fullest mounts first, and the number of mounts that are left out.
/// Left out are mounts beyond the maximum, mounts that another mount hides, and mounts without a limit, for which the kernel
/// does not report the usage.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/shmem.c#L3460> (`shmem_statfs`)
pub(super) fn fullest(mounts: &Mounts) -> (Vec<Tmpfs>, u32) {
    let mut tmpfs: Vec<Tmpfs> =
        mounts.tmpfs().iter().filter_map(|mount| ask(mount, mounts.is_local(&mount.path))).collect();
    tmpfs.sort_by_key(|mount| std::cmp::Reverse(mount.used_bytes));
    tmpfs.truncate(MOST);
    let unread = u32::try_from(mounts.tmpfs().len().saturating_sub(tmpfs.len())).unwrap_or(u32::MAX);
    (tmpfs, mounts.left_out().saturating_add(unread))
}

fn ask(mount: &Mount, is_local: bool) -> Option<Tmpfs> {
    let path = Some(OsStr::from_bytes(&mount.path)).filter(|path| path.len() <= PATH_BYTES)?;
    let place = look_at(path, is_local)?;
    let device = fstat(&place).ok()?.st_dev;
    let stat = fstatfs(&place).ok()?;
    let is_it = (major(device), minor(device)) == mount.device && u64::try_from(stat.f_type) == Ok(MAGIC);
    if !is_it || stat.f_blocks == 0 {
        return None;
    }
    let bytes = |blocks: u64| Some(blocks.saturating_mul(u64::try_from(stat.f_bsize).ok()?));
    Some(Tmpfs {
        mount: mount.path.clone().into(),
        used_bytes: bytes(stat.f_blocks.saturating_sub(stat.f_bfree))?,
        size_bytes: bytes(stat.f_blocks),
    })
}

/// Opens a handle of a path, using only the kernel's cache.
/// If that is not possible, or if the kernel does not support it (before 5.12), the path is opened normally, provided that
/// all file systems on it are local.
/// A handle (`O_PATH`) triggers no automount.
fn look_at(path: &OsStr, is_local: bool) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
        Ok(place) => Some(place),
        Err(Errno::AGAIN | Errno::INVAL | Errno::NOSYS | Errno::PERM) if is_local => {
            open(path, flags, Mode::empty()).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, path::Path};

    use super::{super::lines::Lines, fullest};
    use crate::source::shortage::mounts::Mounts;

    fn mounts() -> Mounts {
        let mut mounts = Mounts::default();
        let file = File::open("/proc/self/mountinfo").unwrap();
        Lines::new().each(Some(&file), |line| mounts.take_line(line)).unwrap();
        mounts
    }

    #[test]
    fn reads_the_usage_of_mounts_on_this_machine() {
        if !Path::new("/dev/shm").exists() {
            return;
        }
        let mounts = mounts();
        let (tmpfs, left_out) = fullest(&mounts);
        assert_eq!(tmpfs.len() + usize::try_from(left_out).unwrap(), mounts.tmpfs().len());
        assert!(tmpfs.is_sorted_by(|left, right| left.used_bytes >= right.used_bytes));
        let shm = tmpfs.iter().find(|mount| mount.mount.as_bytes() == b"/dev/shm").unwrap();
        assert!(shm.used_bytes < shm.size_bytes.unwrap());
    }

    #[test]
    fn leaves_out_hidden_and_missing_mounts() {
        let mut mounts = Mounts::default();
        // Another device is mounted at the first path, and the second path does not exist.
        for line in ["1 1 0:4095 / /dev/shm rw - tmpfs x rw", "1 1 0:4094 / /dev/no/such rw - tmpfs x rw"] {
            mounts.take_line(line.as_bytes());
        }
        assert_eq!(fullest(&mounts), (Vec::new(), 2));
    }
}
