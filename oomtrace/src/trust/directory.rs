//! A directory in which only root or the current user can have created entries.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read as _,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fsync, mkdirat, openat, renameat, statat, unlinkat,
    },
    io::Errno,
};

use super::{OTHERS_WRITE, TrustError, Why, is_trusted, permissions, system, why_not_private};

const DIRECTORY: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

/// Does not follow links, does not wait for the other end of a pipe, and is not inherited.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// Only its owner can read and write it.
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The directory and its path for messages.
#[derive(Debug)]
pub(crate) struct Directory {
    directory: OwnedFd,
    path: PathBuf,
    advice: &'static str,
    /// Another user whose directories and files are accepted as well.
    also: Option<u32>,
}

impl Directory {
    /// Opens it. Every directory of the path must belong to root or the current user, and must not be writable by others.
    ///
    /// # Errors
    ///
    /// If a component is not trusted or cannot be opened. `advice` says what to do then.
    pub(crate) fn open(path: &Path, advice: &'static str) -> Result<Self, TrustError> {
        Self::walk(path, advice, None, false)
    }

    /// The same, but directories and files may also belong to the user `also`. Their content
    /// may be invented by this user.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`].
    pub(crate) fn open_of(path: &Path, also: u32) -> Result<Self, TrustError> {
        Self::walk(path, "", Some(also), false)
    }

    /// Opens a directory and creates missing components, accessible to the current user only.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`].
    pub(crate) fn make(path: &Path, advice: &'static str) -> Result<Self, TrustError> {
        Self::walk(path, advice, None, true)
    }

    fn walk(path: &Path, advice: &'static str, also: Option<u32>, make: bool) -> Result<Self, TrustError> {
        let start = Path::new(if path.is_absolute() { "/" } else { "." });
        let directory = openat(CWD, start, DIRECTORY, Mode::empty()).map_err(|error| system(start, error))?;
        let mut here = Self { directory, path: start.to_owned(), advice, also };
        here.check()?;
        let parts = path.components();
        for part in parts.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir)) {
            here = here.enter(part.as_os_str(), make)?;
        }
        Ok(here)
    }

    fn enter(self, name: &OsStr, make: bool) -> Result<Self, TrustError> {
        let path = self.path.join(name);
        let mut opened = openat(&self.directory, name, DIRECTORY, Mode::empty());
        if make && matches!(opened, Err(Errno::NOENT)) {
            match mkdirat(&self.directory, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(system(&path, error)),
            }
            opened = openat(&self.directory, name, DIRECTORY, Mode::empty());
        }
        let directory = opened.map_err(|error| self.failed(name, error))?;
        let entered = Self { directory, path, advice: self.advice, also: self.also };
        entered.check().map(|()| entered)
    }

    fn check(&self) -> Result<(), TrustError> {
        let stat = fstat(&self.directory).map_err(|error| system(&self.path, error))?;
        why_not_private(&stat, self.also).map_or(Ok(()), |why| Err(self.refused(self.path.clone(), why)))
    }

    /// The path, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file in it. With `OFlags::CREATE` only its owner can access it.
    ///
    /// # Errors
    ///
    /// If it is not a regular file, belongs to another user, is writable by others, or has a second name.
    pub(crate) fn file(&self, name: &str, flags: OFlags) -> Result<File, TrustError> {
        let opened = openat(&self.directory, name, FILE | flags, PRIVATE_FILE);
        let file = opened.map_err(|error| self.failed(OsStr::new(name), error))?;
        let stat = fstat(&file).map_err(|error| system(&self.path.join(name), error))?;
        why_not_own(&stat, self.also)
            .map_or_else(|| Ok(File::from(file)), |why| Err(self.refused(self.path.join(name), why)))
    }

    /// Reads a file with at most this many bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Those of [`Self::file`], or if it is longer.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, TrustError> {
        let file = match self.file(name, OFlags::RDONLY) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes);
        let path = self.path.join(name);
        match read.map(|read| u64::try_from(read).unwrap_or(u64::MAX)) {
            Ok(read) if read > most => Err(self.refused(path, Why::Large(most))),
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(TrustError::System { path, error }),
        }
    }

    /// Renames a file in it, and replaces an existing one.
    ///
    /// # Errors
    ///
    /// If the system reports an error.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), TrustError> {
        renameat(&self.directory, from, &self.directory, to)
            .map_err(|error| system(&self.path.join(to), error))
    }

    /// Removes a file in it, if it exists.
    ///
    /// # Errors
    ///
    /// If the system reports an error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TrustError> {
        match unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(system(&self.path.join(name), error)),
        }
    }

    /// Writes its entries to disk.
    ///
    /// # Errors
    ///
    /// If the system reports an error.
    pub(crate) fn sync(&self) -> Result<(), TrustError> {
        fsync(&self.directory).map_err(|error| system(&self.path, error))
    }

    fn refused(&self, path: PathBuf, why: Why) -> TrustError {
        TrustError::Refused { path, why, advice: self.advice }
    }

    /// `O_NOFOLLOW` fails with different errors for a symbolic link, so the type is checked afterwards.
    fn failed(&self, name: &OsStr, error: Errno) -> TrustError {
        let path = self.path.join(name);
        let found = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let kind = found.map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::Symlink) => self.refused(path, Why::SymbolicLink),
            _ => system(&path, error),
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

fn why_not_own(file: &Stat, also: Option<u32>) -> Option<Why> {
    if FileType::from_raw_mode(file.st_mode) != FileType::RegularFile {
        return Some(Why::NotAFile);
    }
    if !is_trusted(file.st_uid) && Some(file.st_uid) != also {
        return Some(Why::Owner(file.st_uid));
    }
    if file.st_mode & OTHERS_WRITE != 0 {
        return Some(Why::Writable(permissions(file)));
    }
    // A link that another user created to a file of this user, which does not belong here.
    (file.st_nlink > 1).then_some(Why::HardLink)
}
