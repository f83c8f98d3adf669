//! Sources of frames. Code that uses a source cannot tell a live kernel from a recording.
//!
//! A source is [`live`], one recording ([`replay`]) or several ([`recordings`]). The other modules read what a live source adds
//! to the frames of the kernel side.

mod afterwards;
mod below;
pub mod cgroup;
pub(crate) mod following;
mod heartbeat;
pub mod history;
pub mod live;
mod lookups;
pub(crate) mod loss;
pub mod names;
mod pace;
pub(crate) mod pending;
pub mod prekill;
pub mod process;
pub mod recordings;
pub mod replay;
mod ring;
pub(crate) mod session;
pub(crate) mod shortage;
mod wall_clock;

use std::{io, path::PathBuf};

pub use self::heartbeat::Heartbeat;
use crate::recording::{ReadError, directory::EXTENSION};

/// A stream of frames.
pub trait Source {
    /// Replaces the contents of `batch` with the next frames. The frames are complete.
    /// A live source waits for them, at most until `deadline` (boot ns).
    ///
    /// # Errors
    ///
    /// If the kernel or the file fails. Frames that were already returned stay valid.
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError>;
}

/// The result of [`Source::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Frames, or none before the deadline. More may follow.
    Frames,
    /// The last frames.
    Last(Ended),
}

/// The reason why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// SIGINT or SIGTERM.
    Signal,
    /// The output has no reader any more.
    NoReader,
    /// The recording ended.
    Recording,
}

/// The reason why a stream failed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A map is missing: the object in this binary does not match this code.
    #[error("the eBPF object has no map {0}")]
    NoMap(&'static str),
    /// A map cannot be used.
    #[error("the eBPF map {0} could not be used: {1}")]
    Map(&'static str, #[source] Box<aya::maps::MapError>),
    /// The ring buffer cannot be read.
    #[error("the ring buffer could not be mapped: {0}")]
    Ring(#[source] io::Error),
    /// A program could not be held.
    #[error("the eBPF programs could not be held: {0}")]
    Programs(#[source] Box<aya::programs::ProgramError>),
    /// Waiting failed.
    #[error("waiting for the kernel failed: {0}")]
    Poll(#[source] io::Error),
    /// A recording cannot be read further.
    #[error(transparent)]
    Recording(#[from] ReadError),
    /// One of several recordings cannot be read further.
    #[error("reading {}", .path.display())]
    InFile {
        /// The recording.
        path: PathBuf,
        /// The error.
        #[source]
        error: ReadError,
    },
    /// A directory contains no recordings.
    #[error("{} contains no recording (no *.{EXTENSION} file)", .path.display())]
    EmptyDirectory {
        /// The directory.
        path: PathBuf,
    },
}
