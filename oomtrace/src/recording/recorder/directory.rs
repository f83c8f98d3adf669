//! The open directory of the recordings. Files in it are created and removed by name relative to the descriptor, so a user who
//! replaces the directory, or one above it, cannot redirect them.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, TryLockError},
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};

use super::Place;
use crate::{recording::directory::names, trust::open_directory};

/// Only the owner may read recordings, because they contain command lines.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

const ADVICE: &str = "pass a directory that you own";

/// Bytes of the blocks that `stat` counts.
const STAT_BLOCK_BYTES: u64 = 512;

/// An open directory.
pub(super) struct Directory {
    file: File,
    /// The path as the user gave it.
    path: PathBuf,
}

impl Directory {
    /// Opens the directory of a place. A directory for many recordings is created if it is missing, and locked for one recorder.
    pub(super) fn open(place: &Place) -> io::Result<Self> {
        Self::walk(place)?.locked(place)
    }

    /// Opens it again if the path now leads to another directory, because the old one was moved or removed.
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
            Place::Directory(path, _) => (path.as_path(), true),
        };
        let file = File::from(if make { open_directory(path, ADVICE)? } else { existing(path)? });
        Ok(Self { file, path: path.to_owned() })
    }

    fn locked(self, place: &Place) -> io::Result<Self> {
        if let Place::Directory(..) = place {
            self.lock()?;
        }
        Ok(self)
    }

    /// Locks the directory. Two recorders would remove each other's files and record each decision twice. The lock ends with
    /// the process.
    fn lock(&self) -> io::Result<()> {
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "another oomtrace records to this directory"))
            }
            // Some file systems have no locks; recording works without one.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    /// A file's path, for messages.
    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file that must not exist.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.file, name, flags, MODE)?))
    }

    /// Removes a file, or a link but never its target.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.file, name, AtFlags::empty())?)
    }

    /// The metadata of the entry with that name; links are not followed.
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

    /// Removes the oldest recordings until all together fit the place. Returns the last file that could not be removed; recording
    /// continues without its space.
    pub(super) fn prune(&self, place: &Place, current: &OsStr) -> Option<(PathBuf, io::Error)> {
        let most = place.most_bytes()?;
        let mut files = match self.recordings() {
            Ok(files) => files,
            Err(error) => return Some((self.path.clone(), error)),
        };
        files.retain(|(name, _)| name != current);
        let mut total = files.iter().fold(0_u64, |total, (_, bytes)| total.saturating_add(*bytes));
        let mut left = None;
        for (name, bytes) in files {
            if total <= most {
                break;
            }
            match self.remove(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    left = Some((self.path(&name), error));
                }
                Ok(()) | Err(_) => total = total.saturating_sub(bytes),
            }
        }
        left
    }

    /// Writes its entries to disk. Journaling file systems do that together with the file, so an error is ignored.
    pub(super) fn sync(&self) {
        let _ = self.file.sync_all();
    }
}

/// Opens the directory of a single file, which is not created.
fn existing(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    if path.as_os_str().is_empty() || path.exists() {
        return Ok(open_directory(path, ADVICE)?);
    }
    Err(io::ErrorKind::NotFound.into())
}
