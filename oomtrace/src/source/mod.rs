//! Sources of frames. Downstream of a source, no code can tell a live kernel from a recording.

mod arguments;
mod call_traces;
pub mod census;
pub mod cgroup_paths;
pub mod cgroupfs;
pub mod history;
mod kernfs;
mod known;
pub mod live;
mod lookups;
pub mod loss;
mod mappings;
pub mod memcg;
pub mod memory_stat;
pub mod names;
mod pace;
pub mod pending;
pub mod pressure;
pub mod procfs;
pub mod recordings;
pub mod replay;
mod ring;
pub mod session;
pub mod shortage;
mod wall_clock;

use std::{io, path::PathBuf};

use crate::recording::{ReadError, folder::EXTENSION};

/// A stream of frames.
pub trait Source {
    /// Fills `batch` with the next frames, whole ones in a row. A live source waits for them, until `deadline` (boot ns) at
    /// most.
    ///
    /// # Errors
    ///
    /// If the kernel or the file fails; frames already given stay valid.
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError>;
}

/// What [`Source::next`] brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Frames, or none before the deadline; there may be more.
    Frames,
    /// The last ones.
    Last(Ended),
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// SIGINT or SIGTERM.
    Signal,
    /// Nobody reads the output any more.
    NoReader,
    /// The recording is over.
    Recording,
}

/// Why a stream broke.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The object in this binary is not the one this code was written for.
    #[error("the eBPF object has no map {0}")]
    NoMap(&'static str),
    /// A map cannot be used.
    #[error("the eBPF map {0} could not be used: {1}")]
    Map(&'static str, #[source] Box<aya::maps::MapError>),
    /// The ring buffer cannot be read.
    #[error("the ring buffer could not be mapped: {0}")]
    Ring(#[source] io::Error),
    /// A program lost its hook.
    #[error("the eBPF programs could not be held: {0}")]
    Programs(#[source] Box<aya::programs::ProgramError>),
    /// Waiting failed.
    #[error("waiting for the kernel failed: {0}")]
    Poll(#[source] io::Error),
    /// A recording cannot be read on.
    #[error(transparent)]
    Recording(#[from] ReadError),
    /// One of several recordings cannot be read on.
    #[error("reading {}", .path.display())]
    InFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: ReadError,
    },
    /// A folder without recordings.
    #[error("{} contains no recording (no *.{EXTENSION} file)", .path.display())]
    EmptyFolder {
        /// Which.
        path: PathBuf,
    },
}
