//! The output of a recorder: one file, or a directory whose files are kept below a total size.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::recording::directory::EXTENSION;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

/// Bytes that are reserved on disk beyond the written ones.
const AHEAD_BYTES: u64 = 4 << 20;

/// The name of a file in a directory, without the extension. Names sort by the time when the files were started.
const STEM: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:6]Z");

/// The time in a file's name, if oomtrace gave it that name.
fn begun(path: &Path) -> Option<OffsetDateTime> {
    let stem = path.file_stem()?.to_str()?;
    PrimitiveDateTime::parse(stem, STEM).ok().map(PrimitiveDateTime::assume_utc)
}

/// One file, or a directory of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file. It must not exist.
    File(PathBuf),
    /// Files in this directory, named by the time when they were started.
    Directory(PathBuf, Rotation),
}

/// The limits at which a new file is started and old ones are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Size of a file, in bytes.
    pub file_bytes: u64,
    /// Age of a file.
    pub file_age: Duration,
    /// Bytes on disk of all files in the directory. The oldest are removed first, the current one never.
    pub total_bytes: u64,
}

impl Place {
    /// A name for the next file. In a directory it sorts after all existing names, whatever the clock says. Otherwise, if the
    /// clock was set back or starts in 1970 at every boot, the newest files would look like the oldest.
    pub(super) fn next_name(
        &self,
        names: impl FnOnce() -> io::Result<Vec<OsString>>,
        now: OffsetDateTime,
    ) -> io::Result<OsString> {
        match self {
            Self::File(path) => {
                path.file_name().map(ToOwned::to_owned).ok_or(io::ErrorKind::IsADirectory.into())
            }
            Self::Directory(..) => {
                let latest = names()?.iter().rev().find_map(|name| begun(Path::new(name)));
                let next = latest.and_then(|latest| latest.checked_add(time::Duration::MICROSECOND));
                let after = next.map_or(now, |next| now.max(next));
                let stem = after.format(STEM).map_err(io::Error::other)?;
                Ok(format!("{stem}.{EXTENSION}").into())
            }
        }
    }

    /// Whether a file with this size and age is full.
    pub(super) fn is_full(&self, bytes: u64, age: Duration, settled: bool) -> bool {
        match self {
            Self::File(_) => false,
            // An incident stays in one file, unless that would double the file's size.
            Self::Directory(_, rotation) => {
                let full = bytes >= rotation.file_bytes || age >= rotation.file_age;
                full && (settled || bytes >= rotation.file_bytes.saturating_mul(2))
            }
        }
    }

    /// Bytes that are reserved on disk beyond the written ones.
    pub(super) fn ahead_bytes(&self) -> u64 {
        match self {
            Self::File(_) => AHEAD_BYTES,
            Self::Directory(_, rotation) => AHEAD_BYTES.min(rotation.file_bytes),
        }
    }

    /// Bytes that all files together may have before a new file is started, so that the new one still fits. `None` for a single
    /// file.
    pub(super) fn most_bytes(&self) -> Option<u64> {
        let Self::Directory(_, rotation) = self else { return None };
        Some(rotation.total_bytes.saturating_sub(rotation.file_bytes.saturating_add(self.ahead_bytes())))
    }
}
