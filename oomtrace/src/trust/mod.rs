//! Opens paths only as far as they can be trusted. If another user may have created or replaced an entry, symbolic links are
//! not followed, and files are checked after they were opened.
//!
//! A path is walked one component at a time, from an open descriptor to the next (`O_NOFOLLOW`). Every check uses an open
//! descriptor, so an entry cannot be replaced between the check and its use.

mod directory;
mod output;
mod walk;

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, Stat},
    io::Errno,
    process::geteuid,
};

pub(crate) use self::{
    directory::Directory,
    output::Output,
    walk::{Links, Place, open_directory, resolve},
};

/// The reason why a path is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// Another user could have created or replaced it.
    #[error("refusing {}: {why}; {advice}", .path.display())]
    Refused {
        /// The part that was followed.
        path: PathBuf,
        /// The problem.
        why: Why,
        /// Advice for the user.
        advice: &'static str,
    },
    /// The system failed.
    #[error("cannot open {}: {error}", .path.display())]
    System {
        /// The part that was followed.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// The reason why a file or directory is not trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Why {
    /// It belongs to another user.
    #[error("it is owned by uid {0}, not {us}", us = us())]
    Owner(u32),
    /// Its mode allows other users to write.
    #[error("other users can write to it (mode {0:04o})")]
    Writable(u32),
    /// It is a link to another file.
    #[error("it is a symbolic link")]
    SymbolicLink,
    /// A symbolic link that another user may have created.
    #[error("it is a symbolic link that another user may have created")]
    ForeignLink,
    /// The file has another name somewhere.
    #[error("the file has a second name (a hard link)")]
    HardLink,
    /// It is a directory, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is larger than any valid file.
    #[error("it is larger than {0} bytes")]
    Large(u64),
}

fn us() -> String {
    match geteuid().as_raw() {
        0 => "root".to_owned(),
        uid => format!("root or uid {uid}"),
    }
}

impl TrustError {
    /// The system's kind of error. A refusal has no kind of its own.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Refused { .. } => io::ErrorKind::PermissionDenied,
            Self::System { error, .. } => error.kind(),
        }
    }
}

impl From<TrustError> for io::Error {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::System { error, .. } => error,
            TrustError::Refused { .. } => Self::new(error.kind(), error),
        }
    }
}

fn system(path: &Path, error: Errno) -> TrustError {
    TrustError::System { path: path.to_owned(), error: error.into() }
}

/// Whether files of this user are trusted: root's, and the current user's.
fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

/// The bits of a mode that let other users write.
const OTHERS_WRITE: u32 = 0o022;

/// Whether no other user can remove or replace an entry of this user in a directory. In a sticky directory (`/tmp`), others can
/// add entries but cannot change those of other users.
fn is_private(directory: &Stat) -> bool {
    why_not_private(directory, None).is_none()
}

/// Also accepts a directory of the user `also`.
fn why_not_private(directory: &Stat, also: Option<u32>) -> Option<Why> {
    let is_sticky = directory.st_mode & Mode::SVTX.bits() != 0;
    if !is_trusted(directory.st_uid) && Some(directory.st_uid) != also {
        return Some(Why::Owner(directory.st_uid));
    }
    (directory.st_mode & OTHERS_WRITE != 0 && !is_sticky).then(|| Why::Writable(permissions(directory)))
}

const fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}
