//! A directory of recordings. The name of each file is the time at which it was started.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, statat};

/// The extension of a recording in a directory.
pub const EXTENSION: &str = "oomtrace";

/// Lists the names of the recordings in an open directory, sorted, so that those from the recorder are oldest first. A
/// directory, a pipe or a device with such a name is not a recording. A symbolic link is listed and never followed: opening or
/// removing it affects only the link.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn names(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory.as_fd())? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let named = Path::new(name).extension().is_some_and(|extension| extension == EXTENSION);
        if named && is_file(directory.as_fd(), name, entry.file_type()) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Some file systems do not report the type of an entry.
fn is_file(directory: BorrowedFd<'_>, name: &OsStr, file_type: FileType) -> bool {
    let is_file = |kind: FileType| kind == FileType::RegularFile || kind == FileType::Symlink;
    if file_type != FileType::Unknown {
        return is_file(file_type);
    }
    // An entry without a type counts as a file; opening it reports the error.
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_or(true, |stat| is_file(FileType::from_raw_mode(stat.st_mode)))
}

/// The recordings in a directory, by their paths.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = File::open(path)?;
    Ok(names(&directory)?.into_iter().map(|name| path.join(name)).collect())
}

/// Opens a recording that was found in a directory. Another user may have replaced it since, so links are not followed, and a
/// pipe does not block.
///
/// # Errors
///
/// If it is not a regular file, or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(io::Error::other(
                "it is a symbolic link, which oomtrace does not follow in a directory; pass its target instead",
            ));
        }
        opened => opened?,
    };
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is not a regular file"))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{fs::symlink, net::UnixListener},
    };

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::{files, open};

    #[test]
    fn lists_only_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("2.oomtrace"), "").unwrap();
        fs::write(path("1.oomtrace"), "").unwrap();
        fs::write(path("notes.txt"), "").unwrap();
        fs::create_dir(path("3.oomtrace")).unwrap();
        let _socket = UnixListener::bind(path("4.oomtrace")).unwrap();
        assert_eq!(files(directory.path()).unwrap(), [path("1.oomtrace"), path("2.oomtrace")]);
    }

    #[test]
    fn opens_no_link_and_waits_for_no_pipe() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("1.oomtrace"), "").unwrap();
        symlink(path("1.oomtrace"), path("2.oomtrace")).unwrap();
        mkfifoat(CWD, path("3.oomtrace"), Mode::RUSR).unwrap();
        assert_eq!(files(directory.path()).unwrap(), [path("1.oomtrace"), path("2.oomtrace")]);
        open(&path("1.oomtrace")).unwrap();
        assert!(open(&path("2.oomtrace")).unwrap_err().to_string().contains("symbolic link"));
        assert!(open(&path("3.oomtrace")).unwrap_err().to_string().contains("regular file"));
    }
}
