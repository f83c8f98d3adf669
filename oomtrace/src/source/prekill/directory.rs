//! Opens an announced cgroup. The path comes from another process, so it is checked, and resolved below the mount only.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat},
    io::{Errno, read},
};

use crate::source::{below::open_below, cgroup::cgroupfs::MemoryHierarchy};

/// Maximum length of a path in bytes: the kernel's own, with its NUL (`PATH_MAX`).
const LONGEST_PATH: usize = 4095;

/// Maximum length of a name in bytes (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// Returns whether a path is one as the kernel writes that of a cgroup: absolute, not the root, without empty names, `.`, `..` and
/// NUL.
#[must_use]
pub fn is_plain_path(path: &[u8]) -> bool {
    let is_name = |name: &[u8]| {
        !name.is_empty() && name.len() <= LONGEST_NAME && name != b"." && name != b".." && !name.contains(&0)
    };
    let below = path.strip_prefix(b"/");
    path.len() <= LONGEST_PATH && below.is_some_and(|below| below.split(|byte| *byte == b'/').all(is_name))
}

/// Opens the mount of the memory hierarchy.
pub(super) fn mount() -> Option<OwnedFd> {
    let hierarchy = MemoryHierarchy::find()?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, hierarchy.mount(), flags, Mode::empty()).ok()
}

/// Opens a cgroup by its path below the mount. Returns it with its kernfs id. No link is followed, and another file system is refused.
pub(super) fn open(mount: BorrowedFd<'_>, path: &[u8]) -> Option<(OwnedFd, u64)> {
    let below = path.strip_prefix(b"/").filter(|_| is_plain_path(path))?;
    let directory = open_below(mount, below, OFlags::RDONLY | OFlags::DIRECTORY).ok()?;
    let stat = fstat(&directory).ok()?;
    (stat.st_dev == fstat(mount).ok()?.st_dev).then_some((directory, stat.st_ino))
}

/// Opens the cgroups in a cgroup, at most `most`. Returns whether these are all.
pub(super) fn children(directory: BorrowedFd<'_>, most: usize, found: &mut Vec<OwnedFd>) -> bool {
    let Ok(entries) = Dir::read_from(directory) else { return false };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name();
        if entry.file_type() != FileType::Directory || [&b"."[..], b".."].contains(&name.to_bytes()) {
            continue;
        }
        if found.len() >= most {
            return false;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(directory, name, flags, Mode::empty()) {
            Ok(child) => found.push(child),
            // It has been removed in the meantime.
            Err(Errno::NOENT) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Reads a file into the buffer. Returns what was read, and whether it was all. Nothing is allocated.
pub(super) fn contents<'a>(
    directory: BorrowedFd<'_>,
    name: &str,
    buffer: &'a mut [u8],
) -> Option<(&'a [u8], bool)> {
    let file =
        openat(directory, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut length = 0;
    loop {
        let room = buffer.get_mut(length..).filter(|room| !room.is_empty());
        let Some(room) = room else { return Some((buffer, false)) };
        match read(&file, room) {
            Ok(0) => return Some((buffer.get(..length)?, true)),
            Ok(count) => length += count,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Whether a file exists in a directory.
pub(super) fn has(directory: BorrowedFd<'_>, name: &str) -> bool {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::{fd::AsFd as _, unix::fs::symlink},
    };

    use super::{children, contents, is_plain_path, open};

    #[test]
    fn accepts_paths_as_the_kernel_writes_them_and_no_others() {
        for path in ["/a", "/system.slice/a.service", "/a/.b", "/a/..b", "/a b/\u{e9}"] {
            assert!(is_plain_path(path.as_bytes()), "{path}");
        }
        let (long_name, long_path) = (format!("/{}", "x".repeat(256)), "/x".repeat(2048));
        for path in [
            "", "/", "a", "a/b", "//", "//a", "/a/", "/a//b", "/.", "/..", "/../a", "/a/../b", "/a/..",
            "/a/./b", "/a\0b", &long_name, &long_path,
        ] {
            assert!(!is_plain_path(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn an_announced_path_leads_to_no_place_outside_the_mount() {
        let directory = tempfile::tempdir().unwrap();
        let mount = directory.path().join("mount");
        fs::create_dir_all(mount.join("a/b")).unwrap();
        fs::create_dir(directory.path().join("outside")).unwrap();
        symlink("../../outside", mount.join("a/out")).unwrap();
        symlink("b", mount.join("a/in")).unwrap();
        symlink("/", mount.join("root")).unwrap();
        let opened = File::open(&mount).unwrap();
        let is_open = |path: &str| open(opened.as_fd(), path.as_bytes()).is_some();
        assert!(is_open("/a") && is_open("/a/b"));
        for path in [
            "/a/out",
            "/a/in",
            "/a/in/b",
            "/root",
            "/root/proc",
            "/../outside",
            "/a/../../outside",
            "/none",
            "/",
        ] {
            assert!(!is_open(path), "{path}");
        }
    }

    #[test]
    fn reads_no_more_than_the_buffer_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "12345").unwrap();
        symlink("file", directory.path().join("link")).unwrap();
        fs::create_dir(directory.path().join("child")).unwrap();
        let opened = File::open(directory.path()).unwrap();
        let mut buffer = [0; 6];
        assert_eq!(contents(opened.as_fd(), "file", &mut buffer), Some((&b"12345"[..], true)));
        assert_eq!(contents(opened.as_fd(), "file", &mut buffer[..5]), Some((&b"12345"[..], false)));
        assert_eq!(contents(opened.as_fd(), "link", &mut buffer), None);
        let mut found = Vec::new();
        assert!(children(opened.as_fd(), 1, &mut found) && found.len() == 1);
        assert!(!children(opened.as_fd(), 1, &mut found), "there is no room for it");
    }
}
