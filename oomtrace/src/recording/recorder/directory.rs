//! The directory that recordings are made in, held open: files are made and removed in it by name, and whoever can exchange it,
//! or a directory above it, cannot have that done elsewhere.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, TryLockError},
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};

use super::Place;
use crate::{recording::folder::names, trust::open_directory};

/// Whoever may read a recording reads command lines.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

const ADVICE: &str = "name a directory of your own";

/// Bytes of the blocks that `stat` counts.
const STAT_BLOCK_BYTES: u64 = 512;

/// An open directory.
pub(super) struct Directory {
    file: File,
    /// As it was named.
    path: PathBuf,
}

impl Directory {
    /// Opens the directory of a place. One for many recordings is made where it is missing, and kept for one recorder.
    pub(super) fn open(place: &Place) -> io::Result<Self> {
        Self::walk(place)?.locked(place)
    }

    /// Opens it again where the path has come to lead to another one: somebody has moved it away, or removed it.
    pub(super) fn follow(&mut self, place: &Place) -> io::Result<()> {
        let now = Self::walk(place)?;
        let (old, new) = (fstat(&self.file)?, fstat(&now.file)?);
        if (old.st_dev, old.st_ino) != (new.st_dev, new.st_ino) {
            *self = now.locked(place)?;
        }
        Ok(())
    }

    fn walk(place: &Place) -> io::Result<Self> {
        let (path, make) = match place {
            Place::File(path) => (path.parent().unwrap_or(Path::new("")), false),
            Place::Folder(path, _) => (path.as_path(), true),
        };
        let file = File::from(if make { open_directory(path, ADVICE)? } else { existing(path)? });
        Ok(Self { file, path: path.to_owned() })
    }

    fn locked(self, place: &Place) -> io::Result<Self> {
        if let Place::Folder(..) = place {
            self.lock()?;
        }
        Ok(self)
    }

    /// Two recorders would remove each other's files, and each decision would be there twice. The lock ends with the process.
    fn lock(&self) -> io::Result<()> {
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "another oomtrace records to this folder"))
            }
            // Where the file system knows no locks, there is nothing better to do.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    /// A file's path, for messages.
    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a file that must not exist.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.file, name, flags, MODE)?))
    }

    /// Removes a file; a link, and never what it leads to.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.file, name, AtFlags::empty())?)
    }

    /// What is there of that name.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The recordings, oldest first.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        names(self.file.as_fd())
    }

    /// The recordings, oldest first, with their bytes on disk.
    pub(super) fn recordings(&self) -> io::Result<Vec<(OsString, u64)>> {
        let bytes = |name: &OsString| {
            u64::try_from(self.stat(name).ok()?.st_blocks).ok()?.checked_mul(STAT_BLOCK_BYTES)
        };
        Ok(self.names()?.into_iter().filter_map(|name| bytes(&name).map(|bytes| (name, bytes))).collect())
    }

    /// Has its entries on disk. File systems with a journal do that with the file; where it fails, there is nothing better to do.
    pub(super) fn sync(&self) {
        let _ = self.file.sync_all();
    }
}

/// A single file's directory is not made.
fn existing(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    if path.as_os_str().is_empty() || path.exists() {
        return Ok(open_directory(path, ADVICE)?);
    }
    Err(io::ErrorKind::NotFound.into())
}
