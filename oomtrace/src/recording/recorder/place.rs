//! Where recordings go: one file, or a folder of files that is kept below a size.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::directory::Directory;
use crate::recording::folder::EXTENSION;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

/// Bytes that are reserved beyond what is written.
const AHEAD_BYTES: u64 = 4 << 20;

/// A file's name in a folder, without the extension: names sort as the files were begun.
const STEM: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:6]Z");

/// When a file says it was begun, if it has a name of ours.
fn begun(path: &Path) -> Option<OffsetDateTime> {
    let stem = path.file_stem()?.to_str()?;
    PrimitiveDateTime::parse(stem, STEM).ok().map(PrimitiveDateTime::assume_utc)
}

/// One file, or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This file. It must not exist.
    File(PathBuf),
    /// Files in this folder, named by when they were begun.
    Folder(PathBuf, Rotation),
}

/// When another file begins, and when old ones go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Age of a file.
    pub file_age: Duration,
    /// Bytes on disk of all files in the folder; the oldest go first, the one being written never does.
    pub total_bytes: u64,
}

impl Place {
    /// A name for the next file. In a folder it comes after all that are there, whatever the clock says: one that was set back, or that begins
    /// in 1970 at every boot, would have the latest files taken for the oldest.
    pub(super) fn next_name(&self, directory: &Directory, now: OffsetDateTime) -> io::Result<OsString> {
        match self {
            Self::File(path) => {
                path.file_name().map(ToOwned::to_owned).ok_or(io::ErrorKind::IsADirectory.into())
            }
            Self::Folder(..) => {
                let latest = directory.names()?.iter().rev().find_map(|name| begun(Path::new(name)));
                let next = latest.and_then(|latest| latest.checked_add(time::Duration::MICROSECOND));
                let after = next.map_or(now, |next| now.max(next));
                let stem = after.format(STEM).map_err(io::Error::other)?;
                Ok(format!("{stem}.{EXTENSION}").into())
            }
        }
    }

    /// Whether a file of that size and age is full.
    pub(super) fn is_full(&self, bytes: u64, age: Duration, settled: bool) -> bool {
        match self {
            Self::File(_) => false,
            // An incident is kept in one file, unless the file grows beyond all measure for it.
            Self::Folder(_, rotation) => {
                let full = bytes >= rotation.file_bytes || age >= rotation.file_age;
                full && (settled || bytes >= rotation.file_bytes.saturating_mul(2))
            }
        }
    }

    /// Bytes that are reserved beyond what is written.
    pub(super) fn ahead_bytes(&self) -> u64 {
        match self {
            Self::File(_) => AHEAD_BYTES,
            Self::Folder(_, rotation) => AHEAD_BYTES.min(rotation.file_bytes),
        }
    }

    /// Removes the oldest files until all together fit. One that cannot be removed is returned, the last if there are several:
    /// it is no reason not to record.
    pub(super) fn prune(&self, directory: &Directory, current: &OsStr) -> Option<(PathBuf, io::Error)> {
        let Self::Folder(folder, rotation) = self else { return None };
        let mut files = match directory.recordings() {
            Ok(files) => files,
            Err(error) => return Some((folder.clone(), error)),
        };
        files.retain(|(name, _)| name != current);
        let mut total = files.iter().fold(0_u64, |total, (_, bytes)| total.saturating_add(*bytes));
        // The one being written will have its measure.
        let most =
            rotation.total_bytes.saturating_sub(rotation.file_bytes.saturating_add(self.ahead_bytes()));
        let mut left = None;
        for (name, bytes) in files {
            if total <= most {
                break;
            }
            match directory.remove(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    left = Some((directory.path(&name), error));
                }
                Ok(()) | Err(_) => total = total.saturating_sub(bytes),
            }
        }
        left
    }
}
