//! Opens paths that other processes choose, below a directory and without following links.
//!
//! `openat2` could do it in one call, but a service with `DynamicUser=` may not use it:
//! <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RestrictSUIDSGID=>

use std::{
    ffi::OsStr,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::{Errno, Result, fcntl_dupfd_cloexec},
};

/// Opens a path below a directory, one name after the other; `flags` are for the last one. The path is taken as relative. No symbolic
/// link is followed, and `..` is refused. If the last name is a link and `flags` has `O_PATH` without `O_DIRECTORY`, the handle is of the link
/// itself. An empty path opens the directory again, whatever the flags.
///
/// # Errors
///
/// As `openat`; `ELOOP` or `ENOTDIR` for another link, `EXDEV` for a name that leads upwards.
pub(super) fn open_below(directory: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let mut names =
        path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".").peekable();
    let mut here: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        if name == b".." {
            return Err(Errno::XDEV);
        }
        let is_last = names.peek().is_none();
        let how = if is_last { flags } else { OFlags::PATH | OFlags::DIRECTORY };
        let from = here.as_ref().map_or(directory, std::os::fd::AsFd::as_fd);
        let opened =
            openat(from, OsStr::from_bytes(name), how | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        here = Some(opened);
    }
    here.map_or_else(|| fcntl_dupfd_cloexec(directory, 0), Ok)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::{fd::AsFd as _, unix::fs::symlink},
    };

    use rustix::{
        fs::{FileType, OFlags, fstat},
        io::Errno,
    };

    use super::open_below;

    #[test]
    fn leads_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "text").unwrap();
        fs::write(directory.path().join("outside"), "text").unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink("a", root.join("in")).unwrap();
        let opened = File::open(&root).unwrap();
        let open = |path: &str| open_below(opened.as_fd(), path.as_bytes(), OFlags::PATH);
        let kind = |path: &str| FileType::from_raw_mode(fstat(open(path).unwrap()).unwrap().st_mode);
        assert_eq!(kind("/a/b/file"), FileType::RegularFile);
        assert_eq!([kind("a//b/"), kind("/a/./b"), kind("/"), kind("")], [FileType::Directory; 4]);
        assert_eq!(kind("out"), FileType::Symlink, "a handle of the link itself");
        assert_eq!(open("/in/b").unwrap_err(), Errno::NOTDIR);
        assert_eq!([open("..").unwrap_err(), open("/a/../../outside").unwrap_err()], [Errno::XDEV; 2]);
        assert_eq!(open("/a/none").unwrap_err(), Errno::NOENT);
        let read = open_below(opened.as_fd(), b"/out", OFlags::RDONLY);
        assert_eq!(read.unwrap_err(), Errno::LOOP);
    }
}
