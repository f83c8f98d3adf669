//! What consumers want the user to know.

use std::{io, time::Duration};

/// Something the user should hear of.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A queue was full.
    #[error("{consumer}: too slow, {count} {} dropped so far", if *.count == 1 { "report was" } else { "reports were" })]
    Dropped {
        /// The option that asked for it.
        consumer: &'static str,
        /// Reports that it did not get since the start.
        count: u64,
    },
    /// More of the same within a minute.
    #[error("{consumer}: {count} more such messages were left out")]
    LeftOut {
        /// The option that asked for it.
        consumer: &'static str,
        /// How many.
        count: u64,
    },
    /// The consumers needed more time at the end than they may have.
    #[error("the last reports were still not delivered when oomtrace ended: a consumer took too long")]
    Unfinished,
    /// A connection could not be taken.
    #[error("--metrics: cannot accept a connection: {0}")]
    Accept(io::Error),
    /// A command did not do its work.
    #[error("--exec: {program}: {error}")]
    Hook {
        /// The program.
        program: String,
        /// Why.
        error: HookError,
    },
    /// An entry could not be written.
    #[error("--journal: cannot write an entry: {0}")]
    Journal(io::Error),
}

impl Trouble {
    /// The consumer, and which trouble: those that are alike share their minute.
    pub(super) const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Dropped { consumer, .. } => (consumer, "dropped"),
            Self::LeftOut { consumer, .. } => (consumer, "left out"),
            Self::Unfinished => ("", "unfinished"),
            Self::Hook { .. } => ("--exec", "hook"),
            Self::Journal(_) => ("--journal", "write"),
            Self::Accept(_) => ("--metrics", "accept"),
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The system did not start it.
    #[error("it could not be started: {0}")]
    Start(io::Error),
    /// It ran out of time.
    #[error("it did not end within {} and was killed", humantime::format_duration(*.0))]
    Time(Duration),
    /// It said so itself.
    #[error("{status}{}{said}", if .said.is_empty() { "" } else { ": " })]
    Status {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The first line of its standard error.
        said: String,
    },
    /// Its end could not be seen.
    #[error("waiting for it failed: {0}")]
    Wait(io::Error),
}

/// Where troubles are reported.
pub type Tell = Box<dyn Fn(&Trouble) + Send + Sync>;
